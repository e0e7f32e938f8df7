"""Optimizers and schedules by name: command line, configuration, menus and contract tests read these dictionaries."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from thalweg.core.errors import ArgumentError, nearest
from thalweg.core.registry import lookup
from thalweg.optimizers import schedules
from thalweg.optimizers.adam import adam, amsgrad, nadam
from thalweg.optimizers.adaptive import adadelta, adagrad, rmsprop
from thalweg.optimizers.lbfgs import lbfgs
from thalweg.optimizers.momentum import momentum, nesterov, sgd
from thalweg.optimizers.plateau import Plateau, plateau
from thalweg.optimizers.rule import Rule


@dataclasses.dataclass(frozen=True)
class OptimizerChoice:
    """A registered update rule.

    Attributes:
        make: returns the rule; its keyword arguments are the options.
        learning_rate: the usual step size.
        weight_decay: the usual decoupled weight decay.
        full_batch: true if each step needs the gradient of the whole set.
        takes_momentum: true if the rule is meant to have the momentum factor of the run.
    """

    make: Callable[..., Rule]
    learning_rate: float
    weight_decay: float = 0.0
    full_batch: bool = False
    takes_momentum: bool = False


OPTIMIZERS: dict[str, OptimizerChoice] = {
    "sgd": OptimizerChoice(sgd, 0.1),
    "momentum": OptimizerChoice(momentum, 0.01, takes_momentum=True),
    "nesterov": OptimizerChoice(nesterov, 0.01, takes_momentum=True),
    "adagrad": OptimizerChoice(adagrad, 0.01),
    "rmsprop": OptimizerChoice(rmsprop, 1e-3),
    "adadelta": OptimizerChoice(adadelta, 1.0),
    "adam": OptimizerChoice(adam, 1e-3),
    "amsgrad": OptimizerChoice(amsgrad, 1e-3),
    "adamw": OptimizerChoice(adam, 1e-3, weight_decay=0.01),
    "nadam": OptimizerChoice(nadam, 2e-3),
    "lbfgs": OptimizerChoice(lbfgs, 1.0, full_batch=True),
}

SCHEDULES: dict[str, Callable[..., schedules.Factor | Plateau]] = {
    "constant": schedules.constant,
    "step": schedules.step,
    "exponential": schedules.exponential,
    "inverse_time": schedules.inverse_time,
    "polynomial": schedules.polynomial,
    "cosine": schedules.cosine,
    "one_cycle": schedules.one_cycle,
    "restarts": schedules.restarts,
    "plateau": plateau,
}


def optimizer_options(name: str) -> dict[str, Any]:
    """Return the options of an optimizer with their defaults.

    Raises:
        ArgumentError: no such optimizer.

    Example:
        >>> optimizer_options("adam")
        {'beta1': 0.9, 'beta2': 0.999, 'eps': 1e-08}
    """
    return defaults(lookup(OPTIMIZERS, name, "optimizer").make)


def schedule_options(name: str) -> dict[str, Any]:
    """Return the options of a schedule with their defaults.

    Raises:
        ArgumentError: no such schedule.

    Example:
        >>> schedule_options("cosine")
        {'final': 0.0}
    """
    return defaults(lookup(SCHEDULES, name, "schedule"))


def defaults(make: Callable[..., Any]) -> dict[str, Any]:
    """Return the keyword-only arguments of a function with their defaults."""
    parameters = inspect.signature(make).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}


def check_options(argument: str, name: str, make: Callable[..., Any], options: Mapping[str, Any]) -> None:
    """Check that every option is one that ``make`` takes.

    Raises:
        ArgumentError: names the nearest option.

    Example:
        >>> check_options("options", "adam", adam, {"beta_2": 0.99})
        Traceback (most recent call last):
            ...
        thalweg.core.errors.ArgumentError: options: expected beta1, beta2, eps for 'adam', got 'beta_2'. ...
    """
    known = defaults(make)
    for option in options:
        if option not in known:
            expected = f"{', '.join(known)} for {name!r}" if known else f"none, {name!r} takes no options"
            raise ArgumentError(argument, expected, repr(option), nearest(option, known))
