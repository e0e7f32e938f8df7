"""Colored Gaussian noise whose covariance depends on the input: the network gives mean and Cholesky factor."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from thalweg.core.errors import ArgumentError
from thalweg.likelihoods.likelihood import array_library
from thalweg.likelihoods.links import inverse_log_scale, log_scale
from thalweg.likelihoods.regression import Regression, residual_covariance


@dataclasses.dataclass(frozen=True)
class MultivariateGaussian(Regression):
    r"""Targets with Gaussian noise of a full covariance C(x) that the network predicts as well, y ~ N(f(x), C(x)).

    Of the K + K(K+1)/2 outputs the first K are the means f; the others are the lower triangular factor M of C's
    inverse, C⁻¹ = MᵀM: K for its diagonal, ln M_ii = 14 tanh(a_i / 14), and K(K-1)/2 for what is below it, row by
    row. With z = M (y - f)

    -ln q(y|x; θ) = ½ ‖z‖² - Σ_i ln M_ii + K/2 ln 2π, with error vectors -Mᵀz for f, z_i (y_j - f_j) for M_ij, and
    (z_i (y_i - f_i) M_ii - 1) ∂ln M_ii/∂a_i for a_i.

    A factor of the inverse needs no system to be solved in training, and nothing in it can overflow.

    Example:
        >>> cost = MultivariateGaussian().cost(jnp.array([[0.0, 0.0, 0.0, 0.0, 1.0]]), jnp.array([[1.0, 1.0]]))
        >>> round(float(cost[0]), 4)  # ½ (1² + 2²) + ln 2π
        4.3379

    Source: Williams, *Using Neural Networks to Model Conditional Multivariate Densities* (1996).
    """

    name: ClassVar[str] = "multivariate_gaussian"

    def cost_and_error(
        self, outputs: Float[Array, "batch outputs"], y: Float[Array, "batch targets"]
    ) -> tuple[Float[Array, " batch"], Float[Array, "batch outputs"]]:
        size = y.shape[-1]
        logarithm, slope = log_scale(outputs[..., size : 2 * size])
        whitening = _whitening(outputs)
        residual = y - outputs[..., :size]
        z = jnp.sum(whitening * residual[..., None, :], axis=-1)
        cost = jnp.sum(0.5 * z * z - logarithm + 0.5 * math.log(2 * math.pi), axis=-1)
        mean = -jnp.sum(whitening * z[..., :, None], axis=-2)
        diagonal = (z * residual * jnp.exp(logarithm) - 1) * slope
        rows, columns = np.tril_indices(size, -1)
        return cost, jnp.concatenate([mean, diagonal, z[..., rows] * residual[..., columns]], axis=-1)

    def predictive(self, outputs: Float[Array, "batch outputs"]) -> Any:
        from numpyro.distributions import MultivariateNormal

        return MultivariateNormal(self.mean(outputs), scale_tril=jnp.tril(_factor(outputs)))

    def mean(self, outputs: Float[Array, "batch outputs"]) -> Float[Array, "batch targets"]:
        return outputs[..., : self.target_width(outputs.shape[-1])]

    def std(self, outputs: Float[Array, "batch outputs"]) -> Float[Array, "batch targets"]:
        xp = array_library(outputs)
        deviations: Array = xp.sqrt(xp.sum(xp.square(_factor(outputs)), axis=-1))
        return deviations

    def target_width(self, outputs: int) -> int:
        return _targets(outputs)

    def output_width(self, y: np.ndarray, classes: int | None = None) -> int:
        return _outputs(super().output_width(y, classes))

    def check(self, outputs: int, y: np.ndarray) -> None:
        if _outputs(_targets(outputs)) != outputs:
            raise ArgumentError(
                "likelihood",
                f"K + K(K+1)/2 outputs for K targets of {self.name!r}: 2, 5, 9, 14 …",
                f"a network with {outputs} output(s)",
            )
        super().check(outputs, y)

    def output_bias(self, y: np.ndarray, outputs: int | None = None) -> np.ndarray:
        """Return what stands for the mean and the covariance of the targets."""
        del outputs
        mean = np.asarray(y, np.float64).mean(axis=0)
        factor = np.linalg.cholesky(residual_covariance(np.broadcast_to(mean, y.shape), y))
        whitening: np.ndarray = np.linalg.solve(factor, np.eye(len(factor)))
        diagonal = inverse_log_scale(np.diag(whitening))
        return np.concatenate([mean, diagonal, whitening[np.tril_indices(len(factor), -1)]]).astype(np.float32)


def _outputs(targets: int) -> int:
    return targets + targets * (targets + 1) // 2


def _targets(outputs: int) -> int:
    """Return the largest K whose K + K(K+1)/2 outputs there are."""
    return (math.isqrt(9 + 8 * outputs) - 3) // 2


def _whitening(outputs: Float[Array, "batch outputs"]) -> Float[Array, "batch targets targets"]:
    """Return the lower triangular M, NumPy for NumPy."""
    xp, size = array_library(outputs), _targets(outputs.shape[-1])
    diagonal = xp.exp(log_scale(outputs[..., size : 2 * size])[0])
    entries = xp.concatenate([diagonal, outputs[..., 2 * size :], xp.zeros_like(outputs[..., :1])], axis=-1)
    place = np.full((size, size), entries.shape[-1] - 1)
    place[np.diag_indices(size)] = np.arange(size)
    below = np.tril_indices(size, -1)
    place[below] = size + np.arange(len(below[0]))
    matrix: Array = entries[..., place]
    return matrix


def _factor(outputs: Float[Array, "batch outputs"]) -> Float[Array, "batch targets targets"]:
    """Return the Cholesky factor L = M⁻¹ of C, NumPy for NumPy."""
    xp, whitening = array_library(outputs), _whitening(outputs)
    unit = xp.broadcast_to(xp.eye(whitening.shape[-1], dtype=outputs.dtype), whitening.shape)
    factor: Array = xp.linalg.solve(whitening, unit)
    return factor
