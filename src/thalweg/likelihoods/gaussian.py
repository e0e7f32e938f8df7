"""White Gaussian noise: squared error."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, ClassVar, Self

import numpy as np
from jaxtyping import Array, Float

from thalweg.core.validate import number
from thalweg.likelihoods.likelihood import array_library
from thalweg.likelihoods.regression import Regression, floor_scale


@dataclasses.dataclass(frozen=True)
class Gaussian(Regression):
    r"""Targets with white Gaussian noise around the network's output, y = f(x; θ) + ε, ε ~ N(0, σ² I).

    -ln q(y|x; θ) = ½ ‖y - f‖² / σ² + K/2 ln 2πσ², with error vector δ_L = (f - y) / σ².

    Args:
        scale: standard deviation σ of the noise, in units of the targets. It does not move the optimum θ; fit it after
            training with :meth:`with_noise`.

    Raises:
        ArgumentError: ``scale`` is not a number above 0.

    Example:
        >>> cost = Gaussian().cost(np.array([[1.0]]), np.array([[3.0]]))
        >>> round(float(cost[0]), 4)  # ½ 2² + ½ ln 2π
        2.9189

    Source: Bishop, *Pattern Recognition and Machine Learning* (2006), section 5.2.
    """

    name: ClassVar[str] = "gaussian"
    scale: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "scale", number("scale", self.scale, above=0))

    def cost(self, outputs: Float[Array, "batch outputs"], y: Float[Array, "batch outputs"]) -> Float[Array, " batch"]:
        xp, residual = array_library(outputs), (outputs - y) * (1 / self.scale)
        constant = outputs.shape[-1] * (0.5 * math.log(2 * math.pi) + math.log(self.scale))
        cost: Array = 0.5 * xp.sum(xp.square(residual), axis=-1) + constant
        return cost

    def error(
        self, outputs: Float[Array, "batch outputs"], y: Float[Array, "batch outputs"]
    ) -> Float[Array, "batch outputs"]:
        return (outputs - y) * (1 / self.scale**2)

    def predictive(self, outputs: Float[Array, "batch outputs"]) -> Any:
        from numpyro.distributions import Normal

        return Normal(outputs, self.scale).to_event(1)

    def std(self, outputs: Float[Array, "batch outputs"]) -> Float[Array, "batch outputs"]:
        deviations: Array = array_library(outputs).full_like(outputs, self.scale)
        return deviations

    def with_noise(self, outputs: np.ndarray, y: np.ndarray) -> Self:
        """Return the likelihood with σ² = mean of the squared residuals."""
        residual = np.asarray(y, np.float64) - np.asarray(outputs, np.float64)
        return dataclasses.replace(self, scale=floor_scale(float(np.sqrt(np.mean(residual**2))), y))

    def output_bias(self, y: np.ndarray, outputs: int | None = None) -> np.ndarray:
        """Return the mean of the targets."""
        del outputs
        return np.asarray(np.mean(y, axis=0, dtype=np.float64), np.float32)
