"""Error vectors against the recursion of the theory, written out in NumPy, and against autodiff."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from thalweg.gradients import backprop, error_vectors
from thalweg.likelihoods import make_likelihood
from thalweg.network import Dense, Network, Residual, dense_network

RNG = np.random.default_rng(0)
X = RNG.normal(size=(7, 3)).astype(np.float32)
Y = RNG.integers(0, 4, 7).astype(np.int32)


def test_error_vectors_follow_the_recursion() -> None:
    network = dense_network(3, (5, 6), 4, "tanh")
    params, state = network.init(jax.random.key(0)), network.init_state()
    result = backprop(network, make_likelihood("categorical"), params, state, X, Y)
    w1, w2, w3 = (np.asarray(params[i]["weight"], float) for i in (0, 2, 4))
    b1, b2, b3 = (np.asarray(params[i]["bias"], float) for i in (0, 2, 4))
    x1 = np.tanh(X @ w1.T + b1)
    x2 = np.tanh(x1 @ w2.T + b2)
    a3 = x2 @ w3.T + b3
    p = np.exp(a3 - a3.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    delta3 = (p - np.eye(4)[Y]) / len(X)
    delta2 = (delta3 @ w3) * (1 - x2**2)
    delta1 = (delta2 @ w2) * (1 - x1**2)
    found = error_vectors(network, params, result)
    assert list(found) == ["0", "2", "4"]
    for name, expected in zip(found, (delta1, delta2, delta3), strict=True):
        np.testing.assert_allclose(found[name], expected, atol=1e-6)
    np.testing.assert_allclose(result.grads[2]["weight"], delta2.T @ x1, atol=1e-6)
    np.testing.assert_allclose(result.grads[2]["bias"], delta2.sum(0), atol=1e-6)
    np.testing.assert_allclose(result.loss, -np.log(p[np.arange(7), Y]).mean(), rtol=1e-6)
    np.testing.assert_allclose(result.delta_in, delta1 @ w1, atol=1e-6)


def test_error_vectors_inside_residual_blocks_are_derivatives_by_the_bias_of_each_example() -> None:
    network = Network(3, (Residual((Dense(5), "tanh", Dense(3))), Dense(4)))
    params, state = network.init(jax.random.key(0)), network.init_state()
    likelihood = make_likelihood("categorical")
    found = error_vectors(network, params, backprop(network, likelihood, params, state, X, Y))
    assert list(found) == ["0.0", "0.2", "1"]

    def cost(shift: jax.Array, x: jax.Array, y: jax.Array) -> jax.Array:
        # ∂L/∂a of the inner layer is ∂L/∂b for a batch of one.
        block = ({**params[0][0], "bias": params[0][0]["bias"] + shift}, *params[0][1:])
        outputs = network.apply((block, params[1]), state, x[None])
        return likelihood.cost(outputs, y[None])[0] / len(X)

    expected = jax.vmap(jax.grad(cost), (None, 0, 0))(jnp.zeros(5), X, Y)
    np.testing.assert_allclose(found["0.0"], expected, atol=1e-6)


def test_weights_multiply_each_example() -> None:
    network = dense_network(3, (5,), 4)
    params, state = network.init(jax.random.key(0)), network.init_state()
    likelihood = make_likelihood("categorical")
    weight = np.array([0.5, 0.5, 0, 0, 0, 0, 0], np.float32)
    weighted = backprop(network, likelihood, params, state, X, Y, weight)
    two = backprop(network, likelihood, params, state, X[:2], Y[:2])
    np.testing.assert_allclose(weighted.grads[0]["weight"], two.grads[0]["weight"], atol=1e-6)
    np.testing.assert_allclose(weighted.loss, two.loss, rtol=1e-6)


def test_error_vectors_cost_nothing_when_not_asked_for() -> None:
    network = dense_network(3, (5, 5), 4)
    params, state = network.init(jax.random.key(0)), network.init_state()
    likelihood = make_likelihood("categorical")

    def flops(pick: object) -> float:
        program = jax.jit(lambda p: pick(backprop(network, likelihood, p, state, X, Y)))  # type: ignore[operator]
        return program.lower(params).compile().cost_analysis()["flops"]

    assert flops(lambda r: r.grads) == flops(lambda r: (r.grads, error_vectors(network, params, r)))
