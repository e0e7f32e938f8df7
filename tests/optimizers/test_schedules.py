"""Schedules against torch.optim.lr_scheduler and formulas written independently."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch

from thalweg.core.errors import ArgumentError
from thalweg.optimizers import make_optimizer, make_step_size

TOTAL, EPOCH, GAMMA = 120, 12, 0.3
S = torch.optim.lr_scheduler


def planned(schedule: str, steps: int = TOTAL, **settings: Any) -> np.ndarray:
    step_size = make_step_size(GAMMA, schedule, total_steps=TOTAL, steps_per_epoch=EPOCH, **settings)
    return np.asarray(jax.jit(jax.vmap(step_size.planned))(jnp.arange(steps)))


def torch_rates(make: Any, steps: int = TOTAL) -> np.ndarray:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=GAMMA)
    scheduler, rates = make(optimizer), []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return np.array(rates)


@pytest.mark.parametrize(
    ("schedule", "options", "theirs"),
    [
        ("step", {"every": 2.5, "factor": 0.3}, lambda o: S.StepLR(o, 30, gamma=0.3)),
        ("step", {}, lambda o: S.StepLR(o, 40, gamma=0.1)),
        ("exponential", {"factor": 0.8}, lambda o: S.ExponentialLR(o, 0.8 ** (1 / EPOCH))),
        ("exponential", {"factor": 0.8, "staircase": True}, lambda o: S.StepLR(o, EPOCH, gamma=0.8)),
        ("polynomial", {"power": 2.0}, lambda o: S.PolynomialLR(o, TOTAL, power=2.0)),
        ("polynomial", {"final": 0.1}, lambda o: S.LinearLR(o, 1.0, 0.1, TOTAL)),
        ("cosine", {"final": 0.1}, lambda o: S.CosineAnnealingLR(o, TOTAL, eta_min=0.1 * GAMMA)),
        ("restarts", {"period": 1.5, "growth": 2}, lambda o: S.CosineAnnealingWarmRestarts(o, 18, 2)),
        (
            "restarts",
            {"period": 1, "growth": 1, "final": 0.2},
            lambda o: S.CosineAnnealingWarmRestarts(o, 12, 1, eta_min=0.2 * GAMMA),
        ),
        ("restarts", {"growth": 3}, lambda o: S.CosineAnnealingWarmRestarts(o, 12, 3)),
        ("one_cycle", {}, lambda o: S.OneCycleLR(o, GAMMA, TOTAL, cycle_momentum=False)),
        (
            "one_cycle",
            {"rise": 0.6, "start": 0.2, "final": 0.01},
            lambda o: S.OneCycleLR(
                o, GAMMA, TOTAL, pct_start=0.6, div_factor=5, final_div_factor=20, cycle_momentum=False
            ),
        ),
    ],
)
def test_equals_torch(schedule: str, options: dict[str, Any], theirs: Any) -> None:
    np.testing.assert_allclose(planned(schedule, options=options), torch_rates(theirs), rtol=2e-5, atol=1e-7)


def test_constant_and_inverse_time() -> None:
    np.testing.assert_allclose(planned("constant"), GAMMA, rtol=1e-7)
    expected = GAMMA / (1 + 0.7 * np.arange(TOTAL) / EPOCH)
    np.testing.assert_allclose(planned("inverse_time", options={"decay": 0.7}), expected, rtol=1e-6)


def test_after_the_run_the_last_value_stays() -> None:
    for schedule, last in (("cosine", 0.25), ("polynomial", 0.25), ("one_cycle", 0.25)):
        rates = planned(schedule, steps=3 * TOTAL, options={"final": 0.25})
        np.testing.assert_allclose(rates[TOTAL:], last * GAMMA, rtol=1e-6)


def test_boundaries_hold_in_long_runs() -> None:
    """Whole-step boundaries are not moved by float32, which is exact up to 2²⁴ only."""
    step_size = make_step_size(
        1.0, "step", total_steps=10**9, steps_per_epoch=10**6, options={"every": 100, "factor": 0.5}
    )
    rates = jax.vmap(step_size.planned)(jnp.array([3 * 10**8 - 1, 3 * 10**8]))
    np.testing.assert_allclose(rates, [0.25, 0.125], rtol=1e-6)
    cycles = make_step_size(1.0, "restarts", total_steps=10**9, steps_per_epoch=1, options={"period": 1})
    np.testing.assert_allclose(jax.vmap(cycles.planned)(jnp.array([2**27 - 2, 2**27 - 1])), [0, 1], atol=1e-6)


def test_a_run_of_one_step() -> None:
    for schedule in ("one_cycle", "cosine", "step", "restarts", "polynomial"):
        step_size = make_step_size(GAMMA, schedule, total_steps=1, steps_per_epoch=1)
        assert float(step_size.planned(jnp.int32(0))) == pytest.approx(GAMMA)


def plateau_rates(costs: np.ndarray, **options: Any) -> np.ndarray:
    """γ at the end of each epoch, the minibatch costs scattering around that of the epoch."""
    optimizer = make_optimizer(
        "sgd",
        learning_rate=GAMMA,
        schedule="plateau",
        schedule_options=options,
        total_steps=EPOCH * len(costs),
        steps_per_epoch=EPOCH,
    )
    scatter = np.linspace(-0.5, 0.5, EPOCH)
    values = jnp.asarray(costs[:, None] + scatter, jnp.float32)
    theta = jnp.zeros((1, 1))

    def epoch(state: Any, costs: jax.Array) -> Any:
        def step(state: Any, value: jax.Array) -> Any:
            updates, state = optimizer.update(jnp.ones_like(theta), state, theta, value=value)
            return state, -updates[0, 0]

        state, used = jax.lax.scan(step, state, costs)
        return state, (used, optimizer.learning_rate(state.step, state))

    _, (used, rates) = jax.jit(lambda s: jax.lax.scan(epoch, s, values))(optimizer.init(theta))
    # The step size changes between epochs only, and is the one that was announced.
    np.testing.assert_array_equal(used, np.repeat(used[:, :1], EPOCH, axis=1))
    np.testing.assert_allclose(used[1:, 0], rates[:-1], rtol=1e-6)
    return np.asarray(rates)


@pytest.mark.parametrize("patience", [1, 3])
def test_plateau_equals_torch(patience: int) -> None:
    costs = np.array([5, 4, 3, 3, 3, 3, 3, 2, 2.5, 2.5, 2.5, 2.5, 2.5, 2.5, 2.5, 1, 1, 1, 1, 1, 1], float)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=GAMMA)
    # PyTorch's patience counts the bad epochs that are forgiven.
    scheduler, expected = S.ReduceLROnPlateau(optimizer, factor=0.5, patience=patience - 1, threshold=1e-4), []
    for cost in costs:
        scheduler.step(cost)
        expected.append(optimizer.param_groups[0]["lr"])
    rates = plateau_rates(costs, factor=0.5, patience=patience)
    assert len(set(expected)) > 2
    np.testing.assert_allclose(rates, expected, rtol=1e-6)


def test_plateau_of_negative_costs() -> None:
    flat = plateau_rates(np.full(7, -2.0), factor=0.5, patience=2)
    np.testing.assert_allclose(flat / GAMMA, [1, 1, 0.5, 0.5, 0.25, 0.25, 0.125], rtol=1e-6)
    # Falling through zero by more than the threshold is progress; by less is none.
    assert (plateau_rates(np.linspace(1, -1, 9), patience=1, rtol=0.01) == plateau_rates(np.ones(1))).all()
    slow = plateau_rates(np.array([-1, -1.005, -1.02, -1.025]), factor=0.5, patience=1, rtol=0.01)
    np.testing.assert_allclose(slow / GAMMA, [1, 0.5, 0.5, 0.25], rtol=1e-6)


def test_plateau_stops_at_its_final_share_and_needs_the_cost() -> None:
    rates = plateau_rates(np.ones(12), factor=0.1, patience=1, final=0.02)
    assert rates[-1] == pytest.approx(0.02 * GAMMA)
    optimizer = make_optimizer("sgd", schedule="plateau", total_steps=1, steps_per_epoch=1)
    with pytest.raises(ArgumentError, match="value: expected the mean cost"):
        optimizer.update(jnp.ones(1), optimizer.init(jnp.ones(1)), jnp.ones(1))


def test_a_schedule_of_ones_own() -> None:
    own = optax.linear_schedule(0.5, 0.1, 10)
    step_size = make_step_size(own, total_steps=10, steps_per_epoch=5)
    assert float(step_size.planned(jnp.int32(5))) == pytest.approx(0.3)
    with pytest.raises(ArgumentError, match="learning_rate: expected a number, for a schedule"):
        make_step_size(own, "cosine", total_steps=10, steps_per_epoch=5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"warmup": -0.1}, "warmup: expected a number of at least 0"),
        ({"warmup": 10}, r"warmup: expected less than the whole run, got 10 \(120 of 120 steps\)"),
        ({"schedule": "cosin"}, "schedule: .*Did you mean 'cosine'"),
        ({"learning_rate": 0}, "learning_rate: expected a number above 0, got 0"),
        ({"learning_rate": -1e-3}, "learning_rate: expected a number above 0, got -0.001"),
        ({"learning_rate": float("nan")}, "learning_rate: expected a number above 0, got nan"),
        ({"total_steps": 0}, "total_steps: expected a whole number of at least 1, got 0"),
        ({"steps_per_epoch": 1.5}, "steps_per_epoch: expected a whole number of at least 1, got 1.5"),
    ],
)
def test_bad_settings(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        make_step_size(**{"learning_rate": 0.1, "total_steps": TOTAL, "steps_per_epoch": EPOCH} | settings)
