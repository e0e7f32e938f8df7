"""Training that goes on: partial_fit, warm_start, and early stopping over calls."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from thalweg import DenseClassifier, DenseRegressor
from thalweg.core.errors import ArgumentError, DivergedError

RNG = np.random.default_rng(1)
X = RNG.normal(size=(80, 3))
Y = np.where(X[:, 0] + 0.3 * RNG.normal(size=80) > 0, "yes", "no")
SMALL: dict[str, Any] = {
    "preset": "plain",
    "hidden": (8,),
    "dropout": 0.1,
    "learning_rate": 0.01,
    "schedule": "constant",
}


def weights(estimator: Any) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in jax.tree.leaves(estimator.model_.params)]


def same(one: Any, other: Any) -> bool:
    return all(map(np.array_equal, weights(one), weights(other)))


def test_epochs_by_partial_fit_are_epochs_of_fit() -> None:
    # The same order of rows, the same dropout and the same moments of Adam: nothing is lost between the calls.
    whole = DenseClassifier(**SMALL, epochs=4).fit(X, Y)
    parts = DenseClassifier(**SMALL)
    for _ in range(4):
        parts.partial_fit(X, Y, classes=["yes", "no"])
    assert same(whole, parts)
    assert whole.loss_curve_ == parts.loss_curve_
    assert parts.n_iter_ == 4


def test_warm_start_goes_on_from_the_fit_before() -> None:
    whole = DenseClassifier(**SMALL, epochs=4).fit(X, Y)
    parts = DenseClassifier(**SMALL, epochs=2, warm_start=True).fit(X, Y).fit(X, Y)
    assert same(whole, parts)
    again = DenseClassifier(**SMALL, epochs=2).fit(X, Y).fit(X, Y)
    assert again.n_iter_ == 2
    assert not same(whole, again)


def test_the_schedule_of_a_warm_start_is_that_of_the_whole_course() -> None:
    cosine = SMALL | {"schedule": "auto"}
    parts = DenseClassifier(**cosine, epochs=2, warm_start=True).fit(X, Y).fit(X, Y)
    whole = DenseClassifier(**cosine, epochs=4).fit(X, Y)
    rates = [row["learning_rate"] for row in parts.history_]
    assert rates[2:] == [row["learning_rate"] for row in whole.history_][2:]
    assert rates[1] < 1e-3


def test_partial_fit_keeps_the_encoder_and_knows_labels_that_come_later() -> None:
    ours = DenseClassifier(**SMALL)
    first = Y == "yes"
    ours.partial_fit(X[first], Y[first], classes=["yes", "no"])
    assert ours.classes_.tolist() == ["no", "yes"]
    assert set(ours.predict(X)) == {"yes"}
    encoder = ours.model_.encoder
    for _ in range(20):
        ours.partial_fit(X, Y)
    assert ours.model_.encoder is encoder
    assert ours.score(X, Y) > 0.8
    with pytest.raises(ValueError, match="not the same as on last call"):
        ours.partial_fit(X, Y, classes=["no", "yes", "maybe"])
    with pytest.raises(ValueError, match="maybe"):
        ours.partial_fit(X[:3], ["no", "yes", "maybe"])


def test_partial_fit_of_a_regressor() -> None:
    y = 100 * X[:, 1] + 7 + 10 * RNG.normal(size=80)
    ours = DenseRegressor(**(SMALL | {"dropout": 0.0}))
    for _ in range(30):
        ours.partial_fit(X, y)
    assert ours.score(X, y) > 0.9
    ours.partial_fit(X[:1], [3.0])  # later calls may bring a single row
    assert ours.n_iter_ == 31


def test_early_stopping_together_with_partial_fit() -> None:
    ours = DenseClassifier(**(SMALL | {"learning_rate": 0.3}), patience=2)
    for _ in range(40):
        ours.partial_fit(X[:60], Y[:60], eval_set=(X[60:], Y[60:]))
    losses = [row["validation_loss"] for row in ours.history_]
    assert ours.best_epoch_ == int(np.argmin(losses)) + 1
    # Once patience is used up, calls train no more.
    assert ours.n_iter_ == ours.best_epoch_ + 2 < 40
    assert ours.model_.evaluate(X[60:], Y[60:])["loss"] == pytest.approx(min(losses), rel=1e-4)


def test_calls_with_and_without_rows_to_watch() -> None:
    ours = DenseClassifier(**SMALL).partial_fit(X[:60], Y[:60]).partial_fit(X[:60], Y[:60])
    watched = (X[60:], Y[60:])
    ours.set_params(patience=3).partial_fit(X[:60], Y[:60], eval_set=watched)
    assert [("validation_loss" in row) for row in ours.history_] == [False, False, True]
    assert ours.best_epoch_ == 3
    ours.set_params(scoring="accuracy").partial_fit(X[:60], Y[:60], eval_set=watched)
    assert ours.best_epoch_ == 4
    assert ours.history_[-1]["validation_score"] == ours.score(*watched)


def test_early_stopping_that_is_asked_for_later() -> None:
    ours = DenseClassifier(**SMALL, epochs=4, warm_start=True).fit(X, Y)
    ours.set_params(patience=3, validation=0.2).fit(X, Y)
    losses = [row["validation_loss"] for row in ours.history_[4:]]
    assert ours.best_epoch_ == 5 + int(np.argmin(losses))


def test_a_further_fit_has_a_patience_and_a_best_epoch_of_its_own() -> None:
    settings = SMALL | {"learning_rate": 0.3, "epochs": 40, "patience": 2, "warm_start": True}
    ours = DenseClassifier(**settings).fit(X[:60], Y[:60], eval_set=(X[60:], Y[60:]))
    before = ours.n_iter_
    assert before == ours.best_epoch_ + 2 < 40  # patience ended it
    other = np.where(X[:, 0] > 0, "no", "yes")  # harder to tell at first: losses are above those of before
    ours.fit(X[:60], other[:60], eval_set=(X[60:], other[60:]))
    losses = [row["validation_loss"] for row in ours.history_]
    assert ours.n_iter_ > before
    assert ours.best_epoch_ == before + 1 + int(np.argmin(losses[before:]))
    assert ours.model_.evaluate(X[60:], other[60:])["loss"] == pytest.approx(min(losses[before:]), rel=1e-4)


def test_a_loaded_classifier_goes_on(tmp_path: Any) -> None:
    ours = DenseClassifier(**SMALL, epochs=3, warm_start=True).fit(X, Y)
    ours.save(tmp_path / "model")
    loaded = DenseClassifier.load(tmp_path / "model")
    assert loaded.get_params() == ours.get_params()
    assert loaded.best_epoch_ == ours.best_epoch_
    loaded.fit(X, Y)
    assert loaded.n_iter_ == 6
    assert loaded.loss_curve_[3] < loaded.loss_curve_[0]


def test_weights_of_labels_stay_when_training_goes_on() -> None:
    ours = DenseClassifier(**SMALL, class_weight={1: 3.0})
    for _ in range(2):
        ours.partial_fit(X, (X > 1).astype(int))
        assert ours.model_.likelihood.positive_weights == (1, 3, 1)


def test_weights_of_classes_that_a_call_does_not_have() -> None:
    first, weight = Y == "no", {"yes": 5.0}
    by_class, by_row = DenseClassifier(**SMALL, class_weight=weight), DenseClassifier(**SMALL)
    for rows in (first, ~first, slice(None)):
        by_class.partial_fit(X[rows], Y[rows], classes=["no", "yes"])
        by_row.partial_fit(X[rows], Y[rows], ["no", "yes"], np.where(Y[rows] == "yes", 5.0, 1.0))
    assert same(by_class, by_row)
    for wrong in ({"maybe": 2.0}, {"yes": -1.0}):
        with pytest.raises(ArgumentError, match="class_weight"):
            by_class.set_params(class_weight=wrong).partial_fit(X[first], Y[first])


def test_weights_of_rows_in_partial_fit() -> None:
    weight, t = RNG.integers(0, 3, 80), X[:, 0] - X[:, 1]
    weighted, repeated, plain = (DenseRegressor(**(SMALL | {"dropout": 0.0})) for _ in range(3))
    for rows in (slice(0, 40), slice(40, 80), slice(0, 80)):
        weighted.partial_fit(X[rows], t[rows], sample_weight=weight[rows])
        repeated.partial_fit(X[rows].repeat(weight[rows], axis=0), t[rows].repeat(weight[rows]))
        plain.partial_fit(X[rows], t[rows])
    assert np.allclose(weighted.predict(X), repeated.predict(X), atol=1e-6)
    assert not np.allclose(weighted.predict(X), plain.predict(X), atol=1e-3)


def test_a_score_is_watched_over_calls() -> None:
    ours = DenseClassifier(**(SMALL | {"learning_rate": 0.3}), patience=3, scoring="accuracy")
    for _ in range(20):
        ours.partial_fit(X[:60], Y[:60], eval_set=(X[60:], Y[60:]))
    scores = [row["validation_score"] for row in ours.history_]
    assert ours.best_epoch_ == int(np.argmax(scores)) + 1
    assert ours.n_iter_ == ours.best_epoch_ + 3 < 20
    assert ours.score(X[60:], Y[60:]) == pytest.approx(max(scores))


def test_labels_that_occur_in_other_calls() -> None:
    labels = (X > 0.3).astype(int)
    ours = DenseClassifier(**(SMALL | {"learning_rate": 0.03, "dropout": 0.0}))
    only = [np.flatnonzero(labels[:, k] == labels.sum(axis=1)) for k in range(3)]  # rows with no label but k
    assert all(labels[rows].any(axis=0).tolist() == [j == k for j in range(3)] for k, rows in enumerate(only))
    for _ in range(40):
        for rows in only:
            ours.partial_fit(X[rows], labels[rows])
    assert ours.classes_.tolist() == [0, 1, 2]
    every = np.concatenate(only)
    assert np.mean(ours.predict(X[every]) == labels[every]) > 0.9
    assert ours.predict(X[every]).any(axis=0).all()
    with pytest.raises(ValueError, match="expected 3 numbers a row, got 2"):
        ours.partial_fit(X, labels[:, :2])


@pytest.mark.parametrize("y", [Y, (X > 0).astype(int)], ids=["classes", "labels"])
def test_balanced_weights_are_not_for_parts_of_the_rows(y: Any) -> None:
    with pytest.raises(ArgumentError, match="class_weight: expected None or a dictionary for partial_fit") as told:
        DenseClassifier(**SMALL, class_weight="balanced").partial_fit(X, y)
    assert "compute_class_weight('balanced', classes=classes, y=y)" in str(told.value)


def test_a_first_fit_that_diverges_leaves_nothing_to_go_on_from() -> None:
    ours = DenseRegressor(preset="plain", hidden=(), optimizer="sgd", learning_rate=1e30, epochs=2, warm_start=True)
    with pytest.raises(DivergedError, match="learning_rate=1e\\+29"):
        ours.fit(X, X @ [1, 2, 3])
    with pytest.raises(NotFittedError):
        ours.predict(X)
    assert ours.set_params(learning_rate=0.1).fit(X, X @ [1, 2, 3]).n_iter_ == 2


def test_another_network_cannot_go_on() -> None:
    ours = DenseClassifier(**SMALL, epochs=1, warm_start=True).fit(X, Y)
    with pytest.raises(ValueError, match="warm_start"):
        ours.set_params(hidden=(9,)).fit(X, Y)
    with pytest.raises(ValueError, match=r"partial_fit: expected the network of the fit before.* take a clone"):
        ours.partial_fit(X, Y)
