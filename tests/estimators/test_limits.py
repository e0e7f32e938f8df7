"""Where a dense network is a linear model, it agrees with scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from thalweg import DenseClassifier, DenseRegressor

N, L2 = 80, 0.02
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 3))
NOISY = X @ [1.0, -2.0, 0.5] + RNG.normal(size=N)
TWO = np.where(NOISY > 0.3, "yes", "no")
THREE = np.digitize(NOISY, [-1.0, 1.0])
WEIGHT = RNG.uniform(0.2, 3.0, N)
LINEAR = {"preset": "plain", "hidden": (), "optimizer": "lbfgs", "l2": L2, "standardize": False, "epochs": 100}


@pytest.mark.parametrize("y", [TWO, THREE], ids=["two classes", "three classes"])
@pytest.mark.parametrize("class_weight", [None, "balanced"])
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["unweighted", "weighted"])
def test_without_hidden_layer_it_is_logistic_regression(
    y: np.ndarray, class_weight: str | None, weight: np.ndarray | None
) -> None:
    # The loss is a mean with weights of mean one, the penalty ½ λ ΣW²: scikit-learn's C is 1 / (λ Σw).
    w = np.ones(N) if weight is None else weight / weight.mean()
    c = np.ones(N)
    if class_weight:
        values, codes = np.unique(y, return_inverse=True)
        c = (w.sum() / (len(values) * np.bincount(codes, w)))[codes]
    peer = LogisticRegression(C=1 / (L2 * N), tol=1e-8, max_iter=1000).fit(X, y, w * c)
    ours = DenseClassifier(**LINEAR, class_weight=class_weight).fit(X, y, weight)
    assert np.array_equal(ours.classes_, peer.classes_)
    assert np.allclose(ours.predict_proba(X), peer.predict_proba(X), atol=2e-3)
    assert np.mean(ours.predict(X) == peer.predict(X)) > 0.98


@pytest.mark.parametrize("targets", [1, 2])
def test_without_hidden_layer_it_is_ridge_regression(targets: int) -> None:
    y = NOISY if targets == 1 else np.column_stack([NOISY, X[:, 0] - X[:, 2]])
    peer = Ridge(alpha=L2 * N).fit(X, y, WEIGHT / WEIGHT.mean())
    ours = DenseRegressor(**LINEAR).fit(X, y, WEIGHT)
    assert ours.predict(X).shape == y.shape
    assert np.allclose(ours.predict(X), peer.predict(X), atol=2e-3)
    assert ours.score(X, y) == pytest.approx(peer.score(X, y), abs=1e-4)


def test_class_weights_are_sample_weights() -> None:
    prices = {"no": 4.0, "yes": 0.5}
    settings = {"preset": "plain", "hidden": (8,), "epochs": 3}
    by_class = DenseClassifier(**settings, class_weight=prices).fit(X, TWO)
    by_row = DenseClassifier(**settings).fit(X, TWO, [prices[label] for label in TWO])
    assert np.array_equal(by_class.predict_proba(X), by_row.predict_proba(X))


def test_intervals_are_as_wide_as_the_residuals_of_least_squares() -> None:
    ours = DenseRegressor(**(LINEAR | {"l2": 0.0})).fit(X, NOISY)
    residuals = (
        NOISY
        - np.linalg.lstsq(np.column_stack([X, np.ones(N)]), NOISY, rcond=None)[0] @ np.column_stack([X, np.ones(N)]).T
    )
    ends = ours.predict_interval(X, 0.9)
    assert np.allclose(ends[:, 1] - ends[:, 0], 2 * 1.6448536 * residuals.std(), rtol=1e-3)
    assert np.allclose(np.asarray(ours.predict_dist(X).mean)[:, 0], ours.predict(X), atol=1e-4)
