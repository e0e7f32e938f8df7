"""Robust regression: the noise whose cost is Huber's, Gaussian near the middle and Laplace far out."""

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


@dataclasses.dataclass(frozen=True)
class Huber(Regression):
    r"""Targets with noise of density e^{-ρ(z)} / (s Z), z = (y - f) / s: squared error near by, absolute far out.

    ρ(z) = ½ z² for |z| ≤ δ and δ |z| - ½ δ² beyond, Z = √(2π) (2Φ(δ) - 1) + 2/δ e^{-δ²/2}, so that

    -ln q(y|x; θ) = Σ_k ρ(z_k) + ln s + ln Z, with error vector δ_L = -clip(z, -δ, δ) / s.

    Args:
        delta: δ, where the tails begin, in units of the scale; 1.345 loses 5 % of precision if the noise is Gaussian.
        scale: s, in units of the targets; fit it after training with :meth:`with_noise`.

    Raises:
        ArgumentError: ``delta`` or ``scale`` is not above 0.

    Example:
        >>> cost = Huber(delta=1.0).cost(jnp.array([[0.0]]), jnp.array([[3.0]]))
        >>> round(float(cost[0]), 4)  # 3 - ½ + ln 2.9244
        3.5731

    Source: Huber, *Robust Estimation of a Location Parameter* (1964).
    """

    name: ClassVar[str] = "huber"
    delta: float = 1.345
    scale: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "delta", number("delta", self.delta, above=0))
        object.__setattr__(self, "scale", number("scale", self.scale, above=0))

    def cost(self, outputs: Float[Array, "batch outputs"], y: Float[Array, "batch outputs"]) -> Float[Array, " batch"]:
        z = (y - outputs) * (1 / self.scale)
        near = jnp.clip(z, -self.delta, self.delta)
        constant = outputs.shape[-1] * (math.log(self.scale) + math.log(_normalizer(self.delta)))
        return jnp.sum(near * (z - 0.5 * near), axis=-1) + constant

    def error(
        self, outputs: Float[Array, "batch outputs"], y: Float[Array, "batch outputs"]
    ) -> Float[Array, "batch outputs"]:
        return jnp.clip((outputs - y) * (1 / self.scale), -self.delta, self.delta) * (1 / self.scale)

    def predictive(self, outputs: Float[Array, "batch outputs"]) -> Any:
        from thalweg.likelihoods.huber_density import HuberDensity

        return HuberDensity(outputs, self.scale, self.delta).to_event(1)

    def std(self, outputs: Float[Array, "batch outputs"]) -> Float[Array, "batch outputs"]:
        d = self.delta
        middle = math.sqrt(2 * math.pi) * math.erf(d / math.sqrt(2)) - 2 * d * math.exp(-0.5 * d * d)
        tails = 2 * math.exp(-0.5 * d * d) * (d + 2 / d + 2 / d**3)
        deviation = self.scale * math.sqrt((middle + tails) / _normalizer(d))
        deviations: Array = array_library(outputs).full_like(outputs, deviation)
        return deviations

    def with_noise(self, outputs: np.ndarray, y: np.ndarray) -> Self:
        """Return the likelihood with the scale of greatest likelihood; δ stays."""
        from scipy.optimize import minimize_scalar

        residual = np.abs(np.asarray(y, np.float64) - np.asarray(outputs, np.float64))
        smallest = floor_scale(0.0, y)

        def cost(log_scale: float) -> float:
            z = residual * math.exp(-log_scale)
            near = np.minimum(z, self.delta)
            return float(np.mean(near * (z - 0.5 * near))) + log_scale

        # Convex in 1/s: one minimum, where the mean of ρ'(z) z is 1. As ρ'(z) z ≤ z², it is below the Gaussian scale.
        gaussian = max(float(np.sqrt(np.mean(residual**2))), smallest)
        bounds = math.log(smallest), math.log(gaussian) + 1e-6
        best = minimize_scalar(cost, bounds=bounds, method="bounded", options={"xatol": 1e-8})
        return dataclasses.replace(self, scale=math.exp(best.x))

    def output_bias(self, y: np.ndarray, outputs: int | None = None) -> np.ndarray:
        """Return the constant of greatest likelihood, by weighted means from the median on."""
        del outputs
        limit = self.delta * self.scale
        return weighted_location(y, lambda residual: limit / np.maximum(np.abs(residual), limit))


def _normalizer(delta: float) -> float:
    """Return Z = ∫ e^{-ρ(z)} dz."""
    return math.sqrt(2 * math.pi) * math.erf(delta / math.sqrt(2)) + 2 / delta * math.exp(-0.5 * delta**2)
