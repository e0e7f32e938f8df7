"""Facts taken once training has ended: of the point it ended at, and of a single minibatch."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import thalweg as tw
from thalweg.diagnosis.facts.one_batch import one_batch_facts
from thalweg.diagnosis.facts.point import point_facts
from thalweg.network import Activation, Network
from thalweg.optimizers import make_optimizer

RNG = np.random.default_rng(5)
X = RNG.normal(size=(40, 3)).astype(np.float32)
Y = (X[:, :1] * X[:, 1:2]).astype(np.float32)


def test_slope_and_curvature_are_those_of_the_hessian_and_of_single_gradients() -> None:
    network, likelihood = tw.dense_network(3, (3,), 1, "tanh"), tw.Gaussian()
    params = network.init(jax.random.key(1))
    flat, unravel = ravel_pytree(params)

    def costs(theta: jax.Array) -> jax.Array:
        return likelihood.cost(network.apply(unravel(theta), network.init_state(), X), jnp.asarray(Y))

    hessian = np.asarray(jax.jit(jax.hessian(lambda theta: costs(theta).mean()))(flat), np.float64)
    each = np.asarray(jax.jit(jax.jacobian(costs))(flat), np.float64)
    values, mean = np.linalg.eigvalsh(hessian), each.mean(axis=0)
    scatter = np.trace(np.cov(each.T))
    facts = point_facts(network, likelihood, params, network.init_state(), X, Y)
    assert facts["sharpness"] == pytest.approx(values[-1], rel=1e-3)
    assert facts["smallest_eigenvalue"] == pytest.approx(values[0], rel=1e-2, abs=1e-3 * values[-1])
    assert facts["gradient_norm"] == pytest.approx(np.linalg.norm(mean), rel=1e-4)
    assert facts["agreement"] == pytest.approx(np.linalg.norm(mean) / np.sqrt((each**2).sum(axis=1).mean()), rel=1e-4)
    assert facts["noise_scale"] == pytest.approx(scatter / (mean @ mean - scatter / len(X)), rel=1e-3)
    first, last = np.arange(flat.size) < 12, np.arange(flat.size) >= flat.size - 4  # 3 × 3 + 3 and 3 + 1 parameters
    share = np.sqrt((each[:, first] ** 2).sum() / (each[:, last] ** 2).sum())
    assert facts["first_share"] == pytest.approx(share, rel=1e-3)


def test_a_saddle_bends_down_as_much_as_up() -> None:
    network = Network(1, (tw.Dense(1), tw.Dense(1)))  # (y - w₂ w₁ x)²/2 at 0: ± Σ xy / n, and 1 for the bias
    params = tuple({"weight": np.zeros((1, 1)), "bias": np.zeros(1)} for _ in range(2))
    x = np.linspace(-1, 1, 40)[:, None]
    facts = point_facts(network, tw.Gaussian(), params, network.init_state(), x, 6 * x)
    assert facts["negative_curvature"] == pytest.approx(1.0, rel=1e-3)
    assert facts["agreement"] < 1e-3


def left(network: Network, y: np.ndarray) -> float:
    adam = make_optimizer("adam", learning_rate=0.02, total_steps=150, steps_per_epoch=1)
    share: float = one_batch_facts(network, tw.Gaussian(), {"adam": adam}, X[:16], y[:16], steps=150)["left_adam"]
    return share


def test_a_sound_program_fits_one_minibatch_and_one_without_gradient_does_not() -> None:
    sound = tw.dense_network(3, (32,), 1)
    assert left(sound, Y) < 0.02
    closed = Network(3, (*sound.layers, Activation("relu")))  # cannot be negative
    assert left(closed, Y - 5) > 0.9


def test_a_minibatch_whose_rows_are_equal_has_a_floor() -> None:
    x, y = np.zeros((8, 2)), np.array([0, 0, 0, 1, 0, 1, 1, 1])
    floor = one_batch_facts(tw.dense_network(2, (), 2), tw.Categorical(), {}, x, y)["floor"]
    assert floor == 1.0  # nothing tells them apart: a constant is the best answer
    x[y == 1] = 1
    assert one_batch_facts(tw.dense_network(2, (), 2), tw.Categorical(), {}, x, y)["floor"] == 0.0
