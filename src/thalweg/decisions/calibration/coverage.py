"""Whether intervals and distributions of numbers can be believed: coverage, interval score and PIT."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from thalweg.core.validate import number
from thalweg.decisions.calibration.reliability import binomial_interval


@dataclasses.dataclass(frozen=True)
class Coverage:
    """How often intervals held the truth.

    Attributes:
        share: of values inside.
        low, high: exact 95 % confidence interval of the share, taking rows as independent.
        width: mean width, in units of the target.
        score: mean interval score for the stated coverage: width plus 2/α for each unit that a value lies outside.
    """

    share: float
    low: float
    high: float
    width: float
    score: float


def coverage(low: Any, high: Any, y: Any, stated: float = 0.9) -> Coverage:
    """Compare intervals with what came true.

    Args:
        low: lower ends of the intervals, in the shape of ``y``.
        high: upper ends.
        y: true values.
        stated: the coverage 1 - α that the intervals were made for.

    Raises:
        ArgumentError: ``stated`` is not between 0 and 1.

    Example:
        >>> found = coverage(np.zeros(4), np.ones(4), np.array([0.5, 0.2, 0.9, 2.0]), stated=0.5)
        >>> found.share, found.width, found.score  # 1 + 4/4 · 1
        (0.75, 1.0, 2.0)

    Source: Gneiting and Raftery, *Strictly Proper Scoring Rules, Prediction, and Estimation*, JASA 102 (2007).
    """
    alpha = 1 - number("stated", stated, above=0, below=1)
    low, high, y = (np.asarray(side, np.float64) for side in (low, high, y))
    inside = (low <= y) & (y <= high)
    outside = np.maximum(low - y, 0) + np.maximum(y - high, 0)
    least, most = binomial_interval(inside.sum(), inside.size)
    return Coverage(
        float(inside.mean()),
        float(least),
        float(most),
        float((high - low).mean()),
        float((high - low + 2 / alpha * outside).mean()),
    )


def pit(distribution: Any, y: Any, *, seed: int = 0) -> Float[np.ndarray, "*shape"]:
    r"""Return the probability integral transform u = F(y|x), uniform on [0, 1] for a calibrated distribution.

    For counts F jumps, and u = F(y - 1) + v (F(y) - F(y - 1)) with v drawn from U(0, 1).

    Args:
        distribution: of numbers or counts, over the rows.
        y: true values.
        seed: of the draws.

    Example:
        >>> from numpyro.distributions import Normal
        >>> pit(Normal(np.zeros(2), 1.0), np.array([0.0, 1.0])).round(4).tolist()
        [0.5, 0.8413]

    Source: Dawid, *Statistical Theory: The Prequential Approach* (1984); counts: Czado, Gneiting, Held, *Predictive
    Model Assessment for Count Data*, Biometrics 65 (2009).
    """
    from thalweg.probability import marginal_cdf

    y = np.asarray(y, np.float64)
    upper: NDArray[np.float64] = marginal_cdf(distribution, y)
    if not distribution.support.is_discrete:
        return upper
    lower = marginal_cdf(distribution, y - 1)
    return np.asarray(lower + np.random.default_rng(seed).uniform(size=y.shape) * (upper - lower))
