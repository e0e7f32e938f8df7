"""Splits against scikit-learn's, and the count of shared rows against sets of rows."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from thalweg.core.errors import ArgumentError, DataError, DataWarning
from thalweg.data.read import read
from thalweg.data.split import official_test, shared_rows, split
from thalweg.data.table import Table
from thalweg.recipes.config import RunConfig
from thalweg.recipes.tables import make_tables

RNG = np.random.default_rng(2)


def numbered(y: np.ndarray) -> Table:
    return read((np.arange(len(y), dtype=float)[:, None], y))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(4, 60), min_size=2, max_size=6),
    st.floats(0.15, 0.6),
    st.integers(0, 5),
)
def test_classes_are_split_as_scikit_learn_splits_them(sizes: list[int], fraction: float, seed: int) -> None:
    from sklearn import model_selection

    held_out = math.ceil(fraction * sum(sizes))
    assume(min(held_out, sum(sizes) - held_out) >= len(sizes))  # fewer rows than classes are refused there
    y = RNG.permutation(np.repeat(np.arange(len(sizes)), sizes))
    train, test = split(numbered(y), fraction, seed=seed, stratify=True)
    _, peer = model_selection.train_test_split(y, test_size=fraction, stratify=y, random_state=seed)
    assert len(test) == len(peer)
    ours, theirs = (np.bincount(part, minlength=len(sizes)) for part in (test.target_array(), peer))
    # Remainders that tie are given out at random by both.
    assert np.abs(ours - theirs).max() <= 1
    both = np.concatenate([train.array, test.array])[:, 0]
    assert sorted(both.tolist()) == list(range(len(y)))
    assert set(train.target_array()) == set(range(len(sizes)))


def test_the_seed_decides() -> None:
    table = numbered(RNG.normal(size=100))
    first, again, other = (split(table, 0.3, seed=seed)[1].array.tolist() for seed in (1, 1, 2))
    assert first == again != other


def test_the_default_is_a_fifth_and_the_official_test_set_comes_first() -> None:
    table = numbered(np.arange(50) % 2)
    assert [len(part) for part in split(table)] == [40, 10]
    marked = replace(table, is_test=np.arange(50) >= 44)
    train, test = split(marked)
    assert (len(train), test.array[:, 0].tolist()) == (44, [44, 45, 46, 47, 48, 49])
    assert split(table, marked) == (table, marked)
    assert len(official_test(marked)) == 6
    assert official_test(table) is table


def test_text_one_hot_and_rare_classes_are_stratified() -> None:
    assert len(split(numbered(np.eye(2)[np.arange(20) % 2]), 0.5)[1]) == 10
    frame = pl.DataFrame({"a": range(20), "y": ["u"] * 19 + ["rare"]})
    train, test = split(read(frame), 0.25)
    assert (len(train), len(test)) == (15, 5)


def test_a_mapped_array_is_split_on_disk(tmp_path: Path) -> None:
    mapped = np.lib.format.open_memmap(tmp_path / "x.npy", mode="w+", dtype=np.float32, shape=(20, 2))
    with pytest.warns(DataWarning, match="its last 4 rows are the test set"):
        train, test = split(read((mapped, np.arange(20) % 2)), 0.2)
    assert train.is_mapped
    assert (len(train), len(test)) == (16, 4)


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, 2.0, float("nan")])
def test_fractions_lie_between_zero_and_one(fraction: float) -> None:
    with pytest.raises(ArgumentError, match="test: expected a fraction between 0 and 1"):
        split(numbered(np.arange(10)), fraction)


def test_empty_parts_are_refused() -> None:
    with pytest.raises(DataError, match="at least 2 rows"):
        split(numbered(np.array([1])), 0.5)
    with pytest.raises(DataError, match="leaves no test rows"):
        split(replace(numbered(np.arange(4)), is_test=np.zeros(4, bool)))


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 11),
    st.integers(1, 30),
    st.integers(1, 30),
    st.sampled_from([np.uint8, np.float32, np.float64, np.int16]),
    st.booleans(),
)
def test_shared_rows_are_those_that_compare_equal(width: int, n: int, m: int, dtype: type, with_target: bool) -> None:
    rng = np.random.default_rng(width + 100 * n + m)
    x, z = (rng.integers(0, 2, (k, width)).astype(dtype) for k in (n, m))
    y, t = (rng.integers(0, 2, k) if with_target else None for k in (n, m))
    train, test = (read((a, b), need_target=False) for a, b in ((x, y), (z, t)))
    rows = {(*row, None if y is None else y[i]) for i, row in enumerate(x.tolist())}
    expected = sum((*row, None if t is None else t[i]) in rows for i, row in enumerate(z.tolist()))
    assert shared_rows(train, test) == expected
    # The same as data frames, and one as each.
    frames = [
        Table("f", pl.DataFrame(table.array, list(table.feature_names)), table.target, table.feature_names)
        for table in (train, test)
    ]
    assert shared_rows(*frames) == shared_rows(train, frames[1]) == expected


def test_shared_rows_survive_hash_collisions(monkeypatch: pytest.MonkeyPatch) -> None:
    class Ones:
        def integers(self, *args: object) -> np.ndarray:
            return np.zeros(args[2], np.uint64)  # every weight becomes 1: permuted words collide

    monkeypatch.setattr(np.random, "default_rng", lambda seed: Ones())
    x = np.array([[1, 2], [3, 4], [2, 1]])
    z = np.array([[2, 1], [4, 3], [0, 3]])
    assert shared_rows(read((x, None), need_target=False), read((z, None), need_target=False)) == 1


def test_negative_zero_and_mixed_types_compare_as_numbers() -> None:
    one = read((np.array([[0.0], [5.0]], np.float32), None), need_target=False)
    two = read((np.array([[-0.0], [5.0]]), None), need_target=False)
    three = read((np.array([[0], [5]], np.uint8), None), need_target=False)
    assert shared_rows(one, two) == shared_rows(one, three) == 2


def test_frames_share_rows_with_missing_values_and_other_column_order() -> None:
    frame = pl.DataFrame({"a": [1, None, 3], "b": ["x", None, "z"], "target": [0, 1, 0]})
    other = pl.DataFrame({"target": [1, 0, 0], "b": [None, "x", "z"], "a": [None, 1.0, 4.0]})
    assert shared_rows(read(frame), read(other)) == 2


def test_official_test_rows_are_never_trained_on(tmp_path: Path) -> None:
    marked = replace(numbered(np.arange(50) % 2), is_test=np.arange(50) >= 44)
    for test in (0.5, marked.rows(slice(44, None))):
        with pytest.warns(DataWarning, match="its 6 official test rows"):
            train, held_out = split(marked, test)
        assert max(train.array[:, 0]) == 43
        assert isinstance(test, Table) or max(held_out.array[:, 0]) <= 43
    with pytest.raises(DataError, match="leaves no training rows"):
        split(marked.rows(slice(44, None)), 0.5)
    file, other = tmp_path / "d.csv", tmp_path / "t.csv"
    pl.DataFrame({"a": range(50), "is_test": [i >= 44 for i in range(50)], "y": ["n", "o"] * 25}).write_csv(file)
    pl.DataFrame({"a": range(4), "y": ["n", "o"] * 2}).write_csv(other)
    for test in ("none", "0.5", str(other)):
        with pytest.warns(DataWarning, match="its 6 official test rows"):
            tables = make_tables(RunConfig(data=str(file), target="y", test=test, validation=0.1))
        assert tables.validation is not None
        assert max(tables.train.frame["a"].max(), tables.validation.frame["a"].max()) <= 43


def test_each_class_keeps_a_row_for_training() -> None:
    y = np.array(["a"] * 8 + ["b"] + ["c"] * 2)
    for seed in range(20):
        train, test = split(numbered(y), 0.5, seed=seed, stratify=True)
        assert set(train.target_array()) == {"a", "b", "c"}
        assert len(test) == 6
    assert len(split(numbered(np.array(["a", "a", "b", "c"])), 0.5)[1]) == 1
    with pytest.raises(DataError, match="each class has a single row"):
        split(numbered(np.array(["a", "b", "c"])), 0.5)


def test_shared_rows_are_found_when_targets_differ_in_number_type() -> None:
    x = np.arange(6.0)[:, None]
    whole, broken = Table("a", x, np.arange(6), ("x",)), Table("b", x, np.arange(6.0), ("x",))
    assert shared_rows(whole, broken) == shared_rows(broken, whole) == 6
    assert shared_rows(whole, replace(broken, target=np.arange(6.0) + 0.5)) == 0
