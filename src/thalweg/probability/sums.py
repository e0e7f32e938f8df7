"""E_p[g] of a variable with isolated values, summed over them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from thalweg.probability.view import Numbers, TooManyAtomsError, View

MOST = 4_000_000
"""Values that are summed at most."""


def over_values(
    p: View, g: Callable[[Numbers], tuple[Numbers, Numbers]], index: tuple[int, ...]
) -> tuple[float, float] | None:
    """Return Σ p(x) g(x) of one component and a bound on its error, or None if there are too many values.

    A sum without end goes on until the terms beyond, which fall at least as fast as the last two do, no longer matter.

    Args:
        p: view of the distribution.
        g: x (n,) ↦ p(x) and p(x)·g(x).
        index: the component.
    """
    try:
        x = p.nodes(1)[0]
    except TooManyAtomsError:
        return None
    at: Any = (slice(None), *index)
    x = np.unique(np.broadcast_to(x, (len(x), *p.shape))[at])
    lower, upper = (float(np.broadcast_to(end, p.shape)[index]) for end in (p.lower, p.upper))
    total, magnitude, count = 0.0, 0.0, 0
    while True:
        terms = g(x)[1]
        total, magnitude, count = total + float(terms.sum()), magnitude + float(np.abs(terms).sum()), count + len(x)
        rounding = 4e-16 * magnitude * math.log2(count + 2)
        if not math.isfinite(total):
            return total, 0.0
        below = 0.0 if math.isfinite(lower) or count > len(x) else _rest(terms[::-1])
        above = 0.0 if math.isfinite(upper) else _rest(terms)
        if below + above <= 1e-13 * (1e-3 + abs(total)):
            return total, rounding + below + above
        if count > MOST or len(x) < 2 or below > 0:
            return None
        x = x[-1] + (x[-1] - x[-2]) * np.arange(1, 2 * count + 32)


def _rest(terms: Numbers) -> float:
    """Return the sum of the terms after the last, if they fall like a geometric series from here on."""
    if len(terms) < 2:
        return math.inf
    before, last = np.abs(terms[-2:])
    if last == 0:
        return 0.0
    return float(last * last / (before - last)) if last < before else math.inf
