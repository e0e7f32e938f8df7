"""Activations through an estimator: one for each hidden layer, and one that a user registers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from thalweg import DenseRegressor
from thalweg.core.errors import ArgumentError
from thalweg.network.activations import ACTIVATIONS, ActivationFunction

RNG = np.random.default_rng(7)
N = 60
X = RNG.normal(size=(N, 3))
T = 5 + 3 * np.sin(X[:, 0]) + X[:, 1]

IN_NUMPY: dict[str, Callable[[Any], Any]] = {
    "tanh": np.tanh,
    "relu": lambda a: np.maximum(a, 0),
    "softsign": lambda a: a / (1 + np.abs(a)),
    "bump": lambda a: np.exp(-(a**2)),
}


@pytest.fixture
def _bump(monkeypatch: pytest.MonkeyPatch) -> None:
    """exp(-a²), as a user would register it."""
    entry = ActivationFunction("bump", lambda a: jnp.exp(-a * a), lambda a, y: -2 * a * y)
    monkeypatch.setitem(ACTIVATIONS, "bump", entry)


def forward(estimator: DenseRegressor, names: tuple[str, ...]) -> np.ndarray:
    """What the trained weights say of X, in NumPy: standardized numbers, layers in turn, units of the target."""
    dense = [layer for layer in estimator.model_.params if layer]  # activations have no parameters
    x = (X - X.mean(axis=0)) / X.std(axis=0)
    for layer, name in zip(dense, names, strict=False):
        x = IN_NUMPY[name](x @ np.asarray(layer["weight"]).T + np.asarray(layer["bias"]))
    z = x @ np.asarray(dense[-1]["weight"]).T + np.asarray(dense[-1]["bias"])
    return T.mean() + T.std() * z[:, 0]


@pytest.mark.usefixtures("_bump")
@pytest.mark.parametrize(
    "names", [("tanh", "relu", "softsign"), ("softsign", "tanh", "tanh"), ("bump", "relu", "bump")]
)
def test_each_hidden_layer_has_its_activation(names: tuple[str, ...]) -> None:
    ours = DenseRegressor(preset="plain", hidden=(6, 5, 4), activation=names, learning_rate=0.01, epochs=3).fit(X, T)
    assert np.allclose(ours.predict(X), forward(ours, names), atol=1e-4)
    assert not np.allclose(ours.predict(X), forward(ours, names[::-1]), atol=1e-2) or names == names[::-1]


@pytest.mark.usefixtures("_bump")
def test_an_activation_of_ones_own_learns() -> None:
    # By its own derivative, which backpropagation takes: with a wrong sign the loss would rise.
    ours = DenseRegressor(preset="plain", hidden=(16,), activation="bump", learning_rate=0.02, epochs=60).fit(X, T)
    assert ours.score(X, T) > 0.9
    assert ours.loss_curve_[-1] < ours.loss_curve_[0]


def test_an_activation_that_nobody_registered() -> None:
    with pytest.raises(ArgumentError, match="activation: expected one of"):
        DenseRegressor(preset="plain", activation="bump").fit(X, T)
