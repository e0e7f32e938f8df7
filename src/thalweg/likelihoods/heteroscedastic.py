"""Gaussian noise whose deviation depends on the input: the network gives mean and scale."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from thalweg.core.validate import number
from thalweg.likelihoods.likelihood import array_library
from thalweg.likelihoods.links import inverse_log_scale, log_scale
from thalweg.likelihoods.regression import Regression, check_multiple, floor_scales


@dataclasses.dataclass(frozen=True)
class Heteroscedastic(Regression):
    r"""Targets with Gaussian noise of a deviation that the network predicts as well, y_k ~ N(f_k(x), s_k(x)²).

    Of the 2K outputs the first K are the means f and the others a with ln s = 14 tanh(a / 14), which is a near 0 and
    keeps s between e^-14 and e^14. With z = (y - f) / s

    -ln q(y|x; θ) = Σ_k ½ z_k² + ln s_k + ½ ln 2π, with error vectors -z / s for f and (1 - z²) ∂ln s/∂a for a.

    Where a prediction is still bad the network can call it noise, and 1/s² then takes the weight from it for good. With
    ``beta`` the error vectors of target k are multiplied by s_k^{2β}, held fixed: β = 1 moves the mean as a plain
    squared error would, and β = 0.5 is a good compromise. The loss that is reported stays the likelihood's.

    Args:
        beta: β ∈ [0, 1], 0 for maximum likelihood.

    Raises:
        ArgumentError: ``beta`` is not in [0, 1].

    Example:
        >>> cost = Heteroscedastic().cost(jnp.array([[1.0, 0.0]]), jnp.array([[3.0]]))
        >>> round(float(cost[0]), 4)  # ½ 2² + ½ ln 2π
        2.9189

    Source: Nix, Weigend, *Estimating the Mean and Variance of the Target Probability Distribution* (1994); β: Seitzer
    et al., *On the Pitfalls of Heteroscedastic Uncertainty Estimation* (2022).
    """

    name: ClassVar[str] = "heteroscedastic"
    beta: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "beta", number("beta", self.beta, at_least=0, at_most=1))

    def cost_and_error(
        self, outputs: Float[Array, "batch outputs"], y: Float[Array, "batch targets"]
    ) -> tuple[Float[Array, " batch"], Float[Array, "batch outputs"]]:
        mean, raw = jnp.split(outputs, 2, axis=-1)
        logarithm, slope = log_scale(raw)
        inverse = jnp.exp(-logarithm)
        z = (y - mean) * inverse
        cost = jnp.sum(0.5 * z * z + logarithm + 0.5 * math.log(2 * math.pi), axis=-1)
        return cost, jnp.concatenate([-z * inverse, (1 - z * z) * slope], axis=-1)

    def loss_and_error(
        self, outputs: Float[Array, "batch outputs"], y: Float[Array, "batch targets"], weight: Float[Array, " batch"]
    ) -> tuple[Float[Array, ""], Float[Array, "batch outputs"]]:
        loss, error = super().loss_and_error(outputs, y, weight)
        if self.beta:
            scale = self.std(outputs)
            error = error * jnp.concatenate([scale, scale], axis=-1) ** (2 * self.beta)
        return loss, error

    def predictive(self, outputs: Float[Array, "batch outputs"]) -> Any:
        from numpyro.distributions import Normal

        return Normal(self.mean(outputs), self.std(outputs)).to_event(1)

    def mean(self, outputs: Float[Array, "batch outputs"]) -> Float[Array, "batch targets"]:
        return outputs[..., : outputs.shape[-1] // 2]

    def std(self, outputs: Float[Array, "batch outputs"]) -> Float[Array, "batch targets"]:
        deviations: Array = array_library(outputs).exp(log_scale(outputs[..., outputs.shape[-1] // 2 :])[0])
        return deviations

    def target_width(self, outputs: int) -> int:
        return outputs // 2

    def output_width(self, y: np.ndarray, classes: int | None = None) -> int:
        return 2 * super().output_width(y, classes)

    def check(self, outputs: int, y: np.ndarray) -> None:
        check_multiple(self.name, outputs, 2)
        super().check(outputs, y)

    def output_bias(self, y: np.ndarray, outputs: int | None = None) -> np.ndarray:
        """Return the mean of the targets, and what stands for their deviation."""
        del outputs
        values = np.asarray(y, np.float64)
        scale = inverse_log_scale(floor_scales(values.std(axis=0), values))
        return np.concatenate([values.mean(axis=0), scale]).astype(np.float32)
