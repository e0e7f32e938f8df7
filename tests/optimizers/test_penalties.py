"""Penalties and limits against PyTorch and automatic differentiation."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from thalweg.optimizers import make_optimizer
from thalweg.optimizers.penalties import Penalties, clip_by_norm, clip_by_value, penalty

RNG = np.random.default_rng(0)
PARAMS = {"W": RNG.normal(size=(3, 2)).astype(np.float32), "b": RNG.normal(size=3).astype(np.float32)}
GRADS = {"W": RNG.normal(size=(3, 2)).astype(np.float32), "b": RNG.normal(size=3).astype(np.float32)}


def test_gradient_of_the_penalty_is_its_derivative() -> None:
    penalties = Penalties(l1=0.3, l2=0.7)
    zeros = jax.tree.map(jnp.zeros_like, PARAMS)
    expected = jax.grad(lambda p: penalty(p, 0.3, 0.7))(PARAMS)
    for key, gradient in penalties.gradient(zeros, PARAMS).items():
        np.testing.assert_allclose(gradient, expected[key], rtol=1e-6)
    W = PARAMS["W"].astype(float)
    assert float(penalty(PARAMS, 0.3, 0.7)) == pytest.approx(0.3 * abs(W).sum() + 0.35 * (W**2).sum(), rel=1e-6)


def test_biases_are_left_alone() -> None:
    for settings in ({"l1": 0.5}, {"l2": 0.5}, {"weight_decay": 0.5}):
        plain, penalized = (
            make_optimizer("sgd", learning_rate=0.1, total_steps=1, steps_per_epoch=1, **extra)
            for extra in ({}, settings)
        )
        params = jax.tree.map(jnp.asarray, PARAMS)
        one, two = (o.update(GRADS, o.init(params), params)[0] for o in (plain, penalized))
        np.testing.assert_array_equal(one["b"], two["b"])
        shrink = 0.1 * 0.5 * (np.sign(PARAMS["W"]) if "l1" in settings else PARAMS["W"])
        np.testing.assert_allclose(two["W"], one["W"] - shrink, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("limit", [0.1, 1.0, 100.0])
def test_limits_equal_torch(limit: float) -> None:
    def with_grads() -> list[torch.nn.Parameter]:
        parameters = [torch.nn.Parameter(torch.tensor(PARAMS[key])) for key in PARAMS]
        for key, parameter in zip(GRADS, parameters, strict=True):
            parameter.grad = torch.tensor(GRADS[key])
        return parameters

    parameters = with_grads()
    torch.nn.utils.clip_grad_norm_(parameters, limit)
    for ours, theirs in zip(clip_by_norm(GRADS, limit).values(), parameters, strict=True):
        np.testing.assert_allclose(ours, theirs.grad.numpy(), rtol=1e-5)  # PyTorch adds 1e-6 to the norm
    parameters = with_grads()
    torch.nn.utils.clip_grad_value_(parameters, limit)
    for ours, theirs in zip(clip_by_value(GRADS, limit).values(), parameters, strict=True):
        np.testing.assert_array_equal(ours, theirs.grad.numpy())


def test_a_gradient_that_is_not_finite_stays_visible() -> None:
    for bad in (np.nan, np.inf):
        assert not np.isfinite(clip_by_norm(jnp.array([1.0, bad]), 1.0)).all()
    assert np.isnan(clip_by_value(jnp.array([np.nan]), 1.0)).all()
    np.testing.assert_array_equal(clip_by_norm(jnp.zeros(3), 1.0), 0)


def test_limits_come_before_penalties_and_value_before_norm() -> None:
    penalties = Penalties(l2=2.0, clip_value=3.0, clip_norm=1.0)
    gradient = penalties.gradient(jnp.array([[30.0, 1.0]]), jnp.array([[5.0, -1.0]]))
    np.testing.assert_allclose(gradient, np.array([[3.0, 1.0]]) / np.sqrt(10) + [[10.0, -2.0]], rtol=1e-6)


def test_penalties_of_nesterov_are_taken_where_the_gradient_is() -> None:
    optimizer = make_optimizer("nesterov", learning_rate=0.1, momentum=0.5, l2=1.0, total_steps=2, steps_per_epoch=1)
    theta, zero = jnp.full((1, 1), 2.0), jnp.zeros((1, 1))
    state = optimizer.init(theta)
    first, state = optimizer.update(zero, state, theta)  # Δ = -0.1 · 2
    second, _ = optimizer.update(zero, state, theta + first)  # ½ Δ - 0.1 (1.8 + ½ Δ)
    assert float(first[0, 0]) == pytest.approx(-0.2)
    assert float(second[0, 0]) == pytest.approx(-0.1 - 0.1 * 1.7)
