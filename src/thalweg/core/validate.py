"""Numbers that a user gives: checked once, at the boundary, with one form of message."""

from __future__ import annotations

import math
from typing import Any

from thalweg.core.errors import ArgumentError


def number(
    argument: str,
    value: Any,
    *,
    above: float | None = None,
    at_least: float | None = None,
    below: float | None = None,
    at_most: float | None = None,
    integer: bool = False,
    hint: str = "",
) -> Any:
    """Return ``value`` as a finite Python number within its bounds.

    Args:
        argument: name of the argument or configuration key, for the message.
        value: what the user gave.
        above: exclusive lower bound.
        at_least: inclusive lower bound.
        below: exclusive upper bound.
        at_most: inclusive upper bound.
        integer: ask for a whole number and return an ``int``.
        hint: how to mend it, one sentence.

    Returns:
        A ``float``, or an ``int`` with ``integer=True``.

    Raises:
        ArgumentError: not a number, not finite, not whole, or out of bounds.

    Example:
        >>> number("momentum", 0.9, at_least=0, below=1)
        0.9
        >>> number("epochs", 0, at_least=1, integer=True)
        Traceback (most recent call last):
            ...
        thalweg.core.errors.ArgumentError: epochs: expected a whole number of at least 1, got 0.
    """
    bounds = [
        f"{words} {bound:g}"
        for words, bound in (("above", above), ("of at least", at_least), ("below", below), ("at most", at_most))
        if bound is not None
    ]
    expected = " ".join(["a whole number" if integer else "a number", " and ".join(bounds)]).strip()
    try:
        result = math.nan if isinstance(value, (bool, str, bytes)) else float(value)
    except (TypeError, ValueError):
        raise ArgumentError(argument, expected, repr(value), hint) from None
    inside = (
        math.isfinite(result)
        and (above is None or result > above)
        and (at_least is None or result >= at_least)
        and (below is None or result < below)
        and (at_most is None or result <= at_most)
        and (not integer or result.is_integer())
    )
    if not inside:
        raise ArgumentError(argument, expected, repr(value) if isinstance(value, str) else f"{value}", hint)
    return int(result) if integer else result
