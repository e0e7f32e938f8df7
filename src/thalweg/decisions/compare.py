"""Whether decisions cost less than MAP's on rows whose truth is known, with a bootstrap interval."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from thalweg.core.validate import number
from thalweg.decisions.result import Decisions

RESAMPLES = 9999


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Mean costs a row of decisions and of MAP.

    Attributes:
        rows: compared.
        expected, map_expected: mean expected costs.
        realized, map_realized: mean realized costs.
        difference: realized - map_realized; below 0 where the decisions cost less.
        low, high: bootstrap interval of the difference.
        confidence: of that interval.
        rejected: share of rows (and targets) handed over.
    """

    rows: int
    expected: float
    map_expected: float
    realized: float
    map_realized: float
    difference: float
    low: float
    high: float
    confidence: float
    rejected: float


def compare(decisions: Decisions, y: Any, *, confidence: float = 0.95, seed: int = 0) -> Comparison:
    r"""Compare realized costs with MAP's, pair by pair.

    The differences d_n of the rows are drawn anew with replacement; the interval holds the central part of the means
    of 9999 such draws (percentile bootstrap of pairs).

    Args:
        decisions: for N rows; costs of several targets a row are added.
        y: class numbers or values, in the shape of the actions.
        confidence: of the interval.
        seed: of the draws.

    Raises:
        ArgumentError: y does not fit the decisions.

    Example:
        >>> from thalweg.decisions import decide
        >>> p = np.array([[0.8, 0.2]] * 10)
        >>> found = compare(decide(p, [[0, 1], [5, 0]]), np.array([0] * 8 + [1] * 2))
        >>> found.realized, found.map_realized, round(found.difference, 3)
        (0.8, 1.0, -0.2)

    Source: Efron and Tibshirani, *An Introduction to the Bootstrap* (1993), chapter 13.
    """
    confidence = number("confidence", confidence, above=0, below=1)
    own, plain = (
        side.reshape(len(side), -1).sum(axis=1) for side in (decisions.realized(y), decisions.map_realized(y))
    )
    difference = own - plain
    low, high = _percentiles(difference, confidence, seed)
    columns = decisions.expected.reshape(len(own), -1), decisions.map_expected.reshape(len(own), -1)
    expected, map_expected = (float(side.sum(axis=1).mean()) for side in columns)
    return Comparison(
        len(own),
        expected,
        map_expected,
        float(own.mean()),
        float(plain.mean()),
        float(difference.mean()),
        low,
        high,
        confidence,
        float(decisions.rejected.mean()),
    )


def _percentiles(values: np.ndarray, confidence: float, seed: int) -> tuple[float, float]:
    """Draw how often each different value occurs, in place of rows: costs take few values, and rows are many."""
    rng = np.random.default_rng(seed)
    different, counts = np.unique(values, return_counts=True)
    if len(different) <= 1000:
        means = rng.multinomial(len(values), counts / len(values), size=RESAMPLES) @ different / len(values)
    else:
        means = np.array([values[rng.integers(len(values), size=len(values))].mean() for _ in range(RESAMPLES)])
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
