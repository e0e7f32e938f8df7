"""Update rules against PyTorch's on the same sequence of gradients."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch

from thalweg.optimizers import make_optimizer

STEPS = 25
RNG = np.random.default_rng(0)
START = RNG.normal(size=(4, 3))
# Scales from 1e-6 to 1e3, so that ε matters in some entries; a few entries are exactly zero.
GRADIENTS = RNG.normal(size=(STEPS, 4, 3)) * np.geomspace(1e-6, 1e3, 12).reshape(4, 3)
GRADIENTS[3:6, 1] = 0
T = torch.optim

CASES: list[Any] = [
    ("sgd", {}, lambda p: T.SGD(p, lr=0.03)),
    ("momentum", {"momentum": 0.8}, lambda p: T.SGD(p, lr=0.03, momentum=0.8)),
    ("sgd", {"l2": 0.2}, lambda p: T.SGD(p, lr=0.03, weight_decay=0.2)),
    ("adam", {}, lambda p: T.Adam(p, lr=0.03)),
    (
        "adam",
        {"options": {"beta1": 0.7, "beta2": 0.95, "eps": 1e-3}, "l2": 0.1},
        lambda p: T.Adam(p, lr=0.03, betas=(0.7, 0.95), eps=1e-3, weight_decay=0.1),
    ),
    ("adam", {"options": {"beta1": 0.0}}, lambda p: T.Adam(p, lr=0.03, betas=(0.0, 0.999))),
    ("adamw", {}, lambda p: T.AdamW(p, lr=0.03)),
    (
        "adamw",
        {"weight_decay": 0.3, "options": {"beta2": 0.9}},
        lambda p: T.AdamW(p, lr=0.03, weight_decay=0.3, betas=(0.9, 0.9)),
    ),
    (
        "amsgrad",
        {"options": {"beta2": 0.8, "eps": 1e-5}},
        lambda p: T.Adam(p, lr=0.03, betas=(0.9, 0.8), eps=1e-5, amsgrad=True),
    ),
    ("nadam", {}, lambda p: T.NAdam(p, lr=0.03)),
    (
        "nadam",
        {"options": {"beta1": 0.8, "beta2": 0.9, "eps": 1e-4, "momentum_decay": 0.05}},
        lambda p: T.NAdam(p, lr=0.03, betas=(0.8, 0.9), eps=1e-4, momentum_decay=0.05),
    ),
    ("rmsprop", {}, lambda p: T.RMSprop(p, lr=0.03)),
    (
        "rmsprop",
        {"options": {"decay": 0.8, "eps": 1e-2, "momentum": 0.7}},
        lambda p: T.RMSprop(p, lr=0.03, alpha=0.8, eps=1e-2, momentum=0.7),
    ),
    (
        "rmsprop",
        {"options": {"decay": 0.8, "eps": 1e-2, "centered": True}},
        lambda p: T.RMSprop(p, lr=0.03, alpha=0.8, eps=1e-2, centered=True),
    ),
    ("adagrad", {}, lambda p: T.Adagrad(p, lr=0.03)),
    (
        "adagrad",
        {"options": {"eps": 1e-2, "initial": 0.5}},
        lambda p: T.Adagrad(p, lr=0.03, eps=1e-2, initial_accumulator_value=0.5),
    ),
    ("adadelta", {}, lambda p: T.Adadelta(p, lr=0.03)),
    ("adadelta", {"options": {"rho": 0.7, "eps": 1e-3}}, lambda p: T.Adadelta(p, lr=0.03, rho=0.7, eps=1e-3)),
]


def torch_trajectory(make: Any) -> np.ndarray:
    theta = torch.nn.Parameter(torch.tensor(START))
    optimizer, points = make([theta]), []
    for gradient in GRADIENTS:
        theta.grad = torch.tensor(gradient)
        optimizer.step()
        points.append(theta.detach().numpy().copy())
    return np.array(points)


def trajectory(name: str, dtype: Any, **settings: Any) -> np.ndarray:
    optimizer = make_optimizer(name, learning_rate=0.03, total_steps=STEPS, steps_per_epoch=5, **settings)

    def step(carry: Any, gradient: jax.Array) -> tuple[Any, jax.Array]:
        theta, state = carry
        updates, state = optimizer.update(gradient, state, theta)
        theta = optax.apply_updates(theta, updates)
        return (theta, state), theta

    theta = jnp.asarray(START, dtype)
    run = jax.jit(lambda p, g: jax.lax.scan(step, (p, optimizer.init(p)), g)[1])
    return np.asarray(run(theta, jnp.asarray(GRADIENTS, dtype)))


@pytest.mark.parametrize(("name", "settings", "theirs"), CASES)
def test_equals_torch(name: str, settings: dict[str, Any], theirs: Any) -> None:
    expected = torch_trajectory(theirs)
    # PyTorch keeps NAdam's product of momentum factors in float32 even for float64 parameters.
    exact = 1e-9 if name == "nadam" else 1e-12
    with jax.enable_x64(True):
        np.testing.assert_allclose(trajectory(name, np.float64, **settings), expected, rtol=10 * exact, atol=exact)
    # float32 against PyTorch in float64: rounding only.
    scale = np.maximum(np.abs(expected).max(axis=0), 1)
    difference = np.abs(trajectory(name, np.float32, **settings) - expected) / scale
    assert difference.max() < 1e-6
