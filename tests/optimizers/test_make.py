"""Settings that cannot be used are named, and Optax transformations are taken as they are."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from thalweg.core.errors import ArgumentError
from thalweg.optimizers import OPTIMIZERS, make_optimizer, update_average

LENGTHS = {"total_steps": 10, "steps_per_epoch": 5}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"optimizer": "adm"}, "optimizer: .*Did you mean 'adam'"),
        ({"optimizer": 3}, "optimizer: expected a name or an Optax transformation, got 3"),
        ({"momentum": 1}, "momentum: expected a number of at least 0 and below 1, got 1"),
        ({"weight_decay": -1}, "weight_decay: expected a number of at least 0, got -1"),
        ({"l1": float("inf")}, "l1: expected a number of at least 0, got inf"),
        ({"l2": "0.1"}, "l2: expected a number of at least 0, got '0.1'"),
        ({"clip_norm": 0}, "clip_norm: expected a number above 0, got 0"),
        ({"clip_value": -3}, "clip_value: expected a number above 0, got -3"),
        ({"learning_rate": 0}, "learning_rate: expected a number above 0, got 0"),
        ({"options": {"betas": 0.9}}, "options: expected beta1, beta2, eps for 'adam', got 'betas'"),
        ({"optimizer": "sgd", "options": {"x": 1}}, "options: expected none, 'sgd' takes no options, got 'x'"),
        ({"schedule_options": {"final": 0}}, "schedule_options: expected none, 'constant' takes no options"),
        ({"optimizer": optax.sgd(0.1), "options": {"x": 1}}, "options: expected none for an Optax transformation"),
        ({"optimizer": optax.sgd(0.1), "schedule": "cosine"}, "schedule: expected 'constant' for an Optax"),
        ({"optimizer": optax.sgd(0.1), "weight_decay": 0.1}, "weight_decay: expected 0 .* Use l2"),
    ],
)
def test_bad_settings(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        make_optimizer(**LENGTHS, **settings)


@pytest.mark.parametrize("transformation", [optax.adam(0.1), optax.chain(optax.clip(0.5), optax.sgd(0.1))])
def test_an_optax_transformation_keeps_its_updates(transformation: Any) -> None:
    theta = jnp.arange(3.0)
    ours, state, theirs = make_optimizer(transformation, **LENGTHS), None, transformation.init(theta)
    state = ours.init(theta)
    for gradient in (theta + 1, theta - 3):
        updates, state = ours.update(gradient, state, theta, value=jnp.zeros(()), grad=gradient, value_fn=jnp.sum)
        expected, theirs = transformation.update(gradient, theirs, theta)
        np.testing.assert_allclose(updates, expected, rtol=1e-6)
    assert ours.learning_rate(state.step, state) is None
    assert not ours.full_batch


def test_usual_learning_rate_and_decay() -> None:
    for name, choice in OPTIMIZERS.items():
        if not choice.full_batch:
            optimizer = make_optimizer(name, learning_rate=None, **LENGTHS)
            rate = optimizer.learning_rate(jnp.int32(0), optimizer.init(jnp.ones(1)))
            assert float(rate) == pytest.approx(choice.learning_rate)
    W = jnp.ones((1, 1))
    for decay, expected in ((None, -0.01 * 0.1), (0.0, 0.0), (0.5, -0.5 * 0.1)):
        optimizer = make_optimizer("adamw", learning_rate=0.1, weight_decay=decay, **LENGTHS)
        updates, _ = optimizer.update(jnp.zeros((1, 1)), optimizer.init(W), W)
        assert float(updates[0, 0]) == pytest.approx(expected)


def test_moving_average() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(300, 2)).astype(np.float32)
    average, expected = jnp.zeros(2), np.zeros(2)
    update = jax.jit(update_average)
    for t, point in enumerate(points):
        average = update(average, point, jnp.int32(t), 0.95)
        keep = min(0.95, (1 + t) / (10 + t))
        expected = keep * expected + (1 - keep) * point
    np.testing.assert_allclose(average, expected, rtol=1e-4, atol=1e-6)
