"""The step size γ_t of a run: learning rate × warm-up × schedule × reductions on plateaus."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

from thalweg.core.errors import ArgumentError
from thalweg.core.registry import lookup
from thalweg.core.validate import number
from thalweg.optimizers.plateau import Plateau
from thalweg.optimizers.registry import SCHEDULES, check_options
from thalweg.optimizers.schedules import constant

LearningRate = float | Callable[[Int[Array, ""]], Float[Array, ""]]


class StepSize(NamedTuple):
    """How the step size follows from the step number and from the cost.

    Attributes:
        planned: step t → γ_t without reductions; traceable.
        plateau: the transformation that reduces it on plateaus, if any.
    """

    planned: Callable[[Int[Array, ""]], Float[Array, ""]]
    plateau: optax.GradientTransformationExtraArgs | None = None


def make_step_size(
    learning_rate: LearningRate,
    schedule: str = "constant",
    *,
    total_steps: int,
    steps_per_epoch: int,
    warmup: float = 0,
    options: Mapping[str, Any] | None = None,
) -> StepSize:
    """Return the step size of a run.

    With W steps of warm-up, γ_t = γ · min(1, (t + 1) / (W + 1)) · s(max(0, t - W)), where the schedule s spans the
    remaining steps.

    Args:
        learning_rate: γ > 0, or a function from the step to γ_t, which then takes the place of schedule and warm-up.
        schedule: a name in ``SCHEDULES``.
        total_steps: length of the run.
        steps_per_epoch: minibatches an epoch.
        warmup: a share of the run if below 1, else a number of epochs; shorter than the run.
        options: options of the schedule, see ``schedule_options``.

    Raises:
        ArgumentError: an unknown name (with the nearest one), or a number out of bounds.

    Example:
        >>> planned = make_step_size(0.1, total_steps=100, steps_per_epoch=10, warmup=0.09).planned
        >>> [round(float(planned(jnp.int32(t))), 3) for t in (0, 4, 9, 50)]
        [0.01, 0.05, 0.1, 0.1]

    Source: warm-up: Goyal et al., *Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour* (2017).
    """
    total = number("total_steps", total_steps, at_least=1, integer=True)
    epoch = number("steps_per_epoch", steps_per_epoch, at_least=1, integer=True)
    rise = _warmup_steps(warmup, total, epoch)
    make = lookup(SCHEDULES, schedule, "schedule")
    check_options("schedule_options", schedule, make, options or {})
    plan = make(total - rise, epoch, **(options or {}))
    if callable(learning_rate):
        if schedule != "constant" or rise:
            raise ArgumentError(
                "learning_rate", "a number, for a schedule and warm-up by name", "a function", "Use one or the other."
            )
        given = learning_rate
        return StepSize(lambda t: jnp.asarray(given(t), jnp.result_type(float)))
    peak = float(number("learning_rate", learning_rate, above=0))
    factor = constant(total, epoch) if isinstance(plan, Plateau) else plan

    def planned(t: Int[Array, ""]) -> Float[Array, ""]:
        if not rise:
            return jnp.asarray(peak * factor(t))
        ramp = jnp.minimum((jnp.asarray(t, jnp.result_type(float)) + 1) / (rise + 1), 1)
        return jnp.asarray(peak * ramp * factor(jnp.maximum(t - rise, 0)))

    return StepSize(planned, plan.transformation if isinstance(plan, Plateau) else None)


def _warmup_steps(warmup: float, total_steps: int, steps_per_epoch: int) -> int:
    """Return the length of the warm-up in steps."""
    amount = float(number("warmup", warmup, at_least=0))
    steps = round(amount * (total_steps if amount < 1 else steps_per_epoch))
    if steps and steps >= total_steps:
        raise ArgumentError(
            "warmup",
            "less than the whole run",
            f"{warmup} ({steps} of {total_steps} steps)",
            "Below 1 it is a share of the run, from 1 on a number of epochs.",
        )
    return steps
