"""What `partial_fit` and ``warm_start`` of all estimators share."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from thalweg.core.errors import ArgumentError
from thalweg.deploy import Model
from thalweg.recipes.config import RunConfig
from thalweg.recipes.plan import AnyPlan, Plan
from thalweg.training import Trained
from thalweg.training.state import initial_state


def settings_of_parts(schedule: str | None) -> dict[str, Any]:
    """Return the settings of `partial_fit`: nobody knows how many calls will come, so step sizes stay as they are."""
    return {"schedule": "constant"} if schedule in (None, "auto") else {}


def check_weights_of_parts(class_weight: Any, what: str = "rows", y: str = "y", more: str = "") -> None:
    """Refuse balanced weights of classes, which a part of the samples does not tell.

    Args:
        class_weight: the parameter.
        what: the samples are.
        y: all their labels, one after another, as Python writes it.
        more: what else there is to say.

    Raises:
        ArgumentError: they are balanced.
    """
    if isinstance(class_weight, str) and class_weight == "balanced":
        raise ArgumentError(
            "class_weight",
            f"None or a dictionary for partial_fit, which sees a part of the {what}",
            "'balanced'",
            "Count classes in a large sample of y: dict(zip(classes, sklearn.utils.class_weight"
            f".compute_class_weight('balanced', classes=classes, y={y}))){more}.",
        )


def check_same_classes(classes: Any, known: Any) -> None:
    """Check that a further call of `partial_fit` names no other classes.

    Raises:
        ValueError: it does.
    """
    if classes is not None and not np.array_equal(np.unique(classes), known):
        raise ValueError(f"`classes={classes!r}` is not the same as on last call to partial_fit: {known!r}")


def with_likelihood_of(config: RunConfig, model: Model) -> RunConfig:
    """Return the settings with the likelihood that a model was trained with."""
    family = model.likelihood
    return config.model_copy(update={"likelihood": getattr(family, "base", family).name})


def on_course(config: RunConfig, estimator: Any, epochs: int | None) -> tuple[RunConfig, int]:
    """Return the settings of training that goes on, and how many epochs to train.

    Args:
        config: the settings.
        estimator: with what it has learned.
        epochs: to train, of those that the settings name; None for all.
    """
    rate: float | None = getattr(estimator, "_learning_rate", None)
    if config.learning_rate == "auto" and rate:
        config = config.model_copy(update={"learning_rate": rate})
    if epochs is not None:
        return config, epochs
    # The schedule is that of the whole course, of which the epochs before are a part.
    course = config.model_copy(update={"epochs": len(estimator.history_) + config.epochs})
    return course, config.epochs


def with_own_patience(plan: AnyPlan, estimator: Any) -> AnyPlan:
    """Return the plan of a further fit: it may watch others than the one before, and has a best epoch of its own."""
    if plan.stopping is None:
        return plan
    return replace(plan, stopping=replace(plan.stopping, since=len(estimator.history_)))


def begin_from(plan: Plan, estimator: Any, *, single: bool) -> Trained:
    """Return where training goes on: after what was trained last, or of a model from a folder with a new optimizer.

    Args:
        plan: what to train.
        estimator: with what it has learned.
        single: whether `partial_fit` asks.

    Raises:
        ArgumentError: the plan has another network.
    """
    model: Model = estimator.model_
    if plan.network != model.network:
        raise another("network", "another one", single=single)
    trained: Trained | None = getattr(estimator, "_trained", None)
    if trained is not None:
        return trained
    last = initial_state(plan.network, plan.optimizer, model.params, average=plan.config.ema > 0)
    history = [dict(row) for row in model.history]
    return Trained(model.params, model.state, history, len(history), "finished", last._replace(state=model.state))


def another(what: str, got: object, *, single: bool) -> ArgumentError:
    """Return the error of training that cannot go on.

    Args:
        what: is not as it was.
        got: in its place.
        single: whether `partial_fit` asks, which has no parameter that begins anew.
    """
    argument, hint = "warm_start", "Use warm_start=False."
    if single:
        argument, hint = "partial_fit", "To begin anew, take a clone: sklearn.base.clone(estimator)."
    return ArgumentError(argument, f"the {what} of the fit before", got, hint)
