"""Reduce the step size when the training cost stops falling."""

from __future__ import annotations

from typing import NamedTuple

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

    An epoch improves if its mean cost is below (1 - rtol) of the best one so far.

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
    return Plateau(
        optax.contrib.reduce_on_plateau(
            factor=number("factor", factor, above=0, below=1),
            patience=number("patience", patience, at_least=1, integer=True),
            rtol=number("rtol", rtol, above=0, below=1),
            cooldown=number("cooldown", cooldown, at_least=0, integer=True),
            accumulation_size=steps_per_epoch,
            min_scale=number("final", final, at_least=0, at_most=1),
        )
    )
