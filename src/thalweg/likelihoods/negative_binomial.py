"""Counts that scatter more than Poisson's: negative binomial with a log link."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, ClassVar, Self

import jax.numpy as jnp
import numpy as np
from jax.scipy.special import gammaln
from jaxtyping import Array, Float, Shaped

from thalweg.core.validate import number
from thalweg.likelihoods.counts import Counts
from thalweg.likelihoods.likelihood import array_library
from thalweg.likelihoods.links import log_mean, sigmoid, softplus

SMALLEST_DISPERSION, LARGEST_DISPERSION = 1e-6, 1e6


@dataclasses.dataclass(frozen=True)
class NegativeBinomial(Counts):
    r"""Counts with mean m = e^a and variance m + α m²: Poisson counts whose rate is itself gamma distributed.

    With r = 1/α, -ln q(y|x; θ) = Σ_k ln y_k! - ln Γ(y_k + r)/Γ(r) - r ln r/(r + m_k) - y_k ln m_k/(r + m_k), with error
    vector δ_L = (m - y) r / (r + m). Beyond a = 30 the link goes on in a straight line.

    Args:
        dispersion: α, from 1e-6 (nearly Poisson) to 1e6; fit it after training with :meth:`with_noise`.

    Raises:
        ArgumentError: ``dispersion`` is out of bounds.

    Example:
        >>> cost = NegativeBinomial().cost(jnp.zeros((1, 1)), jnp.array([[2.0]]))
        >>> round(float(cost[0]), 4)  # geometric: 3 ln 2
        2.0794

    Source: Hilbe, *Negative Binomial Regression* (2011), chapter 8 (NB2).
    """

    name: ClassVar[str] = "negative_binomial"
    dispersion: float = 1.0

    def __post_init__(self) -> None:
        dispersion = number("dispersion", self.dispersion, at_least=SMALLEST_DISPERSION, at_most=LARGEST_DISPERSION)
        object.__setattr__(self, "dispersion", dispersion)

    def cost(self, outputs: Float[Array, "batch outputs"], y: Shaped[Array, "batch outputs"]) -> Float[Array, " batch"]:
        r, count = 1 / self.dispersion, y.astype(outputs.dtype)
        odds = log_mean(outputs)[0] - math.log(r)  # ln m/r
        ways = gammaln(count + 1) - _log_rising(count, r)
        return jnp.sum(ways + r * softplus(odds) + count * softplus(-odds), axis=-1)

    def error(
        self, outputs: Float[Array, "batch outputs"], y: Shaped[Array, "batch outputs"]
    ) -> Float[Array, "batch outputs"]:
        r, count = 1 / self.dispersion, y.astype(outputs.dtype)
        logarithm, slope = log_mean(outputs)
        odds = logarithm - math.log(r)
        return (r * sigmoid(odds) - count * sigmoid(-odds)) * slope

    def predictive(self, outputs: Float[Array, "batch outputs"]) -> Any:
        from numpyro.distributions import NegativeBinomial2

        return NegativeBinomial2(jnp.exp(log_mean(outputs)[0]), 1 / self.dispersion).to_event(1)

    def std(self, outputs: Float[Array, "batch outputs"]) -> Float[Array, "batch outputs"]:
        mean = self.mean(outputs)
        deviations: Array = array_library(outputs).sqrt(mean) * array_library(outputs).sqrt(1 + self.dispersion * mean)
        return deviations

    def with_noise(self, outputs: np.ndarray, y: np.ndarray) -> Self:
        """Return the likelihood with the α of greatest likelihood, the means held fixed."""
        from scipy.optimize import minimize_scalar
        from scipy.special import gammaln as log_gamma

        raw: Any = np.asarray(outputs, np.float64)
        logarithm: Any = np.log(self.mean(raw))
        count = np.asarray(y, np.float64)

        def cost(log_r: float) -> float:
            r = math.exp(log_r)
            ways = log_gamma(r) - log_gamma(count + r)
            return float(np.mean(ways + r * softplus(logarithm - log_r) + count * softplus(log_r - logarithm)))

        bounds = (-math.log(LARGEST_DISPERSION), -math.log(SMALLEST_DISPERSION))
        best = minimize_scalar(cost, bounds=bounds, method="bounded", options={"xatol": 1e-8})
        dispersion = min(max(math.exp(-best.x), SMALLEST_DISPERSION), LARGEST_DISPERSION)
        return dataclasses.replace(self, dispersion=dispersion)


def _log_rising(y: Float[Array, "*shape"], r: float) -> Float[Array, "*shape"]:
    """Return ln Γ(y + r) / Γ(r); for large r by Stirling's series, whose leading terms cancel in closed form."""
    if r < 8:
        difference: Array = gammaln(y + r) - math.lgamma(r)
        return difference

    def rest(x: Any) -> Any:
        return (1 / 12 - (1 / 360 - 1 / 1260 / x**2) / x**2) / x

    series: Array = (r - 0.5 + y) * jnp.log1p(y / r) + y * (math.log(r) - 1) + rest(y + r) - rest(r)
    return series
