"""White Laplace noise: absolute error."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, ClassVar, Self

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from thalweg.core.validate import number
from thalweg.likelihoods.likelihood import array_library
from thalweg.likelihoods.regression import Regression, floor_scale


@dataclasses.dataclass(frozen=True)
class Laplace(Regression):
    r"""Targets with independent Laplace noise around the network's output: far values count less than squared.

    -ln q(y|x; θ) = Σ_k |y_k - f_k| / b + K ln 2b, with error vector δ_L = sign(f - y) / b (0 where f = y).

    Args:
        scale: mean absolute deviation b of the noise, in units of the targets. It does not move the optimum θ; fit it
            after training with :meth:`with_noise`.

    Raises:
        ArgumentError: ``scale`` is not a number above 0.

    Example:
        >>> cost = Laplace().cost(jnp.array([[1.0]]), jnp.array([[3.0]]))
        >>> round(float(cost[0]), 4)  # 2 + ln 2
        2.6931

    Source: Kotz, Kozubowski, Podgórski, *The Laplace Distribution and Generalizations* (2001), section 2.6.
    """

    name: ClassVar[str] = "laplace"
    scale: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "scale", number("scale", self.scale, above=0))

    def cost(self, outputs: Float[Array, "batch outputs"], y: Float[Array, "batch outputs"]) -> Float[Array, " batch"]:
        constant = outputs.shape[-1] * math.log(2 * self.scale)
        return jnp.sum(jnp.abs(outputs - y), axis=-1) * (1 / self.scale) + constant

    def error(
        self, outputs: Float[Array, "batch outputs"], y: Float[Array, "batch outputs"]
    ) -> Float[Array, "batch outputs"]:
        return jnp.sign(outputs - y) * (1 / self.scale)

    def predictive(self, outputs: Float[Array, "batch outputs"]) -> Any:
        from numpyro.distributions import Laplace as Density

        return Density(outputs, self.scale).to_event(1)

    def std(self, outputs: Float[Array, "batch outputs"]) -> Float[Array, "batch outputs"]:
        deviations: Array = array_library(outputs).full_like(outputs, math.sqrt(2) * self.scale)
        return deviations

    def with_noise(self, outputs: np.ndarray, y: np.ndarray) -> Self:
        """Return the likelihood with b = mean of the absolute residuals."""
        residual = np.asarray(y, np.float64) - np.asarray(outputs, np.float64)
        return dataclasses.replace(self, scale=floor_scale(float(np.mean(np.abs(residual))), y))

    def output_bias(self, y: np.ndarray, outputs: int | None = None) -> np.ndarray:
        """Return the median of the targets."""
        del outputs
        return np.median(np.asarray(y, np.float64), axis=0).astype(np.float32)
