"""From settings to an optimizer."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import optax

from thalweg.core.errors import ArgumentError
from thalweg.core.registry import lookup
from thalweg.core.validate import number
from thalweg.optimizers.optimizer import Optimizer, Scales, assemble, scaled
from thalweg.optimizers.penalties import Penalties
from thalweg.optimizers.registry import OPTIMIZERS, OptimizerChoice, check_options
from thalweg.optimizers.rule import Rule, rule_from_optax
from thalweg.optimizers.step_size import LearningRate, make_step_size


def make_optimizer(
    optimizer: str | optax.GradientTransformation = "adam",
    *,
    total_steps: int,
    steps_per_epoch: int,
    learning_rate: LearningRate | None = 1e-3,
    schedule: str = "constant",
    schedule_options: Mapping[str, Any] | None = None,
    warmup: float = 0,
    momentum: float = 0.9,
    weight_decay: float | None = None,
    l2: float = 0.0,
    l1: float = 0.0,
    clip_norm: float | None = None,
    clip_value: float | None = None,
    options: Mapping[str, Any] | None = None,
) -> Optimizer:
    """Return an optimizer for a run of ``total_steps`` steps.

    One step: limit the gradient (by value, then by norm); add the gradient of λ₁ Σ|W| + ½ λ₂ ΣW²; apply the update
    rule with γ_t; shrink weights by γ_t λ W. Penalties and decay act on weight matrices only.

    Args:
        optimizer: a name in ``OPTIMIZERS``, or any Optax transformation that has a step size of its own.
        total_steps: length of the run.
        steps_per_epoch: minibatches an epoch, ⌈N/B⌉.
        learning_rate: γ > 0, the largest step size of the run; a function from the step to γ_t; or ``None`` for the
            usual one of the rule. L-BFGS and Optax transformations find their own.
        schedule: a name in ``SCHEDULES``.
        schedule_options: options of the schedule; lengths are in epochs.
        warmup: linear rise before the schedule: a share of the run if below 1, else a number of epochs.
        momentum: momentum factor β ∈ [0, 1) of ``momentum`` and ``nesterov``.
        weight_decay: decoupled weight decay λ ≥ 0; by default 0.01 for ``adamw`` and 0 for the others.
        l2: λ₂ ≥ 0.
        l1: λ₁ ≥ 0.
        clip_norm: largest l2 norm of the gradient of the cost.
        clip_value: largest magnitude of an entry of it.
        options: options of the rule, see ``optimizer_options``.

    Raises:
        ArgumentError: unknown names (with the nearest one), numbers out of bounds, or settings that exclude each other.

    Example:
        >>> import jax.numpy as jnp
        >>> adam = make_optimizer("adam", total_steps=100, steps_per_epoch=10, schedule="cosine")
        >>> theta = {"W": jnp.ones((1, 1))}
        >>> updates, state = adam.update(theta, adam.init(theta), theta)
        >>> round(float(updates["W"][0, 0]), 6), round(float(adam.learning_rate(jnp.int32(50), state)), 6)
        (-0.001, 0.0005)

    Source: Goodfellow, Bengio, Courville, *Deep Learning* (2016), chapter 8.
    """
    choice = lookup(OPTIMIZERS, optimizer, "optimizer") if isinstance(optimizer, str) else None
    if learning_rate is None:
        learning_rate = choice.learning_rate if choice else 1.0
    usual_decay = choice.weight_decay if choice else 0.0
    decay = float(number("weight_decay", usual_decay if weight_decay is None else weight_decay, at_least=0))
    if decay and (choice is None or choice.full_batch):
        name = "an Optax transformation" if choice is None else repr(optimizer)
        raise ArgumentError("weight_decay", f"0 for {name}, which has a step size of its own", decay, "Use l2.")
    if l1 and choice is not None and choice.full_batch:
        raise ArgumentError("l1", f"0 for {optimizer!r}, whose line search needs a smooth cost", l1, "Use l2.")
    added = Scales(1.0, decay, float(number("l1", l1, at_least=0)), float(number("l2", l2, at_least=0)))
    steps = _make(
        optimizer,
        _frozen(options),
        _frozen(schedule_options),
        total_steps=total_steps,
        steps_per_epoch=steps_per_epoch,
        learning_rate=learning_rate if callable(learning_rate) else 1.0,
        schedule=schedule,
        warmup=warmup,
        momentum=momentum,
        decays=decay > 0,
        penalizes=(added.l1 > 0, added.l2 > 0),
        clip_norm=clip_norm,
        clip_value=clip_value,
    )
    peak = 1.0 if callable(learning_rate) else float(number("learning_rate", learning_rate, above=0))
    return _scaled(steps, added._replace(learning_rate=peak))


Frozen = tuple[tuple[str, Any], ...]


def _frozen(options: Mapping[str, Any] | None) -> Frozen:
    return tuple(sorted((options or {}).items()))


# Equal settings give the same object, so that training programs compiled for it serve again; step size, decay and
# penalties are numbers of the state, of which programs do not depend.
_scaled = lru_cache(maxsize=128)(scaled)


@lru_cache(maxsize=128)
def _make(
    optimizer: str | optax.GradientTransformation,
    frozen_options: Frozen,
    frozen_schedule_options: Frozen,
    *,
    total_steps: int,
    steps_per_epoch: int,
    learning_rate: LearningRate,
    schedule: str,
    warmup: float,
    momentum: float,
    decays: bool,
    penalizes: tuple[bool, bool],
    clip_norm: float | None,
    clip_value: float | None,
) -> Optimizer:
    options, schedule_options = dict(frozen_options), dict(frozen_schedule_options)
    choice = lookup(OPTIMIZERS, optimizer, "optimizer") if isinstance(optimizer, str) else None
    penalties = Penalties(
        l1=float(penalizes[0]),
        l2=float(penalizes[1]),
        weight_decay=float(decays),
        clip_norm=None if clip_norm is None else number("clip_norm", clip_norm, above=0),
        clip_value=None if clip_value is None else number("clip_value", clip_value, above=0),
    )
    beta = number("momentum", momentum, at_least=0, below=1)
    # Built even for rules with a step size of their own, so that wrong settings are named whatever the rule.
    step_size = make_step_size(
        learning_rate,
        schedule,
        total_steps=total_steps,
        steps_per_epoch=steps_per_epoch,
        warmup=warmup,
        options=schedule_options,
    )
    if choice is None or choice.full_batch:
        name = "an Optax transformation" if choice is None else repr(optimizer)
        _check_own_step_size(name, schedule, warmup)
        if choice is not None:
            _check_line_search(name, penalties)
    if isinstance(optimizer, str) and choice is not None:
        rule = _named_rule(optimizer, choice, beta, options)
        return assemble(rule, None if choice.full_batch else step_size, penalties, full_batch=choice.full_batch)
    return assemble(_own_rule(optimizer, options), None, penalties)


def _named_rule(name: str, choice: OptimizerChoice, beta: float, options: Mapping[str, Any] | None) -> Rule:
    chosen = dict(options or {})
    check_options("options", name, choice.make, chosen)
    if choice.takes_momentum:
        chosen.setdefault("momentum", beta)
    return choice.make(**chosen)


def _own_rule(optimizer: Any, options: Mapping[str, Any] | None) -> Rule:
    if not (callable(getattr(optimizer, "init", None)) and callable(getattr(optimizer, "update", None))):
        raise ArgumentError(
            "optimizer", "a name or an Optax transformation", repr(optimizer), "For example optax.lion(1e-4)."
        )
    if options:
        raise ArgumentError(
            "options", "none for an Optax transformation", repr(dict(options)), "Give them where you make it."
        )
    return rule_from_optax(optimizer)


def _check_own_step_size(name: str, schedule: str, warmup: float) -> None:
    """Reject settings that would change a step size which the rule finds by itself."""
    where = f"for {name}, which has a step size of its own"
    if schedule != "constant":
        raise ArgumentError("schedule", f"'constant' {where}", repr(schedule))
    if warmup:
        raise ArgumentError("warmup", f"0 {where}", warmup)


def _check_line_search(name: str, penalties: Penalties) -> None:
    """Reject settings with which the gradient is not that of the function under the line search."""
    where = f"for {name}, whose line search needs the true gradient of a smooth cost"
    for setting, value in (("clip_norm", penalties.clip_norm), ("clip_value", penalties.clip_value)):
        if value is not None:
            raise ArgumentError(setting, f"none {where}", value)
