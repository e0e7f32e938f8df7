"""The encoder against scikit-learn, and round trips for any table."""

from __future__ import annotations

import datetime as dt
import json
import warnings
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from thalweg.core.errors import ArgumentError, DataError, DataWarning
from thalweg.data.encode import Encoder
from thalweg.data.levels import Levels
from thalweg.data.numbers import Numbers
from thalweg.data.read import read
from thalweg.data.table import Table

RNG = np.random.default_rng(0)


def people(n: int = 40) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "age": RNG.integers(18, 90, n).astype(float),
            "color": RNG.choice(["red", "green", "blue"], n),
            "member": RNG.random(n) < 0.5,
            "income": RNG.normal(3e4, 1e4, n),
            "target": RNG.choice(["no", "yes"], n),
        }
    )


def again(encoder: Encoder) -> Encoder:
    return Encoder.from_dict(json.loads(json.dumps(encoder.to_dict())))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.int64, np.int16])
def test_numbers_equal_the_standard_scaler(dtype: type) -> None:
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler()
    x = (RNG.normal(50, 20, (5000, 6)) * [1, 10, 100, 1, 1, 1]).astype(dtype)
    x[:, 3] = 7
    expected = scaler.fit_transform(x.astype(np.float64))
    got = Numbers.fit(x).transform(x)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected, atol=2e-5)
    assert not got[:, 3].any()


def test_large_offsets_keep_their_digits() -> None:
    x = 1.7e9 + RNG.normal(0, 1, (3000, 1))
    z = Numbers.fit(x).transform(x)
    np.testing.assert_allclose(z, (x - x.mean()) / x.std(), atol=1e-5)


def test_chunks_add_up_to_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    x = RNG.normal(3, 2, (1000, 4))
    monkeypatch.setattr("thalweg.data.chunks.SUM_ROWS", 7)
    numbers = Numbers.fit(x)
    np.testing.assert_allclose(numbers.center, x.mean(0), rtol=1e-12)
    np.testing.assert_allclose(numbers.scale, x.std(0), rtol=1e-12)


def test_missing_numbers_become_the_median_with_an_indicator() -> None:
    x = np.array([[1.0, 1.0], [np.nan, 2.0], [2.0, 3.0], [9.0, 4.0]])
    numbers = Numbers.fit(x)
    known = np.array([1.0, 2.0, 9.0])
    z = numbers.transform(x)
    assert z.shape == (4, 3)
    assert z[:, 2].tolist() == [0, 1, 0, 0]
    assert z[1, 0] == pytest.approx((2.0 - known.mean()) / known.std(), abs=1e-6)


def test_images_share_one_mean_and_deviation() -> None:
    x = RNG.integers(0, 256, (50, 4, 4)).astype(np.uint8)
    table = read((x, np.arange(50) % 2))
    encoder = Encoder.fit(table)
    scaled = x.reshape(50, -1) / 255
    np.testing.assert_allclose(encoder.features(table), (scaled - scaled.mean()) / scaled.std(), atol=1e-5)
    plain = Encoder.fit(table, standardize=False)
    np.testing.assert_allclose(plain.features(table), scaled, atol=1e-7)
    assert encoder.example_shape == (4, 4)


def test_bytes_given_as_fractions_are_noticed() -> None:
    x = RNG.integers(0, 256, (50, 64)).astype(np.uint8)
    encoder = Encoder.fit(read((x, np.arange(50) % 2)))
    with pytest.warns(DataWarning, match="Multiply by 255"):
        encoder.features(read((x / 255, None), need_target=False))


def test_rows_of_bytes_that_are_bright_are_pixels_of_one_scale() -> None:
    x = RNG.integers(0, 256, (50, 784)).astype(np.uint8)
    x[:, :700] = 0  # as the border of digits is
    table = read((x, np.arange(50) % 2))
    np.testing.assert_allclose(Encoder.fit(table).features(table), (x - x.mean()) / x.std(), atol=1e-5)
    np.testing.assert_allclose(Encoder.fit(table, standardize=False).features(table), x / 255, atol=1e-7)


@pytest.mark.parametrize("columns", [3, 200])
def test_a_table_of_bytes_has_a_scale_for_each_column(columns: int) -> None:
    x = np.column_stack([RNG.integers(18, 90, 60), RNG.integers(0, 256, 60), *RNG.integers(0, 2, (columns - 2, 60))])
    table = read((x.astype(np.uint8), np.arange(60) % 2))
    encoder = Encoder.fit(table)
    z = encoder.features(table)
    np.testing.assert_allclose(z, (x - x.mean(axis=0)) / x.std(axis=0), atol=1e-5)
    # One row of small numbers is no picture between 0 and 1.
    row = np.zeros((1, columns))
    np.testing.assert_allclose(
        encoder.features(read(row, need_target=False)), -x.mean(axis=0)[None] / x.std(axis=0), atol=1e-5
    )
    plain = Encoder.fit(table, standardize=False)
    np.testing.assert_array_equal(plain.features(table), x)


def test_bytes_that_give_the_target_away_are_named() -> None:
    x = RNG.integers(0, 2, (60, 3)).astype(np.uint8)
    with pytest.warns(DataWarning, match="column 'x1' equals the target"):
        Encoder.fit(read((x, x[:, 1].astype(int))))


def test_levels_equal_the_one_hot_encoder() -> None:
    from sklearn import preprocessing

    train = RNG.choice(["a", "b", "c"], 50)
    test = RNG.choice(["a", "b", "c", "unseen"], 50)
    peer = preprocessing.OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(train[:, None])
    levels = Levels.fit(pl.Series("s", train))
    block, unseen = levels.transform(pl.Series("s", test))
    np.testing.assert_array_equal(block, peer.transform(test[:, None]))
    assert unseen == (test == "unseen").sum()


def test_rare_levels_share_a_column() -> None:
    levels = Levels.fit(pl.Series("s", ["a"] * 5 + ["b"] * 4 + ["c", "d"]), most=2)
    assert levels.feature_names == ("s=a", "s=b", "s=(other)")
    assert levels.transform(pl.Series("s", ["d", "new", "a"]))[0].tolist() == [[0, 0, 1], [0, 0, 1], [1, 0, 0]]


def test_missing_text_is_a_level_of_its_own() -> None:
    levels = Levels.fit(pl.Series("s", ["a", None, "b"]))
    assert levels.feature_names == ("s=a", "s=b", "s=(missing)")
    assert levels.transform(pl.Series("s", [None], dtype=pl.String))[0].tolist() == [[0, 0, 1]]


def test_a_mixed_table() -> None:
    table = read(people())
    encoder = Encoder.fit(table)
    assert encoder.feature_names == (
        "age", "income", "color=blue", "color=green", "color=red", "member=true"
    )  # fmt: skip
    x = encoder.features(table)
    assert x.shape == (40, encoder.feature_width)
    assert x.dtype == np.float32
    assert (encoder.task, encoder.classes) == ("classification", ("no", "yes"))
    assert encoder.labels(encoder.targets(table)).tolist() == table.target_array().tolist()
    np.testing.assert_array_equal(again(encoder).features(table), x)


def test_reordered_columns_are_fine_extra_ones_warned_of_missing_ones_refused() -> None:
    frame = people()
    encoder = Encoder.fit(read(frame))
    x = encoder.features(read(frame))
    np.testing.assert_array_equal(encoder.features(read(frame.select(frame.columns[::-1]))), x)
    with pytest.warns(DataWarning, match="ignored: 'shoe'"):
        extra = encoder.features(read(frame.with_columns(shoe=pl.lit(42))))
    np.testing.assert_array_equal(extra, x)
    with pytest.raises(DataError, match=r"missing: 'income'\. Did you mean 'incomes'\?"):
        encoder.features(read(frame.rename({"income": "incomes"})))


def test_the_target_may_stand_in_a_predict_table() -> None:
    frame = people()
    encoder = Encoder.fit(read(frame))
    encoder.features(read(frame, need_target=False))
    encoder.features(read(frame.drop("target"), need_target=False))


def test_unseen_levels_warn_once_with_their_count() -> None:
    frame = people()
    encoder = Encoder.fit(read(frame))
    odd = frame.with_columns(color=pl.Series(["pink"] * 3 + frame["color"].to_list()[3:]))
    with pytest.warns(DataWarning, match="3 cells hold levels that training did not have, in 'color'") as record:
        x = encoder.features(read(odd))
    assert len(record) == 1
    assert not x[:3, 2:5].any()


def test_numbers_missing_only_later_are_filled_and_warned_of() -> None:
    frame = people()
    encoder = Encoder.fit(read(frame))
    gaps = frame.with_columns(age=pl.when(pl.arange(0, 40) < 2).then(None).otherwise(pl.col("age")))
    with pytest.warns(DataWarning, match="2 numbers are missing"):
        x = encoder.features(read(gaps))
    assert x[0, 0] == pytest.approx(0, abs=1e-6)  # the standardized mean


def test_dates_become_days() -> None:
    day = dt.date(2024, 1, 1)
    dates = [day + dt.timedelta(days=i) for i in range(10)]
    frame = pl.DataFrame({"when": dates, "target": [0.5 * i for i in range(10)]})
    x = Encoder.fit(read(frame), standardize=False).features(read(frame))
    assert x[1, 0] - x[0, 0] == 1
    moments = frame.with_columns(when=pl.col("when").cast(pl.Datetime("ms")))
    np.testing.assert_array_equal(Encoder.fit(read(moments), standardize=False).features(read(moments)), x)


def test_names_and_identifiers_are_left_out_with_a_warning() -> None:
    frame = people().with_columns(name=pl.Series([f"person {i}" for i in range(40)]), empty=pl.lit(None))
    with pytest.warns(DataWarning) as record:
        encoder = Encoder.fit(read(frame))
    assert sorted(str(w.message).split("'")[1] for w in record) == ["empty", "name"]
    encoder.features(read(frame))  # does not count as an extra column


def test_a_table_trained_model_takes_a_named_or_nameless_array() -> None:
    frame = people().select("age", "income", "target")
    encoder = Encoder.fit(read(frame))
    x = frame.select("age", "income").to_numpy()
    np.testing.assert_array_equal(encoder.features(read((x, None), need_target=False)), encoder.features(read(frame)))
    backwards = Table("t", x[:, ::-1], None, ("income", "age"))
    np.testing.assert_array_equal(encoder.features(backwards), encoder.features(read(frame)))


def test_an_array_trained_model_takes_a_frame() -> None:
    table = read("iris")
    encoder = Encoder.fit(table)
    frame = pl.DataFrame(table.array, list(table.feature_names))
    got = encoder.features(read(frame, need_target=False))
    np.testing.assert_allclose(got, encoder.features(table), atol=1e-6)


def test_one_example_must_be_a_row() -> None:
    encoder = Encoder.fit(read("iris"))
    with pytest.raises(DataError, match=r"x\[None\]"):
        encoder.features(read((np.zeros(4), None), need_target=False))


def test_rows_from_disk_are_encoded_alike(tmp_path: Path) -> None:
    x = RNG.normal(2, 3, (300, 5)).astype(np.float32)
    mapped = np.lib.format.open_memmap(tmp_path / "x.npy", mode="w+", dtype=np.float32, shape=x.shape)
    mapped[:] = x
    table = read((mapped, RNG.integers(0, 3, 300)))
    assert table.is_mapped
    encoder = Encoder.fit(table)
    whole = encoder.features(table)
    pieces = np.concatenate([encoder.transform_rows(np.asarray(mapped[i : i + 64])) for i in range(0, 300, 64)])
    np.testing.assert_array_equal(pieces, whole)
    with pytest.raises(DataError, match="expected rows of 5 columns"):
        encoder.transform_rows(np.zeros((2, 4)))


def test_regression_targets_are_standardized_and_back() -> None:
    y = RNG.normal(100, 5, (80, 2))
    encoder = Encoder.fit(read((RNG.normal(size=(80, 3)), y)))
    z = encoder.targets(read((np.zeros((80, 3)), y)))
    assert encoder.task == "regression"
    assert (z.dtype, z.shape) == (np.float32, (80, 2))
    np.testing.assert_allclose(z, (y - y.mean(0)) / y.std(0), atol=1e-5)
    np.testing.assert_allclose(encoder.unscale_targets(z), y, rtol=1e-6)
    np.testing.assert_allclose(encoder.target_scale, y.std(0))
    raw = Encoder.fit(read((np.ones((80, 1)) * np.arange(80)[:, None], y)), standardize_target=False)
    np.testing.assert_array_equal(raw.target_scale, [1, 1])


@pytest.mark.parametrize(
    ("y", "task"),
    [
        ([0, 1] * 20, "classification"),
        (["a", "b"] * 20, "classification"),
        ([True, False] * 20, "classification"),
        ([0.0, 1.0] * 20, "classification"),
        (np.eye(4)[np.arange(40) % 4], "classification"),
        (3 * np.arange(40), "regression"),
        (np.arange(40) + 0.5, "regression"),
        (np.arange(40) / 2, "regression"),
        (RNG.normal(size=(40, 3)), "regression"),
    ],
)
def test_the_task_is_guessed_from_the_target(y: object, task: str) -> None:
    assert Encoder.fit(read((np.arange(40.0), y))).task == task


@pytest.mark.parametrize("labels", [[3, 5, 9], ["x", "y", "z"], [False, True], [0.0, 1.0], [-1, 1]])
def test_labels_come_back_in_their_type(labels: list[object]) -> None:
    y = np.array(labels * 10)
    table = read((np.arange(len(y)), y))
    encoder = again(Encoder.fit(table))
    back = encoder.labels(encoder.targets(table))
    np.testing.assert_array_equal(back, y)
    assert back.dtype.kind == y.dtype.kind


def test_labels_match_across_file_types() -> None:
    encoder = Encoder.fit(read((np.arange(20), np.arange(20) % 2 + 3)))
    assert encoder.targets(read((np.arange(3), ["3", "4", "3"]))).tolist() == [0, 1, 0]
    assert encoder.targets(read((np.arange(3), [3.0, 4.0, 3.0]))).tolist() == [0, 1, 0]


finite = st.floats(-1e6, 1e6, width=32)


@settings(max_examples=40, deadline=None)
@given(hnp.arrays(np.float64, hnp.array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=12), elements=finite))
@example(np.array([[1e-45, 0.0], [0.0, 0.0]]))  # a deviation whose inverse does not fit into float32
def test_any_array_survives_the_round_trip(x: np.ndarray) -> None:
    table = read((x, np.arange(len(x)) % 2))
    encoder = Encoder.fit(table)
    z = encoder.features(table)
    assert np.isfinite(z).all()
    np.testing.assert_array_equal(again(encoder).features(table), z)
    # Standardizing is undone by z · std + mean, to the precision of float32.
    numbers = encoder.numbers
    np.testing.assert_allclose(z * numbers.scale + numbers.center, x, atol=1e-5 * (1 + np.abs(x).max()))


cells = st.one_of(st.none(), st.text(max_size=4))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(cells, st.one_of(st.none(), finite), st.booleans()), min_size=4, max_size=15))
def test_any_frame_survives_the_round_trip(rows: list[tuple[str | None, float | None, bool]]) -> None:
    frame = pl.DataFrame(
        rows, schema={"text": pl.String, "number": pl.Float64, "flag": pl.Boolean}, orient="row"
    ).with_columns(row=pl.int_range(len(rows)), target=pl.Series([i % 2 for i in range(len(rows))]))
    table = read(frame)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        encoder = Encoder.fit(table)
        z = encoder.features(table)
        np.testing.assert_array_equal(again(encoder).features(table), z)
    assert np.isfinite(z).all()
    assert z.shape == (len(rows), len(encoder.feature_names))
    for level in encoder.levels:
        columns = [i for i, name in enumerate(encoder.feature_names) if name.startswith(f"{level.name}=")]
        assert (np.abs(z[:, columns]).sum(axis=1) == 1).all()


NO_NUL = st.characters(exclude_characters="\0", codec="utf-8")  # NumPy drops it from the end of a string


@settings(max_examples=30, deadline=None)
@given(st.lists(st.one_of(st.text(NO_NUL, max_size=3), st.integers(-5, 5)).map(str), min_size=2, max_size=20))
def test_any_labels_survive_the_round_trip(labels: list[str]) -> None:
    labels = 3 * [*labels, "one", "two"]
    y = np.array(labels, dtype=object)
    table = read((np.arange(len(y)), y))
    encoder = again(Encoder.fit(table, kind="classes"))
    assert encoder.labels(encoder.targets(table)).tolist() == labels


def test_classification_of_continuous_numbers_is_refused() -> None:
    with pytest.raises(ArgumentError, match="kind: expected numbers"):
        Encoder.fit(read((np.arange(90), RNG.normal(size=90))), kind="classes")
    with pytest.raises(ArgumentError, match="kind: expected one of auto"):
        Encoder.fit(read("iris"), kind="number")


def test_encoders_of_older_files_are_read() -> None:
    first = {
        "number_names": ["age", "born"],
        "numbers": {"mean": [40.0, 0.0], "std": [10.0, 1.0], "fill": [38.0, 0.0], "missing": [0], "width": 2},
        "levels": [{"name": "member", "levels": ["false", "true"], "missing": False, "other": False}],
        "ignored": ["name"],
        "outputs": {"task": "regression", "classes": None, "mean": [1.0], "scale": [2.0]},
        "target_name": "income",
        "example_shape": None,
        "dtype": "frame",
    }
    second = first | {
        "outputs": {"kind": "numbers", "classes": None, "names": ["income"], "mean": [1.0], "scale": [2.0]}
    }
    frame = pl.DataFrame(
        {"age": [50.0, None], "born": [dt.date(1970, 1, 3)] * 2, "member": [True, False], "name": ["a", "b"]}
    )
    for old in (first, second):
        encoder = Encoder.from_dict(old)
        # Dates were numbers of days, and two levels had a column each.
        x = encoder.features(read(frame, need_target=False))
        np.testing.assert_allclose(x, [[1, 2, 0, 0, 1], [-0.2, 2, 1, 1, 0]], rtol=1e-6)
        assert encoder.layout.plain
        assert encoder.target_names == ("income",)
        assert encoder.describe() == "4 columns: 2 numbers (standard), 1 one-hot, 1 left out; 5 inputs"
