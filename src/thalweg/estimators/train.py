"""Training of a plan for an estimator, and a word when it does not go well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from thalweg.core.errors import DivergedError
from thalweg.recipes.fit import finished
from thalweg.recipes.plan import Plan, train_plan
from thalweg.training import Hook, Trained


def run(plan: Plan, epochs: int, hooks: Sequence[Hook], start: Trained | None, **settings: Any) -> Trained:
    """Train so many epochs.

    Args:
        plan: what to train.
        epochs: how many.
        hooks: follow the training.
        start: where to go on from.
        settings: others of `thalweg.training.train`.

    Raises:
        DivergedError: a quantity was not finite; tells which step size to try.
        KeyboardInterrupt: Ctrl-C before the end of the first epoch.
    """
    try:
        trained = train_plan(plan, hooks, epochs=epochs, start=start, **settings)
    except DivergedError as error:
        raise _advised(error, plan) from None
    finished(trained, epochs)
    return trained


def _advised(error: DivergedError, plan: Plan) -> DivergedError:
    """Return the error with a step size to try."""
    rate = plan.settings.get("learning_rate")
    if plan.optimizer.full_batch or rate is None:
        return error
    hint = f"The learning rate was {rate:g}: try learning_rate={rate / 10:g}, or limit gradients with clip_norm=1."
    advised = DivergedError(error.epoch, error.step, error.quantity, hint)
    advised.trained = error.trained
    return advised
