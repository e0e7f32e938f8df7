"""scikit-learn's multilayer perceptrons: the same answers, and training that goes on."""

import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor

import thalweg as tw
from thalweg.core.errors import ArgumentError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))


def fitted(mlp: Any, y: np.ndarray) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return mlp.fit(X, y)


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
def test_numbers(activation: str) -> None:
    for columns in (1, 2):
        y = (X[:, :columns] ** 2).squeeze()
        mlp = fitted(MLPRegressor(hidden_layer_sizes=(6, 5), activation=activation, max_iter=30, random_state=0), y)
        np.testing.assert_allclose(tw.from_sklearn(mlp).outputs(X).squeeze(), mlp.predict(X), atol=1e-5)


def test_classes() -> None:
    words = np.array(["ash", "birch", "cedar"])[(X[:, 0] > 0).astype(int) + (X[:, 1] > 0.5)]
    mlp = fitted(MLPClassifier((6,), max_iter=30, random_state=0), words)
    imported = tw.from_sklearn(mlp)
    np.testing.assert_allclose(imported.outputs(X), mlp.predict_proba(X), atol=1e-5)
    np.testing.assert_allclose(imported.model().predict_proba(X), mlp.predict_proba(X), atol=1e-5)
    assert imported.classes is not None
    assert imported.classes.tolist() == ["ash", "birch", "cedar"]
    further = imported.fit(X, words, epochs=30, batch_size=60)
    assert (further.predict(X) == words).mean() >= (mlp.predict(X) == words).mean()
    two = fitted(MLPClassifier((6,), max_iter=30, random_state=0), words == "ash")
    np.testing.assert_allclose(tw.from_sklearn(two).outputs(X)[:, 0], two.predict_proba(X)[:, 1], atol=1e-5)
    several = fitted(MLPClassifier((6,), max_iter=30, random_state=0), (X[:, :3] > 0).astype(int))
    np.testing.assert_allclose(tw.from_sklearn(several).outputs(X), several.predict_proba(X), atol=1e-5)


@pytest.mark.parametrize(
    "settings", [{"solver": "sgd", "nesterovs_momentum": False}, {"solver": "adam"}, {"solver": "sgd", "momentum": 0}]
)
def test_training_goes_on_by_the_same_steps(settings: dict[str, Any]) -> None:
    y = X[:, :2] ** 2
    mlp = MLPRegressor(
        hidden_layer_sizes=(6,), activation="tanh", alpha=3.0, batch_size=60, learning_rate_init=0.01, **settings
    )
    fitted(mlp.set_params(max_iter=1, random_state=0), y)
    imported = tw.from_sklearn(mlp)
    # A new estimator that starts with these weights, and with a new optimizer.
    fresh = MLPRegressor(**mlp.get_params()).set_params(max_iter=5)
    starts = iter(zip(mlp.coefs_, mlp.intercepts_, strict=True))
    fresh._init_coef = lambda *_: tuple(part.copy() for part in next(starts))
    fitted(fresh, y)
    np.testing.assert_allclose(imported.fit(X, y, epochs=5).outputs(X), fresh.predict(X), atol=1e-4)


def test_refusals() -> None:
    with pytest.raises(ArgumentError, match="fitted MLPClassifier"):
        tw.from_sklearn(MLPClassifier())
    with pytest.raises(ArgumentError, match="LinearRegression"):
        tw.from_sklearn(LinearRegression())
