"""Partial dependence against scikit-learn's brute force, and against predictions for frames with a column filled."""

from datetime import date

import numpy as np
import polars as pl
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.inspection import partial_dependence as sklearn_dependence
from tabular_models import as_pandas, frame, trained

from thalweg.data.encode import Encoder
from thalweg.data.grids import grid, typed
from thalweg.data.table import Table
from thalweg.runs.explain.columns import Columns
from thalweg.runs.explain.dependence import partial_dependence
from thalweg.runs.explain.effort import Effort
from thalweg.runs.explain.explanation import explanation


class Shell(RegressorMixin, BaseEstimator):
    def __init__(self, model=None) -> None:
        self.model = model

    def fit(self, x, y):
        raise AssertionError("trained already")

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict(self, x):
        return self.model.predict(x)


@pytest.mark.filterwarnings("ignore::thalweg.core.errors.DataWarning")
@pytest.mark.parametrize("name", ["rooms", "age"])
def test_it_is_that_of_scikit_learn(name: str) -> None:
    model, table = trained("quantiles")
    columns = Columns.of(model.encoder, table)
    j = columns.names.index(name)
    values = grid(columns.table, j, points=9)
    ours = partial_dependence(model, columns, j, values.values)[:, :, 0]
    theirs = sklearn_dependence(
        Shell(model),
        as_pandas(table.frame).astype({"rooms": float}),
        [name],
        custom_values={name: np.array(values.labels)},
        method="brute",
        kind="both",
    )
    np.testing.assert_allclose(ours.T, theirs["individual"][0], rtol=1e-5)
    np.testing.assert_allclose(ours.mean(axis=1), theirs["average"][0], rtol=1e-5)


@pytest.mark.parametrize("kind", ["two", "three", "labels", "numbers", "counts"])
@pytest.mark.filterwarnings("ignore::thalweg.core.errors.DataWarning")
def test_each_value_is_what_the_model_says_of_the_filled_frame(kind: str) -> None:
    model, table = trained(kind)
    columns = Columns.of(model.encoder, table)
    predict = model.predict if model.task == "regression" else model.predict_proba
    for j, name in enumerate(columns.names):
        values = grid(columns.table, j, points=4)
        found = partial_dependence(model, columns, j, values.values)
        for value, answers in zip(values.values.to_list(), found, strict=True):
            cell = pl.Series(name, [value], dtype=values.values.dtype)
            filled = table.frame.with_columns(cell.new_from_index(0, len(table)))
            expected = np.asarray(predict(filled)).reshape(len(table), -1)
            np.testing.assert_allclose(answers, expected, rtol=1e-4, atol=1e-5, err_msg=f"{name} = {value}")


def test_grids_take_what_columns_hold() -> None:
    _, table = trained("two")
    found = {name: grid(table, j) for j, name in enumerate(table.feature_names)}
    assert {name: values.kind for name, values in found.items()} == {
        "age": "number",
        "rooms": "number",
        "city": "levels",
        "owner": "levels",
        "sold": "date",
    }
    assert found["rooms"].labels == [1, 2, 3, 4, 5, 6]
    known = table.frame["age"].drop_nulls().to_numpy()
    np.testing.assert_allclose(found["age"].labels, np.linspace(*np.quantile(known, [0.05, 0.95]), 20))
    counts = table.frame["city"].drop_nulls().value_counts(sort=True)["city"].to_list()
    assert set(found["city"].labels) == {*counts, None}
    assert found["city"].labels[-1] is None
    assert set(found["owner"].labels) == {"True", "False"}
    days = [date.fromisoformat(text) for text in found["sold"].labels]
    assert days == sorted(days)
    assert date(2020, 1, 1) <= days[0] <= days[-1] <= date(2022, 6, 20)


@pytest.mark.parametrize("kind", ["two", "three", "numbers"])
@pytest.mark.filterwarnings("ignore::thalweg.core.errors.DataWarning")
def test_an_explanation_holds_both_and_says_for_how_many_rows_it_asks(kind: str) -> None:
    model, table = trained(kind)
    effort, asked = Effort(rows=40, repeats=2, shown=3, curve_rows=30, points=5), []
    told = explanation(model, table, effort, tick=asked.append)
    assert sum(asked) <= effort.predictions(len(table), table.width)
    means = [entry["loss"]["mean"] for entry in told["importance"]["columns"]]
    assert means == sorted(means, reverse=True)
    assert told["importance"]["rows"] == 40
    assert [c["name"] for c in told["dependence"]["columns"]] == [
        entry["name"] for entry in told["importance"]["columns"][:3]
    ]
    answers = {"two": ["yes"], "three": ["low", "mid", "top"], "numbers": ["y1", "y2"]}[kind]
    assert told["dependence"]["answers"] == answers
    for course in told["dependence"]["columns"]:
        assert np.shape(course["mean"]) == (len(answers), len(course["grid"]))
        drawn = kind != "three" and course["kind"] != "levels"
        assert np.shape(course["lines"])[:2] == ((len(answers), 30) if drawn else (0,))
        if drawn:  # all rows are drawn, so that their mean is the partial dependence
            np.testing.assert_allclose(np.mean(course["lines"], axis=1), course["mean"], rtol=1e-3, atol=1e-5)


def test_arrays_are_filled_too() -> None:
    x = frame().select("rooms").to_numpy()
    array = Table("array", np.hstack([x, x**2]).astype(np.uint8), np.arange(len(x)) / 3, ("a", "b"))
    columns = Columns.of(Encoder.fit(array), array)
    values = grid(columns.table, 1)
    assert values.labels == sorted(set((x[:, 0] ** 2).tolist()))
    blocks = list(columns.filled(1, values.values))
    assert all((block[:, 0] == columns.encoded[:, 0]).all() for block in blocks)
    assert {float(v) for block in blocks for v in block[:, 1]} == {float(v) for v in columns.encoded[:, 1]}


@pytest.mark.filterwarnings("ignore::thalweg.core.errors.DataWarning")
def test_text_is_what_the_encoder_takes_it_for_and_codes_are_no_numbers() -> None:
    rng = np.random.default_rng(0)
    rows = pl.DataFrame(
        {
            "day": [
                f"{d:02d}.{m:02d}.2024" for d, m in zip(rng.integers(1, 28, 300), rng.integers(1, 13, 300), strict=True)
            ],
            "size": [f"{v:.3f}" for v in rng.normal(size=300)],
            "zip": rng.choice([1010, 4020, 8010], 300, p=[0.5, 0.3, 0.2]),
        }
    )
    table = Table("toy", rows, rng.normal(size=300), tuple(rows.columns))
    encoder = Encoder.fit(table, columns={"zip": "levels"})
    read = typed(table, encoder)
    np.testing.assert_array_equal(encoder.features(read), encoder.features(table))
    day, size, code = (grid(read, j, levels=name == "zip") for j, name in enumerate(rows.columns))
    assert (day.kind, day.labels[0][:5]) == ("date", "2024-")
    assert (size.kind, len(size.labels)) == ("number", 20)
    assert (code.kind, code.labels) == ("levels", ["1010", "4020", "8010"])
