"""Scalings of numbers and codes of levels, against scikit-learn and the formulas of the papers."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from thalweg.core.errors import ArgumentError, DataWarning
from thalweg.data.codes import Codes
from thalweg.data.encode import Encoder
from thalweg.data.levels import Levels
from thalweg.data.numbers import Numbers
from thalweg.data.read import read
from thalweg.data.scalings import SCALINGS

RNG = np.random.default_rng(1)


def skewed(n: int = 4000) -> np.ndarray:
    x = np.exp(RNG.normal(size=(n, 5))) * [1, 10, 1e6, 1, 1]
    x[:, 3] = np.where(RNG.random(n) < 0.8, 0.0, x[:, 3])  # quartiles are equal
    x[:, 4] = 7.0
    return x


def smooth_clipped(z: np.ndarray) -> np.ndarray:
    return z / np.sqrt(1 + (z / 3) ** 2)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_robust_equals_the_robust_scaler_smoothly_clipped(dtype: type) -> None:
    from sklearn.preprocessing import RobustScaler

    x = skewed().astype(dtype)
    got = Numbers.fit(x, scaling="robust").transform(x)
    wide = x.astype(np.float64)
    expected = smooth_clipped(RobustScaler().fit_transform(wide))
    np.testing.assert_allclose(got[:, :3], expected[:, :3], atol=2e-5)
    flat = smooth_clipped((wide[:, 3] - np.median(wide[:, 3])) * 2 / np.ptp(wide[:, 3]))
    np.testing.assert_allclose(got[:, 3], flat, atol=2e-5)
    assert not got[:, 4].any()
    assert np.abs(got).max() <= 3


def test_numbers_far_from_zero_are_centered_in_float64_whatever_their_type() -> None:
    x = (2e7 + 4 * np.round(np.random.default_rng(0).normal(size=(200, 1)))).astype(
        np.float32
    )  # each of them float32 can hold
    wide = x.astype(np.float64)
    got, expected = (Numbers.fit(of).transform(of) for of in (x, wide))
    np.testing.assert_allclose(got, expected, atol=1e-4)
    np.testing.assert_allclose(got, (wide - wide.mean()) / wide.std(), atol=1e-4)


def test_quantile_equals_the_quantile_transformer() -> None:
    from scipy.stats import norm, rankdata
    from sklearn.preprocessing import QuantileTransformer

    x = skewed(6001)
    peer = QuantileTransformer(n_quantiles=6001, subsample=None, output_distribution="normal").fit(x)
    fresh = skewed(2000)
    got, expected = Numbers.fit(x, scaling="quantile").transform(fresh), peer.transform(fresh)
    inside = np.abs(expected[:, :3]) < 3
    # Knots are a thousandth apart: so much F may be off, and z by that over its density.
    error = np.abs(got - expected)[:, :3] * norm.pdf(expected[:, :3])
    assert (error[inside] < 1e-3).all()
    # A spike has the score of the middle of its jump.
    spike = norm.ppf((rankdata(x[:, 3]).min() - 0.5) / len(x))
    np.testing.assert_allclose(got[:, 3][fresh[:, 3] == 0], spike, atol=1e-3)
    assert not got[:, 4].any()
    extremes = Numbers.fit(x, scaling="quantile").transform(np.array([[-1e20] * 5, [1e20] * 5]))
    assert (np.abs(extremes) < 5.3).all()
    assert (np.diff(Numbers.fit(x, scaling="quantile").transform(np.sort(x, axis=0)), axis=0) >= 0).all()


def test_few_rows_have_the_normal_scores_of_their_ranks() -> None:
    from scipy.stats import norm, rankdata

    x = np.array([3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0])[:, None]
    expected = norm.ppf((rankdata(x[:, 0]) - 0.5) / len(x))
    np.testing.assert_allclose(Numbers.fit(x, scaling="quantile").transform(x)[:, 0], expected, atol=1e-6)


def test_adaptive_is_robust_but_for_heavy_tails() -> None:
    """Of normal numbers 0.7 % lie over two quartile distances away, of log-normal ones more than 2 %."""
    rng = np.random.default_rng(0)
    normal = rng.normal(size=(3000, 1))
    x = np.hstack([normal, np.exp(normal), np.where(rng.random((3000, 1)) < 0.1, np.exp(3 * normal), 0)])
    got = Numbers.fit(x, scaling="adaptive").transform(x)
    np.testing.assert_allclose(got[:, 0], Numbers.fit(x[:, :1], scaling="robust").transform(x[:, :1])[:, 0], atol=1e-6)
    scores = Numbers.fit(x, scaling="quantile").transform(x) / 1.349
    np.testing.assert_allclose(got[:, 1:], smooth_clipped(scores)[:, 1:], atol=1e-4)
    # A monotone map does not change scores: both columns come out alike, but for the straight lines between knots.
    np.testing.assert_allclose(got[:, 1], smooth_clipped(scores)[:, 0], atol=0.02)


@pytest.mark.parametrize("scaling", SCALINGS)
def test_missing_numbers_take_the_median_and_an_indicator(scaling: str) -> None:
    x = skewed(301)
    full = Numbers.fit(x[:, :2], scaling=scaling)
    x[::7, 0] = np.nan
    numbers = Numbers.fit(x[:, :2], scaling=scaling)
    z = numbers.transform(x[:, :2])
    assert z.shape == (301, 3)
    np.testing.assert_array_equal(z[:, 2], np.isnan(x[:, 0]))
    middle = numbers.transform(np.array([[np.nanmedian(x[:, 0]), 1.0]]))[0, 0]
    np.testing.assert_allclose(z[::7, 0], middle, atol=1e-6)
    late = full.transform(np.array([[np.nan, 1.0]]))  # training missed none
    assert late.shape == (1, 2)
    assert np.isfinite(late).all()


@pytest.mark.parametrize("scaling", SCALINGS)
def test_rows_from_disk_and_json_give_the_same_bits(scaling: str, tmp_path: Path) -> None:
    x = skewed(700).astype(np.float32)
    x[3, 1] = np.nan
    np.save(tmp_path / "x.npy", x)
    table = read((np.load(tmp_path / "x.npy", mmap_mode="r"), np.arange(700) % 2))
    assert table.is_mapped
    encoder = Encoder.fit(table, scaling=scaling)
    whole = encoder.features(table)
    pieces = [encoder.transform_rows(x[i : i + 64]) for i in range(0, 700, 64)]
    np.testing.assert_array_equal(np.concatenate(pieces), whole)
    again = Encoder.from_dict(json.loads(json.dumps(encoder.to_dict())))
    np.testing.assert_array_equal(again.features(table), whole)
    assert encoder.layout.numbers == 5
    assert encoder.layout.binary == 1


def test_images_share_one_scale() -> None:
    x = RNG.integers(0, 256, (60, 5, 5)).astype(np.uint8)
    z = Encoder.fit(read((x, np.arange(60) % 2)), scaling="robust").features(read((x, np.arange(60) % 2)))
    low, middle, high = np.quantile(x, (0.25, 0.5, 0.75))
    np.testing.assert_allclose(z, smooth_clipped((x.reshape(60, -1) - middle) / (high - low)), atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(
    hnp.arrays(np.float64, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.floats(-1e29, 1e29)),
    st.sampled_from(["robust", "quantile", "adaptive"]),
)
def test_any_array_becomes_bounded_numbers_in_order(x: np.ndarray, scaling: str) -> None:
    numbers = Numbers.fit(x, scaling=scaling)
    z = numbers.transform(x)
    assert (np.abs(z) <= 5.3).all()
    order = np.argsort(x, axis=0, kind="stable")
    assert (np.diff(np.take_along_axis(z, order, axis=0), axis=0) >= 0).all()


def test_an_unknown_scaling_names_the_nearest() -> None:
    with pytest.raises(
        ArgumentError, match=r"scaling: expected one of adaptive, none, quantile, robust, standard.*'robust'\?"
    ):
        Encoder.fit(read("iris"), scaling="robus")


def flights(n: int = 900) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "tail": [f"N{int(i)}" for i in RNG.integers(0, 300, n) ** 2 // 300],
            "origin": RNG.choice(["EWR", "JFK", "LGA"], n),
            "late": RNG.choice([True, False], n),
            "distance": RNG.choice([np.nan, 500.0, 800.0, 900.5], n),
            "target": RNG.normal(size=n),
        }
    )


def test_many_levels_become_codes_in_trailing_columns() -> None:
    table = read(flights())
    encoder = Encoder.fit(table, embed=True)
    x = encoder.features(table)
    tail = table.frame["tail"].to_list()
    known = sorted(name for name in set(tail) if tail.count(name) >= 2)
    assert len(known) < len(set(tail))
    expected = [known.index(name) + 1 if name in known else 0 for name in tail]
    np.testing.assert_array_equal(x[:, -1], expected)
    assert encoder.layout.codes == (len(known) + 1,)
    # distance; its indicator, three origins and one column of -1 and 1; the code.
    assert (encoder.layout.numbers, encoder.layout.binary, encoder.layout.width) == (1, 5, 7)
    assert encoder.feature_names[-5:] == ("origin=EWR", "origin=JFK", "origin=LGA", "late=true", "tail (code)")
    assert set(np.unique(x[:, -2])) == {-1.0, 1.0}
    assert not encoder.layout.plain
    with pytest.warns(DataWarning, match="the 100 most frequent get a column each"):
        assert Encoder.fit(table).layout.plain
    again = Encoder.from_dict(json.loads(json.dumps(encoder.to_dict())))
    np.testing.assert_array_equal(again.features(table), x)


def test_codes_of_missing_rare_and_unseen_levels_are_zero() -> None:
    train = pl.Series("s", ["a"] * 3 + ["b"] * 2 + ["c"])
    later = pl.Series("s", ["b", "c", None, "z"])
    codes = Codes.fit(train)
    assert codes.transform(later)[0][:, 0].tolist() == [2, 0, 0, 0]
    assert codes.transform(later)[1] == 0  # the rare level taught what to make of others
    all_kept = Codes.fit(train, min_count=1)
    assert all_kept.transform(later)[0][:, 0].tolist() == [2, 3, 0, 0]
    assert all_kept.transform(later)[1] == 2
    assert Codes.fit(train.append(pl.Series("s", [None])), min_count=1).transform(later)[1] == 1


def test_missing_values_have_the_last_code_where_training_has_enough() -> None:
    later = pl.Series("s", ["b", None, "z"])
    train = ["a"] * 3 + ["b"] * 2
    codes = Codes.fit(pl.Series("s", [*train, None, None]))
    assert codes.size == 4
    assert codes.transform(later)[0][:, 0].tolist() == [2, 3, 0]
    assert codes.transform(later)[1] == 1
    again = Codes.from_dict(json.loads(json.dumps(codes.to_dict())))
    assert again == codes
    # One row is too few for a level, and so for what is missing.
    assert Codes.fit(pl.Series("s", [*train, None])).transform(later)[0][:, 0].tolist() == [2, 0, 0]
    # Models of before gave missing values the code 0, and have no vector for another.
    old = Codes.from_dict({"name": "s", "levels": ["a", "b"], "missing": True, "other": False})
    assert old.size == 3
    assert old.transform(later)[0][:, 0].tolist() == [2, 0, 0]
    assert old.transform(later)[1] == 1


def test_unseen_levels_of_codes_are_told() -> None:
    frame = pl.DataFrame({"s": [f"l{i % 12}" for i in range(60)], "n": np.arange(60.0), "target": RNG.normal(size=60)})
    encoder = Encoder.fit(read(frame), embed=True)
    with pytest.warns(DataWarning, match=re.escape("60 cells hold levels that training did not have, in 's'")):
        encoder.features(read(frame.with_columns(s=pl.lit("new"))))


def test_rare_levels_share_a_column_by_their_count() -> None:
    levels = Levels.fit(pl.Series("s", ["a"] * 5 + ["b"] * 4 + ["c", "d"]), min_count=2)
    assert levels.feature_names == ("s=a", "s=b", "s=(other)")
    assert levels.transform(pl.Series("s", ["d", "new", "a"]))[0].tolist() == [[0, 0, 1], [0, 0, 1], [1, 0, 0]]


def test_two_levels_share_one_column() -> None:
    two = Levels.fit(pl.Series("s", [True, False, True]))
    assert two.feature_names == ("s=true",)
    block, unseen = two.transform(pl.Series("s", [True, False, None]))
    assert block[:, 0].tolist() == [1, -1, 0]
    assert unseen == 1
    # A file of schema 2 had two columns.
    old = Levels.from_dict({"name": "s", "levels": ["false", "true"], "missing": False, "other": False})
    assert old.transform(pl.Series("s", [True]))[0].tolist() == [[0, 1]]


def test_files_of_schema_2_are_read() -> None:
    old = {"mean": [1.0, 2.0], "std": [2.0, 0.0], "fill": [1.5, 2.0], "missing": [0], "width": 2}
    numbers = Numbers.from_dict(old)
    assert numbers.transform(np.array([[3.0, 9.0], [np.nan, 2.0]])).tolist() == [[1, 0, 0], [0.25, 0, 1]]
