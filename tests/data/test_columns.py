"""What columns are taken for, what is left out, and what a user is told to look at twice."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest

from thalweg.core.errors import ArgumentError, DataError, DataWarning
from thalweg.data.encode import Encoder
from thalweg.data.read import read
from thalweg.data.table import Table

RNG = np.random.default_rng(5)
N = 60


def people(**more: object) -> pl.DataFrame:
    frame = pl.DataFrame({"age": RNG.normal(40, 9, N), "city": RNG.choice(["A", "B", "C"], N)})
    return frame.with_columns(
        **{name: pl.Series(values) for name, values in more.items()}, y=pl.Series(RNG.normal(size=N))
    )


def told(frame: pl.DataFrame, **settings: object) -> tuple[Encoder, list[str]]:
    """The encoder, and the warnings of fitting it."""
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        encoder = Encoder.fit(read(frame, target="y"), **settings)  # type: ignore[arg-type]
    return encoder, [str(w.message) for w in record]


def test_columns_that_never_vary_or_equal_another_are_left_out() -> None:
    frame = people()
    frame = frame.with_columns(
        one=pl.lit(7), word=pl.lit("w"), empty=pl.lit(None, pl.Float64), nan=pl.lit(float("nan")),
        age2=pl.col("age"), town=pl.col("city"), when=pl.lit(dt.date(2024, 1, 1)),
    )  # fmt: skip
    encoder, said = told(frame)
    assert encoder.input_names == ("age", "city")
    assert encoder.ignored == ("one", "word", "empty", "nan", "age2", "town", "when")
    assert said == [
        "data: column 'empty' holds no value; it is left out.",
        "data: column 'nan' holds no value; it is left out.",
        "data: columns that never vary are left out: 'one', 'word', 'when'.",
        "data: columns that equal another are left out: 'age2' (equals 'age'), 'town' (equals 'city').",
    ]
    # They may be there or not when predicting.
    x = encoder.features(read(frame))
    np.testing.assert_array_equal(encoder.features(read(frame.select("city", "age"), need_target=False)), x)


@pytest.mark.parametrize("scaling", ["standard", "robust", "quantile", "adaptive", "none"])
def test_columns_of_an_array_that_never_vary_stay_and_are_told(scaling: str) -> None:
    x = np.column_stack([RNG.normal(size=N), np.full(N, 7.0), np.full(N, np.nan)])
    with pytest.warns(DataWarning, match="data: columns that hold no value: 'x2'. They stay"):
        encoder = Encoder.fit(read((x, np.arange(N) % 2)), scaling=scaling)
    z = encoder.features(read((x, None), need_target=False))
    assert z.shape == (N, 4)
    assert not z[:, 2].any()
    assert (z[:, 3] == 1).all()
    assert encoder.describe().splitlines()[1:] == ([] if scaling == "none" else ["never vary: 'x1', 'x2'"])
    # A value that comes later says nothing either.
    later = encoder.features(read((np.nan_to_num(x), None), need_target=False))
    assert np.isfinite(later).all()


def test_columns_that_miss_values_do_vary() -> None:
    encoder, said = told(people(one=[7.0, None] * (N // 2)))
    assert not said
    assert "one (missing)" in encoder.feature_names


def test_kinds_can_be_set() -> None:
    frame = people(zip=RNG.integers(0, 6, N), junk=RNG.normal(size=N), one=[1] * N, id=[f"i{i}" for i in range(N)])
    encoder, said = told(
        frame, columns={"zip": "levels", "junk": "ignore", "one": "number", "id": "levels"}, embed=True
    )
    assert not said
    assert encoder.number_names == ("age", "one")
    assert [column.name for column in encoder.levels] == ["city", "zip"]
    assert [column.name for column in encoder.codes] == ["id"]
    assert encoder.ignored == ("junk",)
    kinds = {
        column.name: column.kind for column in Encoder.from_dict(json.loads(json.dumps(encoder.to_dict()))).columns
    }
    assert kinds == {
        "age": "number",
        "city": "levels",
        "zip": "levels",
        "junk": "ignore",
        "one": "number",
        "id": "levels",
    }
    with pytest.raises(ArgumentError, match=r"columns: expected columns of data, got 'zipp'\. Did you mean 'zip'\?"):
        Encoder.fit(read(frame, target="y"), columns={"zipp": "levels"})
    with pytest.raises(ArgumentError, match=r"columns: zip: expected one of .*Did you mean 'levels'\?"):
        Encoder.fit(read(frame, target="y"), columns={"zip": "level"})


def test_columns_of_an_array_can_be_levels() -> None:
    x = np.stack([RNG.normal(size=N), RNG.integers(0, 3, N)], axis=1)
    table = read((x, np.arange(N) % 2))
    encoder = Encoder.fit(table, columns={"x1": "levels"})
    z = encoder.features(table)
    np.testing.assert_array_equal(z[:, 1:], np.eye(3)[x[:, 1].astype(int)])
    np.testing.assert_array_equal(encoder.features(read((x, None), need_target=False)), z)


def test_the_description_names_each_column() -> None:
    frame = people(one=[7] * N, sex=["f", "m"] * (N // 2), gap=[None, 2.0, 3.5] * (N // 3))
    encoder, _ = told(frame, scaling="robust")
    lines = encoder.describe().splitlines()
    assert [line.split("  ")[0] for line in lines[1:-1]] == ["age", "city", "one", "sex", "gap"]
    assert "never varies" in lines[3]
    assert "one column of -1 and 1" in lines[4]
    assert lines[5].split()[-1] == "20"
    assert lines[-1] == "5 columns: 2 numbers (robust), 1 with two levels, 1 one-hot, 1 left out; 7 inputs"


def test_columns_that_give_the_target_away_are_named() -> None:
    y = RNG.normal(size=N)
    frame = people(same=y, grams=1000 * y + 3, log=np.exp(y), noisy=y + RNG.normal(size=N) / 10)
    _, said = told(frame.with_columns(y=pl.Series(y)))
    assert [line.split("'")[1] for line in said] == ["same", "grams", "log"]
    assert "equals the target" in said[0]
    assert "is one-to-one with the target" in said[1]
    label = RNG.choice(["red", "green", "blue"], N)
    codes = np.array([{"red": 2, "green": 7, "blue": 5}[name] for name in label])
    frame = people(name=np.char.add("very ", label), code=codes, finer=np.char.add(label, RNG.choice(["1", "2"], N)))
    _, said = told(frame.with_columns(y=pl.Series(label)))
    assert [line.split("'")[1] for line in said] == ["code", "name"]
    x = np.stack([RNG.normal(size=N), y], axis=1)
    with pytest.warns(DataWarning, match="column 'x1' equals the target"):
        Encoder.fit(read((x, y)))


def test_missing_cells_hide_no_leak() -> None:
    y = RNG.normal(size=N)
    gap = np.arange(N) == 7
    frame = people(same=np.where(gap, np.nan, y), half=np.where(np.arange(N) % 5 < 3, np.nan, y))
    _, said = told(frame.with_columns(y=pl.Series(y)))
    assert said == ["data: column 'same' equals the target. If it is not known before the target is, set it to ignore."]
    label = RNG.choice(["red", "green", "blue"], N)
    words = [None if row == 7 else f"very {name}" for row, name in enumerate(label)]
    noted = [None if name == "red" else name for name in label]  # missing itself names a class
    frame = people(words=words, noted=noted, other=RNG.choice(["a", "b", "c"], N))
    _, said = told(frame.with_columns(y=pl.Series(label)))
    assert [line.split("'")[1] for line in said] == ["words", "noted"]


@pytest.mark.parametrize("codes", [[0.0, 1.0], [3.5, -1.0], [0.1, 0.4, 0.2]])
def test_numbers_of_few_values_are_given_away_too(codes: list[float]) -> None:
    kind = RNG.integers(0, len(codes), N)
    x = np.stack(
        [RNG.normal(size=N), np.array(codes)[kind], 10.0 - 3 * kind**2, kind + RNG.normal(size=N) / 99], axis=1
    )
    with pytest.warns(DataWarning) as record:
        Encoder.fit(read((x, x[:, 1])), kind="numbers")
    said = [str(w.message) for w in record]
    assert [line.split(". ")[0] for line in said] == [
        "data: column 'x1' equals the target", "data: column 'x2' is one-to-one with the target"
    ]  # fmt: skip


def test_columns_that_give_a_label_away_are_named() -> None:
    y = RNG.integers(0, 2, (N, 3))
    y[:, 2] = np.arange(N) < 3  # so few rows may agree by chance
    x = np.column_stack([RNG.normal(size=N), y[:, 1], 5 - 2 * y[:, 0], y[:, 2]])
    with pytest.warns(DataWarning) as record:
        Encoder.fit(Table("data", x, y, ("a", "b", "c", "d"), "red,green,blue"))
    assert [str(w.message).split(". ")[0] for w in record] == [
        "data: column 'b' equals label 'green'",
        "data: column 'c' is one-to-one with label 'red'",
    ]


def test_large_numbers_keep_their_digits_or_are_warned_of() -> None:
    x = 10**15 + np.arange(N)
    frame = people(id=x)
    encoder, said = told(frame)
    assert not said
    z = encoder.features(read(frame, target="y"))[:, 1]
    np.testing.assert_allclose(z, (np.arange(N) - (N - 1) / 2) / np.arange(N).std(), atol=1e-6)
    _, said = told(people(id=[2**60 + i for i in range(N)]))
    assert len(said) == 1
    assert f"column 'id': of {N} different numbers only 1 stay different in float32" in said[0]
    _, said = told(people(id=[*range(20_000_000, 20_000_000 + N - 1), 10**17]))
    assert "stay different in float32" in said[0]


def test_a_target_that_names_the_rows() -> None:
    names = [f"row {i}" for i in range(N)]
    with pytest.raises(DataError, match=f"each of the {N} rows has a class of its own, such as 'row 0'"):
        told(people().with_columns(y=pl.Series(names)))
    half = [f"row {i * 2 // 3}" for i in range(N)]
    few = "most have too few rows to learn from. Give more rows, or put classes together."
    _, said = told(people().with_columns(y=pl.Series(half)))
    assert said == [f"data: target 'y': 40 classes for 60 rows: {few}"]
    _, said = told(people().head(3).with_columns(y=pl.Series(["a", "b", "a"])), classes=["a", "b", "c", "d"])
    assert said[0] == f"data: target 'y': 4 classes for 3 rows: {few}"
    _, said = told(people().head(3).with_columns(y=pl.Series(["a", "b", "c"])))
    assert said[0] == f"data: target 'y': 3 classes for 3 rows: {few}"


@pytest.mark.parametrize(
    ("y", "silent"),
    [
        (RNG.permutation(20) + 3, False),
        (RNG.permutation(20) - 5.0, False),
        (RNG.permutation(60)[:50], False),  # some rows may be held out
        (np.arange(19), True),
        (2 * np.arange(20), True),
        (np.arange(60) + 0.5, True),
        (RNG.normal(size=60), True),
        (RNG.integers(0, 60, 60), True),
    ],
)
def test_numbers_that_name_the_rows(y: np.ndarray, silent: bool) -> None:
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        for kind in ("auto", "numbers"):
            Encoder.fit(read((RNG.normal(size=(len(y), 2)), y)), kind=kind)
    said = [str(w.message) for w in record]
    assert len(said) == (0 if silent else 2)
    text = f"each of the {len(y)} rows has a whole number of its own between {y.min():.0f} and {y.max():.0f}, as ident"
    assert all(text in line for line in said)


def test_one_row() -> None:
    with pytest.warns(DataWarning, match=r"all 1 rows hold 3: nothing but that"):
        encoder = Encoder.fit(read(pl.DataFrame({"a": [1.0], "b": ["u"], "y": [3.0]}), target="y"), kind="numbers")
    x = encoder.features(read(pl.DataFrame({"a": [2.0], "b": ["u"]}), need_target=False))
    assert x.tolist() == [[0.0, 1.0]]


def test_columns_whose_type_changes() -> None:
    frame = people(n=RNG.integers(0, 5, N))
    encoder, _ = told(frame)
    with pytest.raises(DataError, match="column 'n', row 1: expected a number, got 'many'"):
        encoder.features(read(frame.with_columns(n=pl.lit("many"))))
    as_text = frame.with_columns(n=pl.col("n").cast(pl.String))
    np.testing.assert_array_equal(encoder.features(read(as_text)), encoder.features(read(frame)))
    with pytest.warns(DataWarning, match="60 cells hold levels that training did not have, in 'city'"):
        encoder.features(read(frame.with_columns(city=pl.lit(3.5))))


TEXT = ["u", None, "v"] * (N // 3)


@pytest.mark.parametrize(
    ("column", "names"),
    [
        (pd.array(TEXT, dtype="string"), ("a=u", "a=v", "a=(missing)")),
        (pd.Categorical(TEXT), ("a=u", "a=v", "a=(missing)")),
        (pd.Categorical([1, 2, 3] * (N // 3)), ("a=1", "a=2", "a=3")),
        (pd.array([True, None, False] * (N // 3), dtype="boolean"), ("a=false", "a=true", "a=(missing)")),
        ([True, None, False] * (N // 3), ("a=false", "a=true", "a=(missing)")),
        ([1, "b", 2.5] * (N // 3), ("a=1", "a=2.5", "a=b")),
        (pd.array([1, None, 3] * (N // 3), dtype="Int64"), ("a", "a (missing)")),
        ([decimal.Decimal(i) / 3 for i in range(N)], ("a",)),
        (pd.arrays.SparseArray(np.arange(N) % 7), ("a",)),
        (pd.to_timedelta(np.arange(N) % 7, unit="h"), ("a",)),
        (pd.date_range("2024-01-01", periods=N, tz="Europe/Berlin"), ("a", "a (year cos)", "a (year sin)")),
    ],
)
def test_any_column_of_pandas(column: object, names: tuple[str, ...]) -> None:
    frame = pd.DataFrame({"a": column, "y": np.arange(N) % 2 + 0.5})
    encoder = Encoder.fit(read(frame, target="y"))
    assert encoder.feature_names[: len(names)] == names
    assert np.isfinite(encoder.features(read(frame, target="y"))).all()


@pytest.mark.parametrize("kind", [pl.Int8, pl.UInt64, pl.Int128, pl.Float32, pl.Decimal(10, 2), pl.String])
def test_numbers_of_any_width(kind: pl.DataType) -> None:
    numbers = pl.Series("a", [i % 120 if i % 7 else None for i in range(2 * N)]).cast(kind)
    frame = pl.DataFrame({"a": numbers, "y": np.arange(2 * N) / 3})
    encoder = Encoder.fit(read(frame), columns={"a": "number"}, standardize=False)
    expected = np.array([i % 120 if i % 7 else 59.5 for i in range(2 * N)])
    x = encoder.features(read(frame))
    np.testing.assert_array_equal(x[::7, 1], 1)
    known = x[:, 1] == 0
    np.testing.assert_array_equal(x[known, 0], expected[known])


def test_columns_that_cannot_be_read_are_named() -> None:
    for column in ([[1, 2]] * N, [{"k": 1}] * N, np.arange(N) * 1j, pd.period_range("2024-01", periods=N, freq="M")):
        with pytest.raises(DataError, match=r"column 'a' holds .*; expected numbers, text, categories, booleans or"):
            Encoder.fit(read(pd.DataFrame({"a": column, "y": np.arange(N) + 0.5}), target="y"))
    with pytest.raises(DataError, match="several columns are called 'a'"):
        read(pd.DataFrame(RNG.normal(size=(5, 3)), columns=["a", "a", "y"]), target="y")
    numbered = pd.DataFrame({0: RNG.normal(size=N), 1: RNG.normal(size=N), "y": np.arange(N) + 0.5})
    assert Encoder.fit(read(numbered, target="y")).feature_names == ("0", "1")
