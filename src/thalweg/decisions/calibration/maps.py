"""Recalibration: a map fitted on held-out rows that makes probabilities, or deviations, agree with what happens."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, Self

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

from thalweg.core.errors import ArgumentError
from thalweg.core.validate import number

TINY = 1e-37
"""Probabilities below are taken for this, so that their logarithm is finite in float32 as well."""


@dataclasses.dataclass(frozen=True)
class Temperature:
    r"""Probabilities softened or sharpened by one number: p_c ↦ p_c^{1/T} / Σ_k p_k^{1/T}, logits divided by T.

    The order of the classes stays, and with it every most probable class.

    Args:
        temperature: T > 0; above 1 for a network that is too sure of itself.

    Raises:
        ArgumentError: not a number above 0.

    Example:
        >>> Temperature(2.0)(np.array([[0.8, 0.2]])).round(4).tolist()  # odds 4 ↦ √4
        [[0.6667, 0.3333]]

    Source: Guo, Pleiss, Sun, Weinberger, *On Calibration of Modern Neural Networks*, ICML (2017).
    """

    name: ClassVar[str] = "temperature"
    temperature: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "temperature", number("temperature", self.temperature, above=0))

    @classmethod
    def fit(cls, probabilities: Float[np.ndarray, "rows *labels classes"], y: Int[np.ndarray, rows * labels]) -> Self:
        """Return the temperature of least negative log-likelihood, which is convex in 1/T; T within 1/100 … 100.

        Where the true class is the most probable one of every row, the likelihood grows without end as T → 0: such rows
        tell nothing of how sure to be, and T stays 1.
        """
        from scipy.optimize import minimize_scalar
        from scipy.special import logsumexp

        classes = probabilities.shape[-1]
        logs = np.log(np.maximum(probabilities.reshape(-1, classes), TINY))
        true = logs[np.arange(len(logs)), np.asarray(y).ravel()]
        if (true == logs.max(axis=1)).all():
            return cls()

        def loss(log_temperature: float) -> float:
            inverse = np.exp(-log_temperature)
            return float((logsumexp(inverse * logs, axis=1) - inverse * true).mean())

        ends = np.log(100.0)
        found = minimize_scalar(loss, bounds=(-ends, ends), method="bounded", options={"xatol": 1e-8})
        return cls(float(np.exp(found.x)))

    def __call__(self, probabilities: NDArray[Any]) -> NDArray[np.float64]:
        from scipy.special import softmax

        logs = np.log(np.maximum(np.asarray(probabilities, np.float64), TINY))
        return np.asarray(softmax(logs / self.temperature, axis=-1))

    def to_dict(self) -> dict[str, Any]:
        """Return name and settings as JSON values."""
        return {"name": self.name, "temperature": self.temperature}


@dataclasses.dataclass(frozen=True)
class Isotonic:
    r"""Each class's probability through a rising step-and-ramp function, then brought to sum 1.

    The function is the isotonic regression of [y = c] on p_c; of two classes the second alone is mapped. It is kept off
    0 and 1 by 1 / (N + 2), so that no outcome becomes impossible. Needs some thousand rows where `Temperature` does
    with a hundred.

    Args:
        curves: one for each class (or label), a pair of the probabilities and their images, both rising.

    Example:
        >>> Isotonic((((0.0, 1.0), (0.2, 0.6)),))(np.array([[0.5, 0.5]])).round(2).tolist()
        [[0.6, 0.4]]

    Source: Zadrozny and Elkan, *Transforming Classifier Scores into Accurate Multiclass Probability Estimates* (2002).
    """

    name: ClassVar[str] = "isotonic"
    curves: tuple[tuple[tuple[float, ...], tuple[float, ...]], ...]

    def __post_init__(self) -> None:
        curves = tuple((tuple(map(float, x)), tuple(map(float, y))) for x, y in self.curves)
        for x, y in curves:
            rising = len(x) == len(y) > 0 and all(np.all(np.diff(side) >= 0) for side in (x, y))
            if not (rising and np.isfinite([*x, *y]).all() and y[0] >= 0):
                raise ArgumentError("curves", "rising curves of finite probabilities", "others")
        object.__setattr__(self, "curves", curves)

    @classmethod
    def fit(cls, probabilities: Float[np.ndarray, "rows *labels classes"], y: Int[np.ndarray, rows * labels]) -> Self:
        """Fit a curve for each class, of two classes for the second, of several labels for each label."""
        from sklearn.isotonic import IsotonicRegression

        edge = 1 / (len(y) + 2)
        claimed, truth = _events(np.asarray(probabilities, np.float64), np.asarray(y))
        curves = []
        for p, event in zip(claimed.T, truth.T, strict=True):
            curve = IsotonicRegression(y_min=edge, y_max=1 - edge, out_of_bounds="clip").fit(p, event)
            curves.append((tuple(curve.X_thresholds_.tolist()), tuple(curve.y_thresholds_.tolist())))
        return cls(tuple(curves))

    def __call__(self, probabilities: NDArray[Any]) -> NDArray[np.float64]:
        p = np.asarray(probabilities, np.float64)
        events, _ = _events(p, None)
        if events.shape[1] != len(self.curves):
            raise ArgumentError("probabilities", f"{len(self.curves)} columns to map", f"{events.shape[1]}")
        mapped = np.stack([np.interp(c, *curve) for c, curve in zip(events.T, self.curves, strict=True)], axis=-1)
        if p.shape[-1] == 2:
            return np.stack([1 - mapped, mapped], axis=-1).reshape(p.shape)
        return np.asarray(mapped / mapped.sum(axis=-1, keepdims=True))

    def to_dict(self) -> dict[str, Any]:
        """Return name and curves as JSON values."""
        return {"name": self.name, "curves": self.curves}


def _events(p: NDArray[np.float64], y: NDArray[Any] | None) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the probabilities that are mapped one by one, a column each, and whether each came true."""
    if p.shape[-1] == 2:
        claimed = p[..., 1].reshape(len(p), -1)
        return claimed, np.empty(0, bool) if y is None else y.reshape(len(p), -1) == 1
    return p, np.empty(0, bool) if y is None else y[:, None] == np.arange(p.shape[1])


@dataclasses.dataclass(frozen=True)
class Scale:
    r"""Deviations of numbers widened by a factor s for each target: Y ↦ μ + s (Y - μ) with μ = E[Y|x].

    s² = mean of (y - μ)² / Var[Y|x] over held-out rows, which is the maximum-likelihood value for normal noise.

    Args:
        factors: s of each target, above 0; above 1 for a network that is too sure of itself.

    Raises:
        ArgumentError: not numbers above 0.

    Example:
        >>> Scale.fit(np.zeros((2, 1)), np.ones((2, 1)), np.array([[2.0], [-2.0]])).factors
        (2.0,)

    Source: Laves et al., *Well-Calibrated Regression Uncertainty in Medical Imaging with Deep Learning*, MIDL (2020).
    """

    name: ClassVar[str] = "scale"
    factors: tuple[float, ...]

    def __post_init__(self) -> None:
        factors = tuple(number("factors", factor, above=0) for factor in self.factors)
        object.__setattr__(self, "factors", factors)

    @classmethod
    def fit(
        cls,
        mean: Float[np.ndarray, "rows targets"],
        sd: Float[np.ndarray, "rows targets"],
        y: Float[np.ndarray, "rows targets"],
    ) -> Self:
        """Fit the factors to held-out rows: predicted means and deviations, and what came true."""
        squares = np.square((np.asarray(y, np.float64) - mean) / sd).mean(axis=0)
        return cls(tuple(np.sqrt(np.maximum(squares, np.finfo(np.float64).tiny)).tolist()))

    def __call__(self, distribution: Any) -> Any:
        """Return the distribution with its deviations widened."""
        from thalweg.probability import affine, mean

        center, factors = np.asarray(mean(distribution)), np.asarray(self.factors)
        return affine(distribution, center * (1 - factors), factors)

    def to_dict(self) -> dict[str, Any]:
        """Return name and factors as JSON values."""
        return {"name": self.name, "factors": self.factors}


CALIBRATIONS: dict[str, Any] = {way.name: way for way in (Temperature, Isotonic, Scale)}
"""Ways to recalibrate by name; conformal prediction, which gives sets in place of probabilities, stands beside them."""
