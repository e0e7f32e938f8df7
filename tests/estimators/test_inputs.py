"""Features of every kind of container, and what scikit-learn and we say of those that cannot be used."""

from __future__ import annotations

import datetime as dt
import warnings
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse

from thalweg import DenseClassifier, DenseRegressor
from thalweg.core.errors import DataError
from thalweg.estimators import inputs

RNG = np.random.default_rng(2)
N = 80
NUMBERS = RNG.normal(size=(N, 3))
TOWN = np.array(["Lund", "Oslo", "Riga"])[RNG.integers(0, 3, N)]
Y = (NUMBERS[:, 0] > 0) ^ (TOWN == "Oslo")
SMALL: dict[str, Any] = {"preset": "plain", "hidden": (8,), "epochs": 2}
COLUMNS = {"a": NUMBERS[:, 0], "b": NUMBERS[:, 1], "c": NUMBERS[:, 2], "town": TOWN}

FRAMES = {
    "pandas": pd.DataFrame,
    "pandas categories": lambda c: pd.DataFrame(c).astype({"town": "category"}),
    "polars": pl.DataFrame,
    "lazy": lambda c: pl.DataFrame(c).lazy(),
    "arrow": pa.table,
}


@pytest.mark.parametrize("kind", FRAMES)
def test_frames_of_all_libraries_are_the_same_data(kind: str) -> None:
    reference = DenseClassifier(**SMALL).fit(pl.DataFrame(COLUMNS), Y)
    frame = FRAMES[kind](COLUMNS)
    ours = DenseClassifier(**SMALL).fit(frame, Y)
    assert np.array_equal(ours.predict_proba(frame), reference.predict_proba(pl.DataFrame(COLUMNS)))
    assert ours.n_features_in_ == 4
    assert ours.feature_names_in_.tolist() == ["a", "b", "c", "town"]


def test_an_array_of_objects_is_a_table_of_columns() -> None:
    objects = np.column_stack([NUMBERS.astype(object), TOWN])
    reference = DenseClassifier(**SMALL).fit(pl.DataFrame(COLUMNS), Y)
    ours = DenseClassifier(**SMALL).fit(objects, Y)
    assert np.array_equal(ours.predict_proba(objects), reference.predict_proba(pl.DataFrame(COLUMNS)))


@pytest.mark.parametrize("limit", [2**29, 100], ids=["in memory", "in a file"])
@pytest.mark.parametrize("form", [sparse.csr_array, sparse.csc_matrix, sparse.coo_array])
def test_sparse_matrices_are_the_dense_ones(form: Any, limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    dense = np.where(RNG.uniform(size=(N, 3)) < 0.3, NUMBERS, 0)
    monkeypatch.setattr(inputs, "DENSE_BYTES", limit)
    monkeypatch.setattr(inputs, "BLOCK_BYTES", 64)
    filled = inputs.filled(sparse.csr_array(form(dense)))
    assert np.array_equal(filled, dense)
    assert isinstance(filled, np.memmap) == (limit == 100)
    ours = DenseRegressor(**SMALL).fit(form(dense), NUMBERS[:, 0])
    assert ours.predict(form(dense)).shape == (N,)
    assert ours.n_features_in_ == 3
    if limit > 100:
        reference = DenseRegressor(**SMALL).fit(dense, NUMBERS[:, 0])
        assert np.array_equal(ours.predict(form(dense)), reference.predict(dense))


def test_sparse_numbers_far_from_zero_keep_their_digits() -> None:
    dense = np.where(RNG.uniform(size=(N, 3)) < 0.3, NUMBERS, 0)
    dense[:, 1] = 1.7e9 + NUMBERS[:, 1]
    ours = DenseRegressor(**SMALL).fit(sparse.csr_array(dense), NUMBERS[:, 1])
    reference = DenseRegressor(**SMALL).fit(dense, NUMBERS[:, 1])
    assert np.ptp(reference.predict(dense)) > 0.1
    for rows in (slice(None), slice(3, 4)):  # a single row does not show that it needs its digits
        assert np.array_equal(ours.predict(sparse.csr_array(dense)[rows]), reference.predict(dense[rows]))


def test_large_sparse_matrices_are_as_wide_as_their_digits_need(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "EXACT_BYTES", 0)
    dense = np.where(RNG.uniform(size=(20_000, 3)) < 0.3, RNG.normal(size=(20_000, 3)), 0)
    near = inputs.filled(sparse.csr_array(dense))
    assert near.dtype == np.float32
    assert np.array_equal(near, dense.astype(np.float32))
    dense[:, 2] += 1.7e9
    far = inputs.filled(sparse.csr_array(dense))
    assert far.dtype == np.float64
    assert np.array_equal(far, dense)
    assert inputs.filled(sparse.csr_array(dense.astype(np.float32))).dtype == np.float32


def test_missing_numbers_text_and_dates_are_taken_as_they_are() -> None:
    days = [dt.date(2024, 1, 1) + dt.timedelta(days=int(i)) for i in range(N)]
    frame = pl.DataFrame(COLUMNS | {"day": days})
    frame = frame.with_columns(
        pl.when(pl.int_range(N) % 7 == 0).then(None).otherwise(pl.col("a")).alias("a"),
        pl.when(pl.int_range(N) % 5 == 0).then(None).otherwise(pl.col("town")).alias("town"),
    )
    ours = DenseClassifier(**SMALL).fit(frame, Y)
    assert np.isfinite(ours.predict_proba(frame)).all()


@pytest.mark.parametrize("kind", ["pandas", "polars", "arrow"])
def test_a_feature_called_is_test_is_one_like_any_other(kind: str) -> None:
    marks = RNG.uniform(size=N) < 0.5
    frame = FRAMES[kind](COLUMNS | {"is_test": marks})
    y = NUMBERS[:, 0] + 5 * marks
    ours = DenseRegressor(**SMALL | {"epochs": 60, "learning_rate": 0.02}, validation=0.2).fit(frame, y)
    assert "is_test" in ours.model_.encoder.input_names
    assert ours.score(frame, y) > 0.9
    assert np.array_equal(ours.model_.predict(frame), ours.predict(frame))


@pytest.mark.parametrize("kind", FRAMES)
def test_columns_changed_between_fit_and_predict_are_told_in_the_words_of_scikit_learn(kind: str) -> None:
    frame = FRAMES[kind]
    ours = DenseClassifier(**SMALL).fit(frame(COLUMNS), Y)
    a, b, c, town = COLUMNS.items()
    if kind != "pandas categories":
        with pytest.raises(ValueError, match="Feature names unseen at fit time"):
            ours.predict(frame(dict([a, b, c, ("city", TOWN)])))
    with pytest.raises(ValueError, match="must be in the same order"):
        ours.predict(frame(dict([town, c, b, a])))
    with pytest.raises(ValueError, match="missing"):
        ours.predict(frame(dict([a, b, town])))
    with pytest.raises(ValueError, match="must be in the same order"):
        ours.partial_fit(frame(dict([town, c, b, a])), Y)


def test_another_number_of_features_than_in_training() -> None:
    plain = DenseClassifier(**SMALL).fit(NUMBERS, Y)
    with pytest.raises(ValueError, match="X has 2 features, but DenseClassifier is expecting 3 features as input"):
        plain.predict(NUMBERS[:, :2])


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.empty((0, 3)), "0 sample"),
        (pl.DataFrame({"a": []}), "0 sample"),
        (pd.DataFrame(index=range(N)), r"Found array with 0 feature\(s\) \(shape=\(80, 0\)\) while a minimum of 1"),
        (
            pd.DataFrame({"a": NUMBERS[:, 0], "b": [[1, 2]] * N}),
            r"column 'b' holds List\(Int64\); expected numbers, text",
        ),
        (pd.DataFrame({"a": NUMBERS[:, 0], "b": np.arange(N) * 1j}), "column 'b' holds .*; expected numbers, text"),
        (np.ones((N, 3)) * np.inf, "infinity"),
        (np.ones((N, 3)) * 1j, "Complex data not supported"),
        (np.ones(N), "Expected 2D array"),
        (np.ones((N, 2, 2)), "dim 3"),
        (NUMBERS[:1], "1 sample"),
        (pd.DataFrame(NUMBERS, columns=["a", "b", "a"]), "several columns are called 'a'"),
        (pa.table(list(NUMBERS.T), names=["a", "b", "a"]), "several columns are called 'a'"),
        (NUMBERS[:7], "inconsistent numbers of samples"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_features_that_cannot_be_used(X: Any, message: str) -> None:
    y = Y[: len(X)] if "inconsistent" not in message else Y
    with pytest.raises(ValueError, match=message):
        DenseClassifier(**SMALL).fit(X, y)


@pytest.mark.parametrize("kind", ["pandas", "polars", "arrow"])
@pytest.mark.parametrize("bad", [np.inf, -np.inf])
@pytest.mark.parametrize("validation", [0.0, 0.2])
def test_infinite_cells_of_frames_are_told(kind: str, bad: float, validation: float) -> None:
    ours = DenseClassifier(**SMALL, validation=validation).fit(FRAMES[kind](COLUMNS), Y)
    infinite = FRAMES[kind](COLUMNS | {"b": np.where(np.arange(N) == 41, bad, NUMBERS[:, 1])})
    text = rf"column 'b', row 42 holds {bad}; expected numbers within ±1e\+30\. Mend or remove the row"
    for action in (
        lambda: ours.predict(infinite),
        lambda: ours.fit(infinite, Y),
        lambda: ours.fit(FRAMES[kind](COLUMNS), Y, eval_set=(infinite, Y)),
    ):
        with pytest.raises(ValueError, match=text):
            action()


def test_a_cell_that_is_neither_number_nor_text() -> None:
    objects = NUMBERS.astype(object)
    objects[0, 0] = {"a": 1}
    with pytest.raises(TypeError, match=r"argument must be .* string.* number"):
        DenseClassifier(**SMALL).fit(objects, Y)


def test_numbers_beyond_float32_are_scaled_before_they_lose_their_digits() -> None:
    # 2**60 + k: whole numbers that float32 cannot tell apart.
    huge = (2**60 + 2**20 * np.arange(N)).reshape(-1, 1)
    small = np.arange(N, dtype=float).reshape(-1, 1)
    far = DenseRegressor(**SMALL).fit(huge, small[:, 0] / 2)
    near = DenseRegressor(**SMALL).fit(small, small[:, 0] / 2)
    assert np.allclose(far.predict(huge), near.predict(small), atol=1e-3)


def test_a_column_without_values_is_left_out_with_a_word() -> None:
    frame = pd.DataFrame({"a": NUMBERS[:, 0], "empty": [None] * N})
    with pytest.warns(UserWarning, match="'empty'"):
        ours = DenseClassifier(**SMALL).fit(frame, Y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert ours.predict(frame).shape == (N,)


def test_an_array_with_a_column_without_values_is_learned_from() -> None:
    x = np.column_stack([NUMBERS, np.full(N, np.nan)])
    with pytest.warns(UserWarning, match="hold no value: 'x3'"):
        ours = DenseRegressor(**SMALL | {"epochs": 60, "learning_rate": 0.02}).fit(x, NUMBERS.sum(axis=1))
    assert ours.score(x, NUMBERS.sum(axis=1)) > 0.9
    assert np.isfinite(ours.predict(np.nan_to_num(x))).all()


def _cells(row: int, cell: Any) -> Any:
    return pd.DataFrame({"a": [*range(row), cell, *range(row, 79)], "b": RNG.permutation(80)})


@pytest.mark.parametrize("held_out", [{}, {"validation": 0.3}, {"folds": 4}], ids=["all", "validation", "folds"])
@pytest.mark.parametrize("row", [1, 40, 80])
@pytest.mark.parametrize(
    ("cell", "message"), [("n/a?", r"'a', row {}: expected a number, got 'n/a\?'"), (np.inf, "'a', row {} holds inf")]
)
def test_a_cell_that_is_no_number_is_named_by_its_row(row: int, cell: Any, message: str, held_out: Any) -> None:
    frame = _cells(row - 1, cell)
    with pytest.raises(DataError, match=message.format(row)):
        DenseRegressor(**SMALL, **held_out).fit(frame, NUMBERS[:, 0])


def test_rows_of_no_weight_count_in_the_number_of_a_row() -> None:
    with pytest.raises(DataError, match="'a', row 32 holds inf"):
        DenseRegressor(**SMALL).fit(_cells(31, np.inf), NUMBERS[:, 0], sample_weight=np.arange(N) % 3)


def test_a_target_that_is_no_count_is_named_by_its_row() -> None:
    y = np.arange(N)[::-1] + 1.0
    y[6] = -2
    with pytest.raises(DataError, match="row 7 holds -2"):
        DenseRegressor(**SMALL, likelihood="poisson").fit(NUMBERS, y)


def test_a_cell_of_rows_that_come_later_is_named_by_its_row() -> None:
    ours = DenseRegressor(**SMALL, validation=0.3, warm_start=True).fit(_cells(0, 0.5), NUMBERS[:, 0])
    with pytest.raises(DataError, match="'a', row 50 holds inf"):
        ours.fit(_cells(49, np.inf), NUMBERS[:, 0])
    with pytest.raises(DataError, match="'a', row 5 holds inf"):
        ours.fit(_cells(0, 0.5), NUMBERS[:, 0], eval_set=(_cells(4, np.inf), NUMBERS[:, 0]))
