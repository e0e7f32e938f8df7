"""Every layer × activation × likelihood: the explicit backward pass against autodiff and finite differences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from thalweg.gradients import backprop, check_gradients
from thalweg.likelihoods import LIKELIHOODS, make_likelihood
from thalweg.network import (
    ACTIVATIONS,
    LAYERS,
    Activation,
    BatchNorm,
    Dense,
    Dropout,
    GaussianNoise,
    Layer,
    LayerNorm,
    Network,
    PReLU,
    Residual,
    flatten,
)

ROWS, INPUTS = 6, 3
OPTIONS = {
    "categorical": {"class_weights": (1.0, 2.0, 0.5), "label_smoothing": 0.1},
    "bernoulli": {"class_weights": (1.0, 2.0), "label_smoothing": 0.1},
    "gaussian": {"scale": 0.7},
    "laplace": {"scale": 1.3},
}


@pytest.fixture(autouse=True)
def _compile_quickly() -> Iterator[None]:
    # These programs run once: nearly all of their time would go into optimizing them.
    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", before)


def every_layer(activation: str) -> tuple[Layer | str, ...]:
    """Return a network that holds each registered layer around one activation."""
    return (
        GaussianNoise(0.1),
        Dense(4),
        BatchNorm(),
        activation,
        Residual((Dense(4), LayerNorm(), activation, Dropout(0.25))),
        Dropout(0.25),
        PReLU(),
    )


def kinds(layers: tuple[Layer, ...]) -> set[str]:
    return {layer.kind for layer in layers} | {k for layer in layers for k in kinds(getattr(layer, "layers", ()))}


def case(activation: str, likelihood: str) -> tuple[Network, object, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    outputs = {"categorical": 3, "bernoulli": 1}.get(likelihood, 2)
    network = Network(INPUTS, (*every_layer(activation), Dense(outputs, "glorot_normal")))
    x = rng.normal(size=(ROWS, INPUTS))
    y = rng.normal(size=(ROWS, outputs)) if outputs == 2 else rng.integers(0, max(outputs, 2), ROWS)
    return network, make_likelihood(likelihood, **OPTIONS.get(likelihood, {})), x, y


def test_the_network_under_test_holds_every_registered_layer() -> None:
    assert kinds(Network(INPUTS, every_layer("relu")).layers) == set(LAYERS)


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize("activation", [*ACTIVATIONS, "prelu"])
def test_gradients_equal_autodiff_and_finite_differences_in_float64(activation: str, likelihood: str) -> None:
    network, family, x, y = case(activation, likelihood)
    with jax.enable_x64(True):
        params, state = network.init(jax.random.key(1)), network.init_state()
        checked = check_gradients(network, family, params, state, x, y, key=jax.random.key(2))
    assert checked.autodiff < 1e-10
    assert checked.differences < 1e-6


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize("activation", [*ACTIVATIONS, "prelu"])
def test_gradients_equal_autodiff_in_float32(activation: str, likelihood: str) -> None:
    network, family, x, y = case(activation, likelihood)
    params, state = network.init(jax.random.key(1)), network.init_state()
    x32, y32 = x.astype(np.float32), y.astype(np.float32 if y.ndim == 2 else np.int32)

    def loss(p: Any) -> jax.Array:
        outputs, _ = network.forward(p, state, x32, key=jax.random.key(2), training=True)
        return jnp.mean(family.cost(outputs, y32))

    def both(p: Any) -> tuple[jax.Array, jax.Array]:
        explicit = backprop(network, family, p, state, x32, y32, key=jax.random.key(2)).grads
        return flatten(explicit), flatten(jax.grad(loss)(p))

    explicit, automatic = jax.jit(both)(params)
    assert np.linalg.norm(explicit - automatic) < 1e-5 * np.linalg.norm(automatic)


def test_activation_layers_take_every_registered_name() -> None:
    assert [Activation(name).name for name in ACTIVATIONS] == list(ACTIVATIONS)
