"""Momentum and Nesterov against their recursions, written in NumPy, on an ill-conditioned quadratic."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from thalweg.optimizers import make_optimizer

STEPS, BETA, GAMMA = 80, 0.85, 0.04
CURVATURE = np.array([[20.0, 3.0], [3.0, 1.0]])
CENTER, START = np.array([[1.0, -2.0]]), np.array([[3.0, 2.0]])


def gradient(theta: Any) -> Any:
    return (theta - CENTER) @ CURVATURE


def step_sizes(schedule: str) -> np.ndarray:
    t = np.arange(STEPS)
    if schedule == "constant":
        return np.full(STEPS, GAMMA)
    if schedule == "cosine":
        return GAMMA * 0.5 * (1 + np.cos(np.pi * t / STEPS))
    return GAMMA * 0.1 ** (t // 20)


def recursion(look_ahead: bool, schedule: str) -> np.ndarray:
    """Δθ_t = β Δθ_{t-1} - γ_t ∇L(θ_t), or ∇L(θ_t + β Δθ_{t-1})."""
    theta, delta, points = START.copy(), np.zeros_like(START), []
    for gamma in step_sizes(schedule):
        delta = BETA * delta - gamma * gradient(theta + BETA * delta if look_ahead else theta)
        theta = theta + delta
        points.append(theta)
    return np.array(points)


def trajectory(name: str, schedule: str, dtype: Any) -> np.ndarray:
    optimizer = make_optimizer(
        name,
        learning_rate=GAMMA,
        schedule=schedule,
        schedule_options={"every": 2} if schedule == "step" else {},
        momentum=BETA,
        total_steps=STEPS,
        steps_per_epoch=10,
    )

    def step(carry: Any, _: None) -> tuple[Any, jax.Array]:
        theta, state = carry
        updates, state = optimizer.update(gradient(optimizer.gradient_point(theta, state)), state, theta)
        theta = optax.apply_updates(theta, updates)
        return (theta, state), theta

    theta = jnp.asarray(START, dtype)
    return np.asarray(jax.jit(lambda p: jax.lax.scan(step, (p, optimizer.init(p)), None, length=STEPS)[1])(theta))


@pytest.mark.parametrize("schedule", ["constant", "cosine", "step"])
@pytest.mark.parametrize("name", ["momentum", "nesterov"])
def test_trajectory_equals_the_recursion(name: str, schedule: str) -> None:
    expected = recursion(name == "nesterov", schedule)
    with jax.enable_x64(True):
        np.testing.assert_allclose(trajectory(name, schedule, np.float64), expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(trajectory(name, schedule, np.float32), expected, rtol=0, atol=1e-6)


def test_the_two_differ_and_momentum_zero_is_plain_descent() -> None:
    assert np.abs(recursion(True, "constant") - recursion(False, "constant")).max() > 0.1
    theta = jnp.asarray(START, np.float32)
    updates = []
    for name, settings in (("sgd", {}), ("momentum", {"momentum": 0.0}), ("nesterov", {"options": {"momentum": 0.0}})):
        optimizer = make_optimizer(name, total_steps=1, steps_per_epoch=1, **settings)
        updates.append(optimizer.update(gradient(theta), optimizer.init(theta), theta)[0])
    np.testing.assert_array_equal(updates[0], updates[1])
    np.testing.assert_array_equal(updates[0], updates[2])
