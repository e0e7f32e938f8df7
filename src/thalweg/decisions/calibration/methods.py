"""The ways to calibrate a model, by name: what the command, the settings and their help list."""

from __future__ import annotations

from typing import Any

from thalweg.core.errors import ArgumentError
from thalweg.core.registry import lookup

METHODS: dict[str, str] = {
    "temperature": "one number for all probabilities of a classifier",
    "isotonic": "a rising curve for the probabilities of each class",
    "scale": "one number for the deviations of each target",
    "conformal": "intervals, or sets of classes, that hold the truth at the rate asked for",
}
"""Ways to calibrate, and what they mend."""

FITTING: dict[str, tuple[str, ...]] = {
    "classes": ("temperature", "isotonic", "conformal"),
    "labels": ("temperature", "isotonic"),
    "numbers": ("scale", "conformal"),
    "counts": ("conformal",),
}
"""The ways that fit a model, by its kind of targets."""


def check_method(method: str, kind: str, argument: str = "method") -> None:
    """Check that a model can be calibrated this way.

    Args:
        method: a name in ``METHODS``.
        kind: of the model's targets, as `Likelihood.targets` says: classes, ordered, labels, numbers or counts.
        argument: what the method was given as.

    Raises:
        ArgumentError: an unknown method, or one that is for other targets.

    Example:
        >>> check_method("temperature", "ordered")
        >>> check_method("scale", "counts")
        Traceback (most recent call last):
            ...
        thalweg.core.errors.ArgumentError: method: expected conformal for a model of counts, got 'scale'.
    """
    lookup(METHODS, method, argument)
    kind = "classes" if kind == "ordered" else kind
    if method not in FITTING[kind]:
        *others, last = FITTING[kind]
        fitting = f"{', '.join(others)} or {last}" if others else last
        raise ArgumentError(argument, f"{fitting} for a model of {kind}", repr(method))


def check_held_out(method: str, y: Any, argument: str = "data") -> None:
    """Check that rows can teach a map of probabilities anything.

    Args:
        method: a name in ``METHODS``.
        y: (N, …) true values of the held-out rows.
        argument: what the rows were given as.

    Raises:
        ArgumentError: there are none, or for a map of probabilities all are of one class.
    """
    if not len(y):
        raise ArgumentError(argument, "rows to calibrate on", "none")
    if method in FITTING["labels"] and (y == y.flat[0]).all():
        hint = "One class alone makes any certainty look right: hold out more rows."
        raise ArgumentError(argument, "rows of at least two classes to calibrate on", "rows of one class", hint)
