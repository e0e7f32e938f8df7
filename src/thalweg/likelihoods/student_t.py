"""Robust regression: Student t noise."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, ClassVar, Self

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from thalweg.core.validate import number
from thalweg.likelihoods.likelihood import array_library
from thalweg.likelihoods.regression import Regression, floor_scale, weighted_location

FITTED_DF = (2.1, 200.0)
"""Bounds of fitted degrees of freedom: above 2 the predictive deviation exists, and at 200 the noise is Gaussian."""


@dataclasses.dataclass(frozen=True)
class StudentT(Regression):
    r"""Targets with independent Student t noise around the network's output: far values hardly count.

    With z = (y - f) / s, -ln q(y|x; θ) = Σ_k (ν+1)/2 ln(1 + z_k²/ν) + ln s + ½ ln νπ - ln Γ((ν+1)/2) / Γ(ν/2), with
    error vector δ_L = -(ν + 1) z / (ν + z²) / s, which falls off again for far values.

    Args:
        df: degrees of freedom ν; 1 is Cauchy's noise, and many are nearly Gaussian.
        scale: s, in units of the targets. Fit both after training with :meth:`with_noise`.

    Raises:
        ArgumentError: ``df`` or ``scale`` is not above 0.

    Example:
        >>> cost = StudentT(df=1.0).cost(jnp.array([[1.0]]), jnp.array([[2.0]]))
        >>> round(float(cost[0]), 4)  # ln 2π
        1.8379

    Source: Lange, Little, Taylor, *Robust Statistical Modeling Using the t Distribution* (1989).
    """

    name: ClassVar[str] = "student_t"
    df: float = 4.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "df", number("df", self.df, above=0))
        object.__setattr__(self, "scale", number("scale", self.scale, above=0))

    def cost(self, outputs: Float[Array, "batch outputs"], y: Float[Array, "batch outputs"]) -> Float[Array, " batch"]:
        z = (y - outputs) * (1 / self.scale)
        constant = outputs.shape[-1] * _constant(self.df, self.scale)
        return 0.5 * (self.df + 1) * jnp.sum(jnp.log1p(z * z * (1 / self.df)), axis=-1) + constant

    def error(
        self, outputs: Float[Array, "batch outputs"], y: Float[Array, "batch outputs"]
    ) -> Float[Array, "batch outputs"]:
        z = (y - outputs) * (1 / self.scale)
        return -(self.df + 1) * z / (self.df + z * z) * (1 / self.scale)

    def predictive(self, outputs: Float[Array, "batch outputs"]) -> Any:
        from numpyro.distributions import StudentT as Density

        return Density(self.df, outputs, self.scale).to_event(1)

    def std(self, outputs: Float[Array, "batch outputs"]) -> Float[Array, "batch outputs"]:
        deviation = self.scale * math.sqrt(self.df / (self.df - 2)) if self.df > 2 else math.inf
        deviations: Array = array_library(outputs).full_like(outputs, deviation)
        return deviations

    def with_noise(self, outputs: np.ndarray, y: np.ndarray) -> Self:
        """Return the likelihood with the scale and the degrees of freedom, 2.1 to 200, of greatest likelihood."""
        from scipy.optimize import minimize

        squares = np.square(np.asarray(y, np.float64) - np.asarray(outputs, np.float64))
        smallest = floor_scale(0.0, y)
        start = max(1.48 * math.sqrt(float(np.median(squares))), smallest)

        def cost(logarithms: np.ndarray) -> float:
            df, scale = np.exp(logarithms)
            return float(0.5 * (df + 1) * np.mean(np.log1p(squares / (df * scale**2)))) + _constant(df, scale)

        best = minimize(
            cost,
            np.log([4.0, start]),
            method="Nelder-Mead",
            bounds=[tuple(np.log(FITTED_DF)), (math.log(smallest), math.log(start) + 14)],
            options={"xatol": 1e-5, "fatol": 1e-10},
        )
        df, scale = np.exp(best.x)
        return dataclasses.replace(self, df=float(df), scale=float(scale))

    def output_bias(self, y: np.ndarray, outputs: int | None = None) -> np.ndarray:
        """Return the constant of greatest likelihood, by weighted means from the median on."""
        del outputs
        return weighted_location(y, lambda residual: 1 / (self.df * self.scale**2 + residual**2))


def _constant(df: float, scale: float) -> float:
    ratio = math.lgamma(0.5 * (df + 1)) - math.lgamma(0.5 * df)
    return math.log(scale) + 0.5 * math.log(df * math.pi) - ratio
