"""Whether predicted distributions of numbers tell the truth, as plain data for one target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from thalweg.decisions.calibration import coverage

from .examples import number

LEVELS = (0.5, 0.8, 0.9, 0.95)
"""Central intervals that are reported, by the probability they claim."""

BINS = 20

Intervals = Mapping[float, tuple[np.ndarray, np.ndarray]]


def covered(intervals: Intervals, y: np.ndarray) -> list[dict[str, Any]]:
    """Return for each interval the share of true values inside, its 95 % confidence limits and the mean width.

    Args:
        intervals: claimed probability ↦ lower and upper ends (N,).
        y: (N,) true values.
    """
    rows = []
    for level, (low, high) in intervals.items() if len(y) else ():
        found = coverage(low, high, y, level)
        figures = {"share": found.share, "share_low": found.low, "share_high": found.high, "width": found.width}
        rows.append({"level": level, **{name: number(value) for name, value in figures.items()}})
    return rows


def histogram(u: np.ndarray) -> list[float]:
    """Return the share of u = F(y) in each of twenty equal bins: 0.05 each where the distributions are right.

    Example:
        >>> histogram(np.array([0.01, 0.02, 0.99, 0.5]))[0]
        0.5
    """
    counts, _ = np.histogram(u, BINS, (0, 1))
    return [float(share) for share in counts / len(u)] if len(u) else []
