"""Reduce the step size when the training cost stops falling."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
import optax
import optax.contrib

from thalweg.core.validate import number


class Plateau(NamedTuple):
    """A schedule that depends on the cost seen so far; its state holds the factor ``scale``."""

    transformation: optax.GradientTransformationExtraArgs


def plateau(
    total_steps: int,
    steps_per_epoch: int,
    *,
    factor: float = 0.5,
    patience: int = 3,
    rtol: float = 1e-4,
    cooldown: int = 0,
    final: float = 0.0,
) -> Plateau:
    """γ falls by ``factor`` when the mean training cost of an epoch has not improved for ``patience`` epochs.

    An epoch improves if its mean cost is below best - rtol |best|, best being the lowest one so far; costs of
    densities may be negative.

    Args:
        total_steps: length of the run.
        steps_per_epoch: length of an epoch: costs of its minibatches are averaged.
        factor: fall at each reduction, in (0, 1).
        patience: epochs without improvement, in a row, that bring a reduction; at least 1.
        rtol: relative improvement that counts, in (0, 1).
        cooldown: epochs after a reduction that do not count.
        final: smallest share of γ, in [0, 1].

    Raises:
        ArgumentError: an option out of bounds.

    Example:
        >>> float(plateau(100, 10).transformation.init({}).scale)
        1.0
    """
    del total_steps
    rtol = number("rtol", rtol, above=0, below=1)
    reduce = optax.contrib.reduce_on_plateau(
        factor=number("factor", factor, above=0, below=1),
        patience=number("patience", patience, at_least=1, integer=True),
        rtol=rtol,
        cooldown=number("cooldown", cooldown, at_least=0, integer=True),
        accumulation_size=steps_per_epoch,
        min_scale=number("final", final, at_least=0, at_most=1),
    )

    def update(updates: Any, state: Any, params: Any = None, *, value: Any, **extra: Any) -> tuple[Any, Any]:
        # Optax compares with (1 - rtol) best, which lies above a negative best. It is lent the value that makes
        # this best - rtol |best|, and its own back where the epoch did not improve on it.
        best = state.best_value
        lent = jnp.where(best < 0, best * ((1 + rtol) / (1 - rtol)), best).astype(best.dtype)
        updates, after = reduce.update(updates, state._replace(best_value=lent), params, value=value, **extra)
        return updates, after._replace(best_value=jnp.where(after.best_value == lent, best, after.best_value))

    return Plateau(optax.GradientTransformationExtraArgs(reduce.init, update))
