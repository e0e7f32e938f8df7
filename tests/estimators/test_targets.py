"""Targets of every kind, with their answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse
from scipy.special import expit

from thalweg import DenseClassifier, DenseRegressor
from thalweg.core.errors import ArgumentError, DataWarning
from thalweg.data.table import Table
from thalweg.data.targets import Targets
from thalweg.likelihoods import StudentT

RNG = np.random.default_rng(3)
N = 80
X = RNG.normal(size=(N, 3))
CODES = np.digitize(X[:, 0], [-0.5, 0.5])
SMALL: dict[str, Any] = {"preset": "plain", "hidden": (8,), "epochs": 2}
LABELS = (X > 0).astype(int)
T = X + 0.1 * RNG.normal(size=(N, 3))

KINDS = {
    "text": np.array(["b", "a", "c"])[CODES],
    "objects": np.array(["b", "a", "c"], object)[CODES],
    "whole numbers": np.array([7, -3, 2])[CODES],
    "int8": CODES.astype(np.int8),
    "floats": CODES.astype(float),
    "booleans": CODES > 0,
    "pandas": pd.Series(np.array(["b", "a", "c"])[CODES]),
    "polars": pl.Series(np.array(["b", "a", "c"])[CODES]),
    "categories": pd.Series(pd.Categorical(np.array(["b", "a", "c"])[CODES])),
    "list": np.array(["b", "a", "c"])[CODES].tolist(),
    "arrow": pa.array(np.array(["b", "a", "c"])[CODES]),
    "arrow numbers": pa.chunked_array([CODES[:30], CODES[30:]]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_labels_come_back_as_they_were(kind: str) -> None:
    y = KINDS[kind]
    array = np.asarray(y)
    ours = DenseClassifier(**SMALL).fit(X, y)
    assert np.array_equal(ours.classes_, np.unique(array))
    assert ours.classes_.dtype.kind == array.dtype.kind
    p = ours.predict_proba(X)
    assert np.array_equal(ours.predict(X), np.unique(array)[p.argmax(axis=1)])
    assert np.allclose(p.sum(axis=1), 1)
    assert np.allclose(np.exp(ours.predict_log_proba(X)), p)
    assert ours.score(X, y) == np.mean(ours.predict(X) == array)


@pytest.mark.parametrize(
    "y",
    [
        pd.Series(pd.Categorical(np.array(["low", "mid", "top"])[CODES], ["low", "mid", "top"], ordered=True)),
        pl.Series(np.array(["low", "mid", "top"])[CODES], dtype=pl.Enum(["low", "mid", "top"])),
        np.array(["low", "mid", "top"])[CODES],
    ],
    ids=["pandas", "polars", "parameter"],
)
def test_ordered_labels(y: Any) -> None:
    order = ["low", "mid", "top"] if isinstance(y, np.ndarray) else None
    settings = SMALL | {"learning_rate": 0.05, "epochs": 20}
    ours = DenseClassifier(**settings, likelihood="ordinal", classes=order).fit(X, y)
    assert ours.model_.classes.tolist() == ["low", "mid", "top"]
    assert ours.score(X, y) > 0.8
    numbers = DenseClassifier(**settings, likelihood="ordinal").fit(X, CODES)
    assert np.allclose(ours.predict_proba(X), numbers.predict_proba(X))


def test_an_order_that_is_not_that_of_the_alphabet() -> None:
    names = np.array(["small", "big", "huge"])
    settings = SMALL | {"learning_rate": 0.05, "epochs": 20}
    ours = DenseClassifier(**settings, likelihood="ordinal", classes=names).fit(X, names[CODES])
    numbers = DenseClassifier(**settings, likelihood="ordinal").fit(X, CODES)
    assert ours.model_.classes.tolist() == names.tolist()
    assert ours.classes_.tolist() == ["big", "huge", "small"]  # sorted, as scikit-learn's metrics take for granted
    assert np.array_equal(ours.predict_proba(X), numbers.predict_proba(X)[:, [1, 2, 0]])
    assert np.array_equal(ours.predict(X), names[numbers.predict(X)])


@pytest.mark.parametrize("y", [LABELS, LABELS.astype(bool), sparse.csr_array(LABELS), pd.DataFrame(LABELS)])
def test_several_labels(y: Any) -> None:
    ours = DenseClassifier(**(SMALL | {"learning_rate": 0.05, "epochs": 20})).fit(X, y)
    assert ours.model_.likelihood.name == "multilabel"
    p = ours.predict_proba(X)
    assert p.shape == (N, 3)
    assert np.array_equal(ours.predict(X), p > 0.5)
    assert np.mean(ours.predict(X) == LABELS) > 0.9
    logits = ours.model_.outputs(X)
    assert np.allclose(p, expit(logits.astype(float)), atol=1e-6)


def test_rare_labels_are_found_with_class_weights() -> None:
    rare = (X > 1.2).astype(int)
    plain = DenseClassifier(**SMALL).fit(X, rare).predict_proba(X)
    weighted = DenseClassifier(**SMALL, class_weight="balanced").fit(X, rare)
    share = rare.mean(axis=0)
    assert np.allclose(weighted.model_.likelihood.positive_weights, (1 - share) / share)
    assert (weighted.predict_proba(X).mean(axis=0) > plain.mean(axis=0)).all()
    assert DenseClassifier(**SMALL, class_weight={1: 3.0}).fit(X, rare).model_.likelihood.positive_weights == (1, 3, 1)


@pytest.mark.parametrize("width", [None, 1, 2])
def test_regression_answers_in_the_shape_and_units_of_the_target(width: int | None) -> None:
    y = 1e6 + 1e3 * (T[:, 0] if width is None else T[:, :width])
    ours = DenseRegressor(**(SMALL | {"learning_rate": 0.05, "epochs": 30})).fit(X, y)
    assert ours.predict(X).shape == y.shape
    assert ours.predict(X).dtype == np.float64
    assert ours.score(X, y) > 0.9
    several = () if width in (None, 1) else (width,)
    ends = ours.predict_interval(X, 0.8)
    assert ends.shape == (N, *several, 2)
    assert np.allclose(ours.predict_quantiles(X, [0.1, 0.9]), ends)
    assert ours.predict_dist(X).log_prob(y.reshape(N, -1)).shape == (N,)


@pytest.mark.parametrize(
    ("name", "options", "y"),
    [
        ("poisson", None, RNG.poisson(np.exp(X[:, 0]))),
        ("negative_binomial", None, RNG.poisson(np.exp(X[:, 0]))),
        ("quantile", {"levels": (0.1, 0.5, 0.9)}, T[:, 0]),
        ("heteroscedastic", None, T[:, 0]),
        (StudentT(df=4.0), None, T[:, 0]),
    ],
    ids=["poisson", "negative_binomial", "quantile", "heteroscedastic", "object"],
)
def test_any_likelihood(name: Any, options: Any, y: np.ndarray) -> None:
    ours = DenseRegressor(**SMALL, likelihood=name, likelihood_options=options).fit(X, y)
    assert ours.predict(X).shape == (N,)
    assert (np.diff(ours.predict_interval(X, 0.8)) >= 0).all()


def test_numbers_of_arrow_are_those_of_numpy() -> None:
    reference = DenseRegressor(**SMALL).fit(X, T[:, 0]).predict(X)
    for y in (pa.array(T[:, 0]), pa.chunked_array([T[:30, 0], T[30:, 0]])):
        assert np.array_equal(DenseRegressor(**SMALL).fit(X, y).predict(X), reference)


@pytest.mark.parametrize("y", [CODES > 0, np.array(["b", "a", "c"])[CODES]], ids=["two classes", "three classes"])
def test_the_distribution_of_classes_is_what_is_probable(y: Any) -> None:
    ours = DenseClassifier(**SMALL).fit(X, y)
    distribution, p = ours.predict_dist(X), ours.predict_proba(X)
    numbers = np.arange(len(ours.classes_))[:, None]
    assert np.allclose(np.exp(distribution.log_prob(np.broadcast_to(numbers, (len(numbers), N)))).T, p, atol=1e-6)


def test_the_distribution_of_labels_is_what_is_probable() -> None:
    ours = DenseClassifier(**SMALL).fit(X, LABELS)
    p = ours.predict_proba(X)
    independent = np.where(LABELS, p, 1 - p).prod(axis=1)
    assert np.allclose(
        np.exp(ours.predict_dist(X).log_prob(LABELS)).reshape(N, -1).prod(axis=1), independent, rtol=1e-4
    )


def test_rows_that_are_handed_over() -> None:
    y = np.array(["no", "yes"])[(X[:, 0] > 0).astype(int)]
    ours = DenseClassifier(**SMALL).fit(X, y)
    doubt = 1 - ours.predict_proba(X).max(axis=1)  # what the better answer is expected to cost
    price = float(np.median(doubt))
    decided = ours.decide(X, reject=price)
    assert np.array_equal(decided.rejected, doubt > price)
    assert np.array_equal(decided.labels(), np.where(doubt > price, "reject", ours.predict(X)))
    assert np.allclose(decided.expected, np.minimum(doubt, price))
    few = ours.decide(X, reject=price / 2, budget=7)
    assert set(np.flatnonzero(few.rejected)) == set(np.argsort(doubt)[-7:])
    # With prices for each row the budget is money: five rows at 1 and none of those at 100.
    prices = np.where(X[:, 1] > 0, 1.0, 100.0)
    paid = ours.decide(X, reject=price / 2, budget=5.0, prices=prices)
    assert prices[paid.rejected].sum() <= 5


def test_decisions_of_least_expected_cost() -> None:
    y = np.array(["no", "yes"])[(X[:, 0] > 0).astype(int)]
    ours = DenseClassifier(**SMALL).fit(X, y)
    cost = np.array([[0.0, 1.0], [9.0, 0.0]])  # a missed "yes" costs nine false alarms
    p = ours.predict_proba(X)
    decided = ours.decide(X, cost)
    assert np.array_equal(decided.labels(), np.array(["no", "yes"])[(p @ cost).argmin(axis=1)])
    numbers = DenseRegressor(**SMALL).fit(X, T[:, 0])
    assert np.allclose(numbers.decide(X, "squared").actions, numbers.predict(X), atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "settings", "y", "message"),
    [
        (DenseClassifier, {}, X[:, 0], "Unknown label type"),
        (DenseClassifier, {}, np.ones(N), "1 class"),
        (DenseClassifier, {}, np.column_stack([CODES, CODES]), "zeros and ones"),
        (DenseClassifier, {}, np.where(CODES, np.nan, 1.0), "NaN"),
        (DenseClassifier, {"likelihood": "gaussian"}, CODES, "likelihood: expected one that produces classes"),
        (DenseClassifier, {"likelihood": "categorial"}, CODES, "Did you mean 'categorical'"),
        (DenseClassifier, {"classes": ["a", "b"]}, KINDS["text"], "got 'c'"),
        (DenseClassifier, {"class_weight": {5: 1.0}}, CODES, "class_weight"),
        (DenseClassifier, {"class_weight": "equal"}, CODES, "balanced"),
        (DenseClassifier, {"class_weight": {5: 1.0}}, LABELS, "class_weight"),
        (DenseClassifier, {"class_weight": {"1": 3.0}}, LABELS, "class_weight: expected classes among"),
        (DenseClassifier, {"class_weight": {1: np.inf}}, LABELS, "class_weight: expected finite"),
        (DenseClassifier, {"epochs": 0}, CODES, "epochs: expected a whole number, at least 1"),
        (DenseClassifier, {"activation": ("relu", "tanh")}, CODES, "activation"),
        (DenseClassifier, {"patience": 3}, CODES, "add validation=0.1"),
        (DenseClassifier, {"anneal": 0.5}, CODES, "anneal: expected patience beside it"),
        (DenseClassifier, {"folds": 1}, CODES, "folds: expected 0 for none"),
        (
            DenseClassifier,
            {"folds": 500},
            CODES,
            f"folds: expected at most {N} folds, one for each training row, got 500",
        ),
        (DenseClassifier, {"scoring": "f1"}, CODES, "scoring: expected rows to score"),
        (
            DenseRegressor,
            {},
            np.array(["a", "b"])[(CODES > 0).astype(int)],
            "not compatible with arrays of bytes/strings",
        ),
        (DenseRegressor, {"likelihood": "bernoulli"}, T[:, 0], "likelihood: expected one that produces continuous"),
        (DenseRegressor, {"random_state": "x"}, T[:, 0], "random_state"),
    ],
)
def test_what_cannot_be_learned(kind: Any, settings: dict[str, Any], y: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        kind(**(SMALL | settings)).fit(X, y)


def test_a_class_for_nearly_every_row_is_told_once() -> None:
    y = RNG.integers(0, 40, 40)
    with pytest.warns(DataWarning) as told:
        ours = DenseClassifier(**SMALL).fit(X[:40], y)
    assert ours.predict_proba(X).shape == (N, len(ours.classes_))
    # In the words that the command line has for them, see `Targets.fit`.
    with pytest.warns(DataWarning, match=f"{len(ours.classes_)} classes for 40 rows: most have too few") as known:
        Targets.fit(Table("X", X[:40], y, ("a", "b", "c")), kind="classes")
    assert [str(each.message) for each in told] == [str(known[0].message).replace("X: target:", "y:")]


def test_an_identifier_is_no_class() -> None:
    with pytest.raises(ValueError, match=f"got {N} different values in as many rows: an identifier"):
        DenseClassifier(**SMALL).fit(X, np.array([f"id{i}" for i in range(N)]))


def test_numbers_of_rows_are_no_target() -> None:
    with pytest.warns(DataWarning, match=f"each of the {N} rows has a whole number of its own between 0 and {N - 1}"):
        DenseRegressor(**SMALL).fit(X, np.arange(N))


@pytest.mark.parametrize(
    ("rows", "settings", "message"),
    [
        (10, {}, "y: 10 classes for 10 rows: most have too few rows to learn from. Give more rows"),
        (4, {"classes": [f"k{i}" for i in range(8)]}, "y: 8 classes for 4 rows"),
    ],
)
def test_classes_of_a_single_row_each_are_told(rows: int, settings: Any, message: str) -> None:
    y = np.array([f"k{i}" for i in range(rows)])
    with pytest.warns(DataWarning, match=message):
        DenseClassifier(**SMALL, **settings).fit(X[:rows], y)
    # A first call of many may bring a few of the classes.
    DenseClassifier(**SMALL).partial_fit(X[:rows], y, classes=[f"k{i}" for i in range(20)])


def test_a_constant_target_is_learned_with_a_word() -> None:
    with pytest.warns(DataWarning, match="nothing but that can be learned"):
        ours = DenseRegressor(**(SMALL | {"learning_rate": 0.02, "epochs": 40})).fit(X, np.full(N, 7.0))
    assert np.allclose(ours.predict(X), 7.0, atol=0.1)


def test_a_column_that_gives_the_target_away_is_named() -> None:
    with pytest.warns(DataWarning, match="column 'x1' equals the target"):
        DenseRegressor(**SMALL).fit(X, X[:, 1])


def test_a_label_that_never_varies_is_told() -> None:
    constant = np.column_stack([LABELS[:, :2], np.ones(N, int)])
    with pytest.warns(DataWarning, match=f"label 'y3' is 1 in all {N} rows; nothing can be learned of it"):
        DenseClassifier(**SMALL).fit(X, constant)


def test_rows_and_targets_of_other_lengths() -> None:
    with pytest.raises(ArgumentError, match="eval_set"):
        DenseClassifier(**SMALL).fit(X, CODES, eval_set=X)
    with pytest.raises(ValueError, match="inconsistent"):
        DenseClassifier(**SMALL).fit(X, CODES, eval_set=(X, CODES[:-1]))
