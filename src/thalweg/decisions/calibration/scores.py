"""Proper scores of class probabilities: negative log-likelihood, and the Brier score with its parts."""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float, Int

from thalweg.decisions.calibration.reliability import reliability


def nll(probabilities: Float[np.ndarray, "rows classes"], y: Int[np.ndarray, " rows"]) -> float:
    """Return the mean negative log-likelihood, -1/N Σ_n ln p_{y(n)}, in nats.

    Example:
        >>> round(nll(np.array([[0.5, 0.5]]), np.array([1])), 4)
        0.6931
    """
    true = np.asarray(probabilities, np.float64)[np.arange(len(y)), y]
    return float(-np.log(np.maximum(true, np.finfo(np.float64).tiny)).mean())


@dataclasses.dataclass(frozen=True)
class Brier:
    """A Brier score and its parts: score = reliability - resolution + uncertainty + within.

    Attributes:
        score: mean squared distance of the probabilities from the one-hot truth, between 0 and 2.
        reliability: how far shares that came true lie from what was claimed; 0 for calibrated probabilities.
        resolution: how far they lie from the overall shares; large for probabilities that tell cases apart.
        uncertainty: that of the classes themselves, Σ_c ō_c (1 - ō_c).
        within: what bins hide of the claims inside them; 0 where all claims of a bin are equal.
    """

    score: float
    reliability: float
    resolution: float
    uncertainty: float
    within: float


def brier(probabilities: Float[np.ndarray, "rows classes"], y: Int[np.ndarray, " rows"], *, bins: int = 10) -> Brier:
    r"""Return the Brier score, 1/N Σ_n Σ_c (p_nc - [y(n) = c])², and its decomposition over bins of each class.

    Args:
        probabilities: rows sum to 1.
        y: class numbers.
        bins: of equal width, for the parts alone.

    Example:
        >>> parts = brier(np.array([[0.8, 0.2], [0.4, 0.6]]), np.array([0, 1]))
        >>> round(parts.score, 4)  # (0.2² + 0.2² + 0.4² + 0.4²) / 2
        0.2

    Source: Murphy, *A New Vector Partition of the Probability Score*, Journal of Applied Meteorology 12 (1973); the
    part within bins: Stephenson, Coelho, Jolliffe, *Two Extra Components in the Brier Score Decomposition* (2008).
    """
    p = np.asarray(probabilities, np.float64)
    truth = np.asarray(y)[:, None] == np.arange(p.shape[1])
    score = float(np.square(p - truth).sum(axis=1).mean())
    parts = np.zeros(3)
    for claimed, came_true in zip(p.T, truth.T, strict=True):
        curve = reliability(claimed, came_true, bins=bins)
        weight, base = curve.count / len(p), came_true.mean()
        parts += [
            np.nansum(weight * (curve.claimed - curve.came_true) ** 2),
            np.nansum(weight * (curve.came_true - base) ** 2),
            base * (1 - base),
        ]
    calibrated, resolved, uncertain = map(float, parts)
    return Brier(score, calibrated, resolved, uncertain, score - (calibrated - resolved + uncertain))
