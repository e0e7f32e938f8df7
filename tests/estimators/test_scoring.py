"""Scores that early stopping watches: what scorers are given, and what is kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse
from sklearn.metrics import accuracy_score, make_scorer, r2_score

from thalweg import DenseClassifier, DenseRegressor
from thalweg.core.errors import ArgumentError

RNG = np.random.default_rng(4)
N = 80
X = RNG.normal(size=(N, 3))
Y = np.where(X[:, 0] + 0.2 * RNG.normal(size=N) > 0, "yes", "no")
T = X[:, 0] + 0.1 * RNG.normal(size=N)
SMALL: dict[str, Any] = {"preset": "plain", "hidden": (8,), "epochs": 2}


@pytest.mark.parametrize(
    "scoring",
    ["accuracy", make_scorer(accuracy_score), lambda estimator, x, y: np.mean(estimator.predict(x) == y)],
    ids=["name", "scorer", "function"],
)
def test_early_stopping_watches_any_score(scoring: Any) -> None:
    settings = SMALL | {"learning_rate": 0.3, "epochs": 12, "patience": 3, "scoring": scoring}
    ours = DenseClassifier(**settings).fit(X[:60], Y[:60], eval_set=[(X[60:], Y[60:])])
    scores = [row["validation_score"] for row in ours.history_]
    assert ours.best_epoch_ == int(np.argmax(scores)) + 1
    assert ours.n_iter_ == min(12, ours.best_epoch_ + 3)
    assert ours.score(X[60:], Y[60:]) == pytest.approx(max(scores))


def test_each_member_keeps_its_best_epoch_by_its_own_score() -> None:
    told: list[tuple[float, np.ndarray]] = []

    def scoring(estimator: Any, x: Any, y: Any) -> float:
        p = estimator.predict_proba(x)
        # Falls with the epochs for the first member, and rises for the second.
        told.append((float(-len(told) if len(told) % 2 == 0 else len(told)), p))
        return told[-1][0]

    settings = SMALL | {"learning_rate": 0.1, "epochs": 5, "patience": 9}
    ours = DenseClassifier(**settings, scoring=scoring, members=2)
    ours.fit(X[:60], Y[:60], eval_set=(X[60:], Y[60:]))
    assert len(told) == 10
    assert [row["validation_score"] for row in ours.history_] == [np.mean([-2 * e, 2 * e + 1]) for e in range(5)]
    kept = [told[0][1], told[9][1]]  # of the first epoch the first member, of the last one the second
    assert np.allclose(ours.predict_proba(X[60:]), np.mean(kept, axis=0), atol=1e-6)
    with pytest.raises(ArgumentError, match="scoring: expected rows to score beside it, got folds"):
        DenseClassifier(**settings, scoring="accuracy", folds=3).fit(X, Y)


def test_a_share_of_the_rows_is_watched_with_its_weights() -> None:
    weight = RNG.uniform(0.1, 5, N)
    last: list[Any] = []

    def scoring(_: Any, x: Any, y: Any, sample_weight: Any = None) -> float:
        last.append((x, y, sample_weight))
        return 0.0

    ours = DenseRegressor(**SMALL, validation=0.25, scoring=scoring)
    ours.fit(X, T, weight)
    rows, y, watched_weight = last[-1]
    assert len(rows) == 20
    order = [int(np.flatnonzero(value == T)[0]) for value in y]
    assert np.array_equal(rows, X[order])
    assert np.array_equal(watched_weight, weight[order])
    outputs = np.asarray(ours.model_.outputs(rows), float)
    z = (y - ours.model_.encoder.target_mean) / ours.model_.encoder.target_scale
    squares = 0.5 * (z - outputs[:, 0]) ** 2 + 0.5 * np.log(2 * np.pi)
    expected = np.average(squares, weights=weight[order])
    assert ours.history_[-1]["validation_loss"] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    ("scoring", "measure"),
    [
        ("r2", r2_score),
        (make_scorer(r2_score), r2_score),
        # Neither the metric nor the function takes weights.
        (make_scorer(lambda y, p: -np.abs(y - p).max()), lambda y, p, sample_weight: -np.abs(y - p).max()),
        (lambda e, x, y: -np.abs(y - e.predict(x)).max(), lambda y, p, sample_weight: -np.abs(y - p).max()),
    ],
    ids=["name", "scorer", "scorer without weights", "function"],
)
def test_scores_are_weighted_where_scorers_take_weights(scoring: Any, measure: Any) -> None:
    weight = np.where(np.arange(N) % 2, 1.0, 9.0)
    ours = DenseRegressor(**(SMALL | {"epochs": 1}), validation=0.25, scoring=scoring).fit(X, T, weight)
    # The same split with the rows' numbers in place of the targets.
    seen: list[Any] = []
    DenseRegressor(**(SMALL | {"epochs": 1}), validation=0.25, scoring=lambda e, x, y: seen.append(y) or 0.0).fit(
        X, np.arange(N) + 0.5
    )
    some = (seen[-1] - 0.5).astype(int)
    expected = measure(T[some], ours.predict(X[some]), sample_weight=weight[some])
    assert ours.history_[-1]["validation_score"] == pytest.approx(expected, abs=1e-4)


ROWS = {
    "pandas": pd.DataFrame,
    "polars": pl.DataFrame,
    "lazy": lambda c: pl.DataFrame(c).lazy(),
    "arrow": pa.table,
}


@pytest.mark.parametrize("eval_set", [False, True], ids=["share", "eval_set"])
@pytest.mark.parametrize("kind", ROWS)
def test_a_scorer_is_given_rows_of_the_kind_that_fit_was(kind: str, eval_set: bool) -> None:
    columns = {"age": X[:, 0], "town": np.array(["Lund", "Oslo"])[(X[:, 1] > 0).astype(int)]}
    seen: list[Any] = []

    def scoring(estimator: Any, x: Any, y: Any) -> float:
        seen.append((type(x), np.asarray(x["age"]), y))
        return accuracy_score(y, estimator.predict(x))

    frame = ROWS[kind](columns)
    ours = DenseClassifier(**SMALL, scoring=scoring, **({} if eval_set else {"validation": 0.25}))
    ours.fit(frame, Y, eval_set=(frame, Y) if eval_set else None)
    container, ages, y = seen[-1]
    assert container is (pl.DataFrame if kind == "lazy" else type(frame))
    places = [int(np.flatnonzero(age == X[:, 0])[0]) for age in ages]
    assert places == (list(range(N)) if eval_set else sorted(set(places)))
    assert len(places) == (N if eval_set else 20)
    assert np.array_equal(y, Y[places])


@pytest.mark.parametrize("form", [sparse.csr_array, sparse.coo_array, np.ndarray.tolist, lambda a: a.astype(object)])
def test_a_scorer_is_given_rows_of_any_array(form: Any) -> None:
    seen: list[Any] = []

    def scoring(estimator: Any, x: Any, y: Any) -> float:
        seen.append(x.toarray() if sparse.issparse(x) else np.asarray(x, float))
        return float(estimator.predict(x)[0])

    DenseRegressor(**SMALL, validation=0.25, scoring=scoring).fit(form(X), T)
    places = [int(np.flatnonzero(row[0] == X[:, 0])[0]) for row in seen[-1]]
    assert np.array_equal(seen[-1], X[places])
    assert len(places) == 20
