"""Every layer × activation × likelihood: the explicit backward pass against autodiff and finite differences."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from likelihood_examples import SETTINGS, example

from thalweg.gradients import backprop, check_gradients
from thalweg.likelihoods import LIKELIHOODS, Likelihood, make_likelihood
from thalweg.network import (
    ACTIVATIONS,
    LAYERS,
    Activation,
    BatchEnsemble,
    BatchNorm,
    Dense,
    Dropout,
    Embed,
    GaussianNoise,
    Layer,
    LayerNorm,
    MemberDense,
    Members,
    MemberScale,
    Network,
    Parallel,
    ParametricActivation,
    Periodic,
    PiecewiseLinear,
    PReLU,
    Residual,
    Scale,
    SharedDense,
    flatten,
)

pytestmark = pytest.mark.usefixtures("compile_quickly")

ROWS, INPUTS = 6, 3
# Every layer and activation is tried with the basic likelihoods; the others only start the same backward pass.
BASIC = ("gaussian", "laplace", "bernoulli", "categorical")
PLACES = 5
# A network for each activation would spend minutes compiling the same layers: one network takes several, which change
# places from likelihood to likelihood. The sign has no slope and hides what stands before it, so it stands alone.
SLOPED = [name for name in [*ACTIVATIONS, "prelu"] if name != "sign"]
GROUPS = [("sign",) * PLACES] + [(*SLOPED[i::3], "tanh")[:PLACES] for i in range(3)]
PAIRS = [(group[i:] + group[:i], likelihood) for i, likelihood in enumerate(BASIC) for group in GROUPS] + [
    (("tanh",), likelihood) for likelihood in LIKELIHOODS if likelihood not in BASIC
]
IDS = [f"{'-'.join(dict.fromkeys(group))}-{likelihood}" for group, likelihood in PAIRS]


def every_layer(activations: tuple[str, ...]) -> tuple[Layer | str, ...]:
    """Return a network that holds each registered layer, and the activations around and within them."""
    first, second, third, fourth, fifth = activations
    return (
        GaussianNoise(0.1),
        PiecewiseLinear(1, 2),
        Periodic(1, waves=2, dimension=2),
        Scale(),
        Embed((3,), 2),
        Dense(4),
        BatchNorm(),
        first,
        Residual((Dense(4), LayerNorm(), second, Dropout(0.25))),
        Residual((Dense(4), third)),
        Dropout(0.25),
        BatchEnsemble(2, 2, shared=True),
        BatchEnsemble(2, 2),
        ParametricActivation("tanh"),
        MemberDense(2, 2),
        MemberScale(2),
        Residual((SharedDense(4, 2), fourth)),
        PReLU(),
        Members(2, (Dense(3), fifth, Dropout(0.25))),
        Parallel(((Dense(2), fifth, Dropout(0.25)), (Dense(3),))),
    )


def kinds(layers: tuple[Layer, ...]) -> set[str]:
    inner = [within for layer in layers for within in (getattr(layer, "layers", ()), *getattr(layer, "stacks", ()))]
    return {layer.kind for layer in layers} | {kind for within in inner for kind in kinds(within)}


def case(activations: tuple[str, ...], likelihood: str) -> tuple[Network, Likelihood, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    family = make_likelihood(likelihood, **SETTINGS[likelihood][-1])
    outputs, y = example(family, ROWS)
    hidden = every_layer(activations) if likelihood in BASIC else (Dense(4), *activations)
    network = Network(INPUTS, (*hidden, Dense(outputs.shape[1], "glorot_normal")))
    return network, family, rng.normal(size=(ROWS, INPUTS)), y


def test_the_network_under_test_holds_every_registered_layer() -> None:
    assert kinds(Network(INPUTS, every_layer(("relu",) * PLACES)).layers) == set(LAYERS)


def test_every_activation_meets_every_basic_likelihood() -> None:
    met = {(name, likelihood) for group, likelihood in PAIRS for name in group}
    assert met >= {(name, likelihood) for name in [*ACTIVATIONS, "prelu"] for likelihood in BASIC}


@pytest.mark.slow
@pytest.mark.parametrize(("activations", "likelihood"), PAIRS, ids=IDS)
def test_gradients_equal_autodiff_and_finite_differences_in_float64(
    activations: tuple[str, ...], likelihood: str
) -> None:
    network, family, x, y = case(activations, likelihood)
    with jax.enable_x64(True):
        params, state = network.init(jax.random.key(1)), network.init_state()
        checked = check_gradients(network, family, params, state, x, y, key=jax.random.key(2))
    assert checked.autodiff < 1e-10
    assert checked.differences < 1e-6


@pytest.mark.parametrize(("activations", "likelihood"), PAIRS, ids=IDS)
def test_gradients_equal_autodiff_in_float32(activations: tuple[str, ...], likelihood: str) -> None:
    network, family, x, y = case(activations, likelihood)
    params, state = network.init(jax.random.key(1)), network.init_state()
    x32, y32 = x.astype(np.float32), y if y.dtype == np.int32 else y.astype(np.float32)

    def loss(p: Any) -> jax.Array:
        outputs, _ = network.forward(p, state, x32, key=jax.random.key(2), training=True)
        return family.loss(outputs, y32, jnp.full(ROWS, 1 / ROWS))

    def both(p: Any) -> tuple[jax.Array, jax.Array]:
        explicit = backprop(network, family, p, state, x32, y32, key=jax.random.key(2)).grads
        return flatten(explicit), flatten(jax.grad(loss)(p))

    explicit, automatic = jax.jit(both)(params)
    assert np.linalg.norm(explicit - automatic) < 1e-5 * np.linalg.norm(automatic)


def test_activation_layers_take_every_registered_name() -> None:
    assert [Activation(name).name for name in ACTIVATIONS] == list(ACTIVATIONS)
