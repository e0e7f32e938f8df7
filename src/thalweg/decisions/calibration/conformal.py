"""Split-conformal prediction: intervals and sets that hold the truth at a stated rate, whatever the network."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, ClassVar, Self

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray

from thalweg.core.errors import ArgumentError
from thalweg.core.registry import lookup
from thalweg.core.validate import number

INTERVAL_SCORES, SET_SCORES = ("absolute", "normalized", "quantile"), ("aps", "lac")
SCORES: dict[str, str] = {
    "absolute": "|y - μ|: intervals of one width. Lei et al., Distribution-Free Predictive Inference, JASA 113 (2018)",
    "normalized": "|y - μ| / sd: as wide as the predicted deviation asks. Lei et al. (2018), section 5.2",
    "quantile": "max(q_low - y, y - q_high): CQR. Romano et al., Conformalized Quantile Regression (2019)",
    "lac": "1 - p_y: the smallest sets on average. Sadinle et al., Least Ambiguous Set-Valued Classifiers (2019)",
    "aps": "Σ of p_c ≥ p_y: even rates over easy and hard rows. Romano et al., Valid and Adaptive Coverage (2020)",
}
"""Conformity scores by name, three of intervals and two of sets: formula, what it is good for, source."""


@dataclasses.dataclass(frozen=True)
class Conformal:
    r"""Scores s_1 … s_n of held-out rows: how ill the truth fitted the prediction.

    A new row's interval or set holds every y whose score is at most the k-th smallest of them,
    k = ⌈(n + 1) · coverage⌉. If held-out and new rows are exchangeable, it holds the truth with probability at least
    ``coverage``, and at most 1 / (n + 1) more where scores do not tie. The rate is one over all rows, not one for each.

    Args:
        score: a name in ``SCORES``.
        scores: rising scores of the held-out rows, a tuple for each target; one tuple for classes.
        base: for ``"quantile"`` the coverage of the predicted interval that is widened or narrowed.

    Raises:
        ArgumentError: an unknown score, or scores that do not rise or are not finite.

    Example:
        >>> held_out = Conformal.fit_sets(np.tile([[0.5, 0.3, 0.2]], (9, 1)), np.array([0] * 5 + [1] * 4))
        >>> held_out.sets(np.array([[0.6, 0.3, 0.1]]), coverage=0.8).tolist()
        [[True, True, False]]

    Source: Vovk, Gammerman, Shafer, *Algorithmic Learning in a Random World* (2005), section 4.1; Angelopoulos and
    Bates, *Conformal Prediction: A Gentle Introduction*, Foundations and Trends in Machine Learning 16 (2023).
    """

    name: ClassVar[str] = "conformal"
    score: str
    scores: tuple[tuple[float, ...], ...]
    base: float = 0.9

    def __post_init__(self) -> None:
        lookup(SCORES, self.score, "score")
        scores = tuple(tuple(map(float, column)) for column in self.scores)
        for column in scores:
            if not column or not np.isfinite(column).all() or (np.diff(column) < 0).any():
                raise ArgumentError("scores", "rising finite scores of held-out rows", "others")
        object.__setattr__(self, "scores", scores)
        object.__setattr__(self, "base", number("base", self.base, above=0, below=1))

    @classmethod
    def fit_intervals(
        cls, distribution: Any, y: Float[np.ndarray, "rows targets"], score: str = "normalized", base: float = 0.9
    ) -> Self:
        """Score held-out rows by their predictive distribution.

        Args:
            distribution: of numbers, over the rows.
            y: what came true.
            score: ``"absolute"``, ``"normalized"`` or ``"quantile"``.
            base: coverage of the predicted interval, for ``"quantile"``.
        """
        if score not in INTERVAL_SCORES:
            raise ArgumentError("score", f"one of {', '.join(INTERVAL_SCORES)} for numbers", repr(score))
        center, unit = _center(distribution, score, base)
        scores = np.sort(np.maximum(center[0] - y, y - center[1]) / unit, axis=0)
        return cls(score, tuple(map(tuple, scores.T.tolist())), base)

    @classmethod
    def fit_sets(
        cls, probabilities: Float[np.ndarray, "rows classes"], y: Int[np.ndarray, " rows"], score: str = "lac"
    ) -> Self:
        """Score held-out rows by the probability of their class; ``score`` is ``"lac"`` or ``"aps"``."""
        if score not in SET_SCORES:
            raise ArgumentError("score", f"one of {', '.join(SET_SCORES)} for classes", repr(score))
        scores = _set_scores(np.asarray(probabilities, np.float64), score)[np.arange(len(y)), y]
        return cls(score, (tuple(np.sort(scores).tolist()),))

    def promises(self, coverage: float) -> bool:
        """Return whether there are held-out rows enough to state this coverage."""
        return all(_rank(len(column), coverage) <= len(column) for column in self.scores)

    def intervals(
        self, distribution: Any, coverage: float = 0.9
    ) -> tuple[Float[np.ndarray, "rows targets"], Float[np.ndarray, "rows targets"]]:
        """Return lower and upper ends that hold the truth of each target at the rate ``coverage``.

        Raises:
            ArgumentError: more coverage than so few held-out rows can promise.
        """
        center, unit = _center(distribution, self.score, self.base)
        reach = np.array([_threshold(column, coverage) for column in self.scores]) * unit
        low, high = center[0] - reach, center[1] + reach
        # An interval narrowed to nothing keeps its middle.
        middle = (low + high) / 2
        return np.minimum(low, middle), np.maximum(high, middle)

    def sets(
        self, probabilities: Float[np.ndarray, "rows classes"], coverage: float = 0.9
    ) -> Bool[np.ndarray, "rows classes"]:
        """Return the classes in each row's set, which holds the truth at the rate ``coverage``; none is empty.

        Raises:
            ArgumentError: more coverage than so few held-out rows can promise.
        """
        p = np.asarray(probabilities, np.float64)
        inside = _set_scores(p, self.score) <= _threshold(self.scores[0], coverage)
        inside[np.arange(len(p)), p.argmax(axis=1)] = True
        return inside

    def to_dict(self) -> dict[str, Any]:
        """Return name and scores as JSON values."""
        return {"name": self.name} | dataclasses.asdict(self)


def _rank(rows: int, coverage: float) -> int:
    # 1e-9: (n + 1) · coverage that is whole but for rounding stays so.
    return math.ceil((rows + 1) * coverage - 1e-9)


def _threshold(scores: tuple[float, ...], coverage: float) -> float:
    rows = len(scores)
    wanted = number("coverage", coverage, above=0, below=1)
    rank = _rank(rows, wanted)
    if rank > rows:
        raise ArgumentError(
            "coverage",
            f"at most {rows / (rows + 1):.4g} with {rows} held-out rows",
            f"{wanted:g}",
            "Calibrate on more rows, or ask for less.",
        )
    threshold: float = scores[max(rank, 1) - 1]
    return threshold


def _center(distribution: Any, score: str, base: float) -> tuple[tuple[NDArray[Any], NDArray[Any]], NDArray[Any]]:
    """Return the ends of the interval that a score widens, and the unit it widens by."""
    from thalweg.probability import mean, quantile, std

    if score == "quantile":
        low, high = (np.asarray(quantile(distribution, (1 + side * base) / 2), np.float64) for side in (-1, 1))
        return (low, high), np.ones(low.shape[-1])
    center = np.asarray(mean(distribution), np.float64)
    unit = np.asarray(std(distribution), np.float64) if score == "normalized" else np.ones(center.shape[-1])
    return (center, center), unit


def _set_scores(p: NDArray[np.float64], score: str) -> NDArray[np.float64]:
    if score == "lac":
        return 1 - p
    order = np.argsort(-p, axis=1, kind="stable")
    sums = np.cumsum(np.take_along_axis(p, order, axis=1), axis=1)
    result = np.empty_like(p)
    np.put_along_axis(result, order, sums, axis=1)
    return result
