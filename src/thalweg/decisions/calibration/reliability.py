"""Whether probabilities can be believed: the reliability diagram and the expected calibration error."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import NDArray

from thalweg.core.errors import ArgumentError
from thalweg.core.validate import number


@dataclasses.dataclass(frozen=True, eq=False)
class Reliability:
    """Bins of claimed probability beside the share that came true in each; NaN where a bin is empty.

    Attributes:
        low, high: edges of each bin.
        count: rows in it.
        claimed: mean claimed probability.
        came_true: share of rows whose event came true.
        band_low, band_high: confidence interval of that share (Clopper and Pearson).
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    count: NDArray[np.int64]
    claimed: NDArray[np.float64]
    came_true: NDArray[np.float64]
    band_low: NDArray[np.float64]
    band_high: NDArray[np.float64]

    @property
    def error(self) -> float:
        """Expected calibration error, ECE = Σ_b N_b/N |share true - mean claimed|; NaN without rows."""
        rows = int(self.count.sum())
        gaps = np.abs(self.came_true - self.claimed)
        return float(np.nansum(self.count * gaps) / rows) if rows else float("nan")


def reliability(
    claimed: Float[np.ndarray, " rows"],
    came_true: Bool[np.ndarray, " rows"],
    *,
    bins: int = 10,
    by: Literal["width", "mass"] = "width",
    confidence: float = 0.95,
) -> Reliability:
    """Compare claimed probabilities with what came true.

    For a classifier give the probability of its most probable class and whether that was right; for one class of
    interest its probability and whether it was the true one.

    Args:
        claimed: probabilities of an event of each row.
        came_true: whether it came true.
        bins: how many.
        by: ``"width"``: bins of equal width; ``"mass"``: of (nearly) equal numbers of rows, with equal claims kept
            together.
        confidence: of the band around each share.

    Raises:
        ArgumentError: an unknown way to bin, or numbers out of range.

    Example:
        >>> sure = np.array([0.9, 0.9, 0.9, 0.9, 0.6, 0.6])
        >>> curve = reliability(sure, np.array([True, True, True, False, True, False]), bins=2)
        >>> curve.came_true.tolist()[1], round(curve.error, 4)
        (0.6666666666666666, 0.1333)

    Source: Guo, Pleiss, Sun, Weinberger, *On Calibration of Modern Neural Networks*, ICML (2017); equal mass: Nguyen
    and O'Connor, *Posterior Calibration and Exploratory Analysis for Natural Language Processing Models*, EMNLP (2015).
    """
    bins = number("bins", bins, at_least=1, integer=True)
    p = np.asarray(claimed, np.float64)
    if by == "width":
        edges = np.linspace(0, 1, bins + 1)
        place = np.clip((p * bins).astype(np.int64), 0, bins - 1)
    elif by == "mass":
        edges = np.unique(np.quantile(p, np.linspace(0, 1, bins + 1))) if len(p) else np.array([0.0, 1.0])
        edges = edges if len(edges) > 1 else np.append(edges, edges)
        place = np.clip(np.searchsorted(edges, p, side="right") - 1, 0, len(edges) - 2)
    else:
        raise ArgumentError("by", "'width' or 'mass'", repr(by))
    count = np.bincount(place, minlength=len(edges) - 1)
    hits = np.bincount(place, weights=came_true, minlength=len(edges) - 1)
    with np.errstate(invalid="ignore"):
        mean = np.bincount(place, weights=p, minlength=len(edges) - 1) / count
        share = hits / count
    return Reliability(edges[:-1], edges[1:], count, mean, share, *binomial_interval(hits, count, confidence))


def binomial_interval(hits: Any, count: Any, confidence: float = 0.95) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the exact confidence interval of a share; NaN where the count is 0.

    Args:
        hits: successes.
        count: trials.
        confidence: the interval holds the true share at least so often.

    Example:
        >>> low, high = binomial_interval(5, 10)
        >>> round(float(low), 4), round(float(high), 4)
        (0.1871, 0.8129)

    Source: Clopper and Pearson, *The Use of Confidence or Fiducial Limits*, Biometrika 26 (1934).
    """
    from scipy.special import betaincinv

    tail = (1 - number("confidence", confidence, above=0, below=1)) / 2
    hits, count = np.asarray(hits, np.float64), np.asarray(count, np.float64)
    low = np.where(hits > 0, betaincinv(np.maximum(hits, 1), count - hits + 1, tail), 0.0)
    high = np.where(hits < count, betaincinv(hits + 1, np.maximum(count - hits, 1), 1 - tail), 1.0)
    empty = count == 0
    return np.where(empty, np.nan, low), np.where(empty, np.nan, high)
