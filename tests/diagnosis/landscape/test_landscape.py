"""Landscapes against brute force, closed forms and recursions."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import thalweg as tw
from thalweg.core.errors import ArgumentError
from thalweg.diagnosis.landscape import (
    SURFACES,
    descend,
    draw_descents,
    draw_slice,
    hessian_directions,
    random_directions,
    slice_along,
    trajectory_directions,
)

NETWORK = tw.dense_network(3, (4,), 1, "tanh")
PARAMS, STATE = NETWORK.init(jax.random.key(0)), NETWORK.init_state()
X = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
Y = np.sin(X[:, :1])


def loss(theta: jax.Array) -> jax.Array:
    _, unravel = ravel_pytree(PARAMS)
    outputs = NETWORK.apply(unravel(theta), STATE, X)
    return jnp.mean(tw.Gaussian().cost(outputs, Y))


def test_hessian_directions_are_eigenvectors_of_the_whole_hessian() -> None:
    theta, _ = ravel_pytree(PARAMS)
    values, vectors = np.linalg.eigh(np.asarray(jax.hessian(loss)(theta), np.float64))
    directions, found = hessian_directions(NETWORK, tw.Gaussian(), PARAMS, STATE, X, Y)
    np.testing.assert_allclose(found, values[::-1][:2], rtol=1e-3)
    for i, direction in enumerate(directions):
        cosine = abs(np.asarray(ravel_pytree(direction)[0]) @ vectors[:, -1 - i])
        assert cosine == pytest.approx(1.0, abs=1e-3)


def test_random_directions_have_each_units_length_and_leave_biases() -> None:
    for direction in random_directions(PARAMS):
        for layer, own in zip(direction, PARAMS, strict=True):
            if own:
                lengths = [np.linalg.norm(part["weight"], axis=1) for part in (layer, own)]
                np.testing.assert_allclose(*lengths, rtol=1e-5)
                assert not np.any(layer["bias"])


def test_a_slice_is_the_loss_at_its_points() -> None:
    one, two = random_directions(PARAMS)
    cut = slice_along(NETWORK, tw.Gaussian(), PARAMS, STATE, X, Y, [one, two], extents=[(-1, 1), (0, 2)], points=4)
    theta, d1, d2 = (np.asarray(ravel_pytree(p)[0]) for p in (PARAMS, one, two))
    wanted = [[float(loss(jnp.asarray(theta + a * d1 + b * d2))) for b in cut.axes[1]] for a in cut.axes[0]]
    np.testing.assert_allclose(cut.losses, wanted, rtol=1e-5)
    assert len(draw_slice(cut).axes) == 2
    with pytest.raises(ArgumentError, match="directions"):
        slice_along(NETWORK, tw.Gaussian(), PARAMS, STATE, X, Y, [])


def test_a_straight_way_has_one_direction() -> None:
    step = random_directions(PARAMS, 1)[0]
    points = [jax.tree.map(lambda p, d, t=t: p + t * d, PARAMS, step) for t in (0.0, 0.4, 0.9, 1.0)]
    directions, path, shares = trajectory_directions(points)
    assert shares[0] == pytest.approx(1.0)
    length = float(np.linalg.norm(ravel_pytree(step)[0]))
    np.testing.assert_allclose(np.abs(path[:, 0]), length * np.array([1.0, 0.6, 0.1, 0.0]), atol=1e-5)
    assert float(jnp.linalg.norm(ravel_pytree(directions[0])[0])) == pytest.approx(1.0, rel=1e-5)
    with pytest.raises(ArgumentError, match="points"):
        trajectory_directions(points[:2])


@pytest.mark.parametrize("surface", SURFACES.values(), ids=SURFACES)
def test_minima_have_no_slope(surface: object) -> None:
    for minimum in surface.minima:  # type: ignore[attr-defined]
        slope = jax.grad(surface.loss)(jnp.asarray(minimum))  # type: ignore[attr-defined]
        np.testing.assert_allclose(slope, 0.0, atol=1e-4)


def test_descents_follow_the_recursions() -> None:
    valley, rate, beta = SURFACES["valley"], 0.01, 0.8
    curvature, start = np.array([1.0, 50.0]), np.array(valley.start)
    plain = descend(valley, "sgd", learning_rate=rate, steps=30)
    np.testing.assert_allclose(plain.points[30], (1 - rate * curvature) ** 30 * start, rtol=1e-4, atol=1e-6)
    theta, move = start, np.zeros(2)
    for _ in range(30):
        move = beta * move - rate * curvature * theta
        theta = theta + move
    fast = descend(valley, "momentum", learning_rate=rate, momentum=beta, steps=30)
    np.testing.assert_allclose(fast.points[30], theta, rtol=1e-4, atol=1e-5)
    gone = descend(valley, "sgd", learning_rate=0.5, steps=200)  # above 2/50
    assert np.isnan(gone.losses[-1])
    assert len(draw_descents(valley, [plain, fast, gone]).axes) == 2
