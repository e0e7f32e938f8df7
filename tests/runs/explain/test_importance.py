"""Permutation importance against scikit-learn's, against predictions for permuted frames, and its errors."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.inspection import permutation_importance as sklearn_importance
from sklearn.metrics import log_loss
from sklearn.utils import check_random_state
from tabular_models import FEATURES, LIKELIHOODS, as_pandas, trained

from thalweg.data.encode import Encoder
from thalweg.data.table import Table
from thalweg.runs.explain.columns import Columns
from thalweg.runs.explain.explanation import _told
from thalweg.runs.explain.importance import Change, _change, permutation_importance, related


class Shell(ClassifierMixin, BaseEstimator):
    """A trained model as scikit-learn sees it."""

    def __init__(self, model: Any = None) -> None:
        self.model = model
        self.classes_ = model.classes

    def fit(self, x: Any, y: Any) -> None:
        raise AssertionError("trained already")

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict(self, x: Any) -> Any:
        return self.model.predict(x)

    def predict_proba(self, x: Any) -> Any:
        return self.model.predict_proba(x)


def sklearn_orders(rows: int, repeats: int) -> np.ndarray:
    """The permutations that scikit-learn draws with random_state=0; each shuffles what the last one left."""
    seed = check_random_state(0).randint(np.iinfo(np.int32).max + 1)
    random, index, order, orders = check_random_state(seed), np.arange(rows), np.arange(rows), []
    for _ in range(repeats):
        random.shuffle(index)
        order = order[index]
        orders.append(order)
    return np.stack(orders)


@pytest.mark.filterwarnings("ignore::thalweg.core.errors.DataWarning")
def test_it_is_that_of_scikit_learn() -> None:
    model, table = trained("three")
    x, y = as_pandas(table.frame), table.target_array()
    orders = sklearn_orders(len(table), 4)
    scoring = {
        "loss": lambda shell, rows, labels: -log_loss(labels, shell.predict_proba(rows), labels=model.classes),
        "accuracy": "accuracy",
    }
    theirs = sklearn_importance(Shell(model), x, y, scoring=scoring, n_repeats=4, random_state=0)
    ours, (loss, error) = permutation_importance(
        model, Columns.of(model.encoder, table), model.encoder.targets(table), orders
    )
    for measure, found in (("loss", [a for a, _ in ours]), ("accuracy", [b for _, b in ours])):
        np.testing.assert_allclose([c.mean for c in found], theirs[measure].importances_mean, atol=2e-6)
        np.testing.assert_allclose([c.sd for c in found], theirs[measure].importances_std, atol=2e-6)
    evaluated = model.evaluate(table, y)
    assert (loss, error) == pytest.approx((evaluated["loss"], evaluated["error"]))
    assert max(change.mean for change, _ in ours) > 0.1


@pytest.mark.parametrize("kind", LIKELIHOODS)
@pytest.mark.filterwarnings("ignore::thalweg.core.errors.DataWarning")
def test_shuffling_encoded_columns_is_shuffling_the_frame(kind: str) -> None:
    model, table = trained(kind)
    order = np.random.default_rng(1).permutation(len(table))
    columns = Columns.of(model.encoder, table)
    ours, plain = permutation_importance(model, columns, model.encoder.targets(table), order[None])
    y = table.target_array()
    metric = model.likelihood.metric
    before = model.evaluate(table.frame, y)
    assert plain == pytest.approx((before["loss"], before[metric]), rel=1e-5)
    for j, name in enumerate(FEATURES):
        shuffled = table.frame.with_columns(table.frame[name][order])
        after = model.evaluate(shuffled, y)
        assert ours[j][0].mean == pytest.approx(after["loss"] - before["loss"], rel=1e-4, abs=1e-5), name
        assert ours[j][1].mean == pytest.approx(after[metric] - before[metric], rel=1e-4, abs=1e-5), name


def test_each_encoded_column_finds_its_source() -> None:
    frame = pl.DataFrame({"a": [1.0, None, 3.0, 5.0], "b": ["x", "y", None, "x"], "d": [True, False, True, True]})
    table = Table("toy", frame, np.array([0.1, 0.2, 0.4, 0.3]), tuple(frame.columns))
    encoder = Encoder.fit(table)
    found = Columns.of(encoder, table).sources
    for name, source in zip(encoder.feature_names, found, strict=True):
        assert frame.columns[source] == name[0], name
    wide = Table("wide", np.random.default_rng(0).normal(size=(5, 37)), np.arange(5.0), tuple(map(str, range(37))))
    assert Columns.of(Encoder.fit(wide), wide).sources.tolist() == list(range(37))


def test_the_standard_error_of_a_root_is_that_of_the_jackknife() -> None:
    rng = np.random.default_rng(0)
    plain = rng.chisquare(3, 400)
    repeats = [plain + rng.chisquare(2, 400) for _ in range(3)]
    left_out = [np.delete(np.arange(400), i) for i in range(400)]
    values = [np.mean([np.sqrt(r[i].mean()) for r in repeats]) - np.sqrt(plain[i].mean()) for i in left_out]
    jackknife = np.sqrt(399 * np.var(values))
    assert _change(repeats, plain, root=True).se == pytest.approx(jackknife, rel=0.02)


def test_columns_that_tell_the_same_are_found() -> None:
    rng = np.random.default_rng(0)
    a, code = rng.normal(size=200), rng.integers(0, 5, 200)
    frame = pl.DataFrame(
        {
            "a": a,
            "near a": a + 0.5 * rng.normal(size=200),
            "far": rng.normal(size=200),
            "code": [f"level {c}" for c in code],
            "number of code": (code - 2.0) ** 2,
        }
    )
    table = Table("toy", frame, rng.normal(size=200), tuple(frame.columns))
    encoder = Encoder.fit(table)
    columns = Columns.of(encoder, table)
    pairs = {frozenset((j, k)): r for j, k, r in related(columns)}
    assert set(pairs) == {frozenset((0, 1)), frozenset((3, 4))}
    assert pairs[frozenset((3, 4))] == pytest.approx(1)  # a number that the code tells
    near = encoder.features(table)[:, :2]
    r2 = np.corrcoef(near.T)[0, 1] ** 2
    assert pairs[frozenset((0, 1))] == pytest.approx(np.sqrt(1 - (1 - r2) * 199 / 198), rel=1e-5)


def test_a_change_of_rounding_alone_is_none() -> None:
    assert _told(Change(-1.4e-17, 0.0, 0.0), 0.2)["mean"] == 0
    assert _told(Change(1e-9, 0.0, 0.0), 0.2)["mean"] == 1e-9
