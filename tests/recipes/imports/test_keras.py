"""Keras models: the same outputs, the same steps, and refusals by name."""

import dataclasses
import os
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras

import thalweg as tw
from thalweg.core.errors import ArgumentError

# Keras reads its own variables by a protocol of NumPy's that has changed.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

L = keras.layers
RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 5)).astype(np.float32)
CLASSES = RNG.integers(0, 3, 24)
NUMBERS = RNG.normal(size=(24, 2)).astype(np.float32)


def stack(*layers: Any) -> Any:
    """A model whose arrays are all random, those of statistics and scales positive."""
    model = keras.Sequential([keras.Input((5,)), *layers])
    for layer in model.layers:
        drawn = [0.5 * RNG.normal(size=w.shape) for w in layer.get_weights()]
        layer.set_weights([np.abs(w) + 0.1 for w in drawn] if isinstance(layer, L.BatchNormalization) else drawn)
    return model


def test_every_layer_gives_the_same_outputs() -> None:
    model = stack(
        L.GaussianNoise(0.1),
        L.Dense(8, activation="relu"),
        L.BatchNormalization(momentum=0.8),
        L.Dropout(0.3),
        L.Dense(8, use_bias=False, activation="gelu"),
        L.LayerNormalization(),
        L.ReLU(),
        L.LeakyReLU(),
        L.ReLU(negative_slope=0.01),
        L.PReLU(),
        L.ELU(),
        L.Activation("silu"),
        L.Dense(3),
        L.Softmax(),
    )
    imported = tw.from_keras(model)
    np.testing.assert_allclose(imported.outputs(X), model.predict(X, verbose=0), atol=1e-5)
    assert (imported.likelihood.name, imported.link) == ("categorical", "softmax")
    norm = next(layer for layer in imported.network.layers if isinstance(layer, tw.BatchNorm))
    assert (norm.momentum, norm.epsilon) == (0.8, 1e-3)


def test_functional_chains_and_models_in_models() -> None:
    inputs = keras.Input((5,))
    inner = keras.Sequential([keras.Input((4,)), L.Dense(3, activation="tanh"), L.Dense(1, activation="sigmoid")])
    model = keras.Model(inputs, inner(L.Dense(4)(inputs)))
    imported = tw.from_keras(model)
    np.testing.assert_allclose(imported.outputs(X), model.predict(X, verbose=0), atol=1e-5)
    assert imported.likelihood.name == "bernoulli"
    hidden = L.Dense(4)(inputs)
    with pytest.raises(ArgumentError, match="branch"):
        tw.from_keras(keras.Model(inputs, L.Add()([hidden, L.Dense(4)(hidden)])))


@pytest.mark.parametrize(
    ("loss", "optimizer"),
    [
        ("mse", keras.optimizers.SGD(0.05, momentum=0.8)),
        (keras.losses.Huber(delta=0.7), keras.optimizers.SGD(0.05)),
        (keras.losses.SparseCategoricalCrossentropy(from_logits=True), keras.optimizers.Adam(0.01, epsilon=1e-12)),
        ("sparse_categorical_crossentropy", keras.optimizers.RMSprop(0.01, rho=0.8, epsilon=1e-12)),
    ],
)
def test_training_goes_on_by_the_same_steps(loss: Any, optimizer: Any) -> None:
    numbers = loss == "mse" or isinstance(loss, keras.losses.Huber)
    last = "softmax" if loss == "sparse_categorical_crossentropy" else None
    model = stack(L.Dense(4, activation="tanh"), L.Dense(2 if numbers else 3, activation=last))
    model.compile(optimizer=optimizer, loss=loss)
    imported = tw.from_keras(model)
    y = NUMBERS if numbers else CLASSES
    trained = imported.fit(X, y, epochs=4, batch_size=24)
    model.fit(X, y, epochs=4, batch_size=24, shuffle=False, verbose=0)
    after = dataclasses.replace(imported, params=trained.params, state=trained.state)
    np.testing.assert_allclose(after.outputs(X), model.predict(X, verbose=0), atol=1e-4)


@pytest.mark.parametrize(
    ("layers", "compiled", "words"),
    [
        (
            [L.Reshape((5, 1)), L.Conv1D(2, 2), L.Flatten(), L.Dense(1)],
            {},
            ["1 (Reshape)", "2 (Conv1D)", "3 (Flatten)"],
        ),
        ([L.Dense(3, activation="hard_sigmoid")], {}, ["activation=hard_sigmoid"]),
        ([L.ReLU(max_value=6.0), L.Dense(3)], {}, ["max_value=6.0"]),
        ([L.Dense(3)], {}, ["loss", "none"]),
        ([L.Dense(3)], {"loss": "kl_divergence"}, ["mean_squared_error", "kl_divergence"]),
        ([L.Dense(3)], {"loss": "categorical_crossentropy"}, ["softmax", "linear"]),
        ([L.Dense(3)], {"loss": keras.losses.MeanSquaredError(reduction="sum")}, ["reduction 'sum'"]),
        ([L.Dense(3)], {"loss": "mse", "optimizer": keras.optimizers.Ftrl()}, ["Ftrl"]),
        ([L.Dense(3)], {"loss": "mse", "optimizer": keras.optimizers.SGD(clipnorm=1.0)}, ["global_clipnorm"]),
    ],
)
def test_what_has_no_equal_is_refused_by_name(layers: list[Any], compiled: dict[str, Any], words: list[str]) -> None:
    model = keras.Sequential([keras.Input((5,)), *layers])
    if compiled:
        model.compile(**compiled)
    with pytest.raises(ArgumentError) as refused:
        tw.from_keras(model)
    for word in words:
        assert word in str(refused.value)


def test_a_schedule_is_told() -> None:
    model = stack(L.Dense(1))
    falling = keras.optimizers.schedules.ExponentialDecay(0.5, 100, 0.9)
    model.compile(optimizer=keras.optimizers.SGD(falling), loss="mse")
    imported = tw.from_keras(model)
    assert imported.optimizer["learning_rate"] == 0.5
    assert any("schedule" in note for note in imported.notes)
