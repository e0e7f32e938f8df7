"""Colored Gaussian noise: a covariance between targets that is the same for every input."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, ClassVar, Self

import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, Float

from thalweg.core.errors import ArgumentError
from thalweg.likelihoods.likelihood import array_library
from thalweg.likelihoods.regression import Regression, residual_covariance
from thalweg.probability.checks import check_covariance


@dataclasses.dataclass(frozen=True)
class ColoredGaussian(Regression):
    r"""Targets with colored Gaussian noise around the network's output, y = f(x; θ) + ε, ε ~ N(0, C).

    -ln q(y|x; θ) = ½ (y - f)ᵀ C⁻¹ (y - f) + ½ ln|C| + K/2 ln 2π, with error vector δ_L = C⁻¹ (f - y). With the
    Cholesky factor C = L Lᵀ both come from triangular systems, L z = f - y and Lᵀ δ_L = z, and ln|C| = 2 Σ ln L_ii;
    C is never inverted.

    Args:
        covariance: C, symmetric and positive definite, as K rows of K numbers in units of the targets; the unit matrix
            when absent. It moves the optimum θ only where the network cannot reach all targets at once; fit it
            after training with :meth:`with_noise`.

    Raises:
        ArgumentError: ``covariance`` is not square, not symmetric, or not positive definite (names its smallest
            eigenvalue).

    Example:
        >>> likelihood = ColoredGaussian(((2.0, 1.0), (1.0, 2.0)))
        >>> cost = likelihood.cost(jnp.zeros((1, 2)), jnp.array([[1.0, 1.0]]))
        >>> round(float(cost[0]), 4)  # ½ 2/3 + ½ ln 3 + ln 2π
        2.7205

    Source: Bishop, *Pattern Recognition and Machine Learning* (2006), section 2.3.
    """

    name: ClassVar[str] = "colored_gaussian"
    covariance: tuple[tuple[float, ...], ...] | None = None

    def __post_init__(self) -> None:
        if self.covariance is not None:
            object.__setattr__(self, "covariance", _rows(check_covariance("covariance", self.covariance)))

    def cost_and_error(
        self, outputs: Float[Array, "batch outputs"], y: Float[Array, "batch outputs"]
    ) -> tuple[Float[Array, " batch"], Float[Array, "batch outputs"]]:
        factor = self._factor(outputs.shape[-1])
        constant = 0.5 * len(factor) * math.log(2 * math.pi) + float(np.log(np.diag(factor)).sum())
        lower = jnp.asarray(factor, outputs.dtype)
        white = solve_triangular(lower, (outputs - y).T, lower=True)
        error = solve_triangular(lower, white, lower=True, trans=1).T
        return 0.5 * jnp.sum(jnp.square(white), axis=0) + constant, error

    def predictive(self, outputs: Float[Array, "batch outputs"]) -> Any:
        from numpyro.distributions import MultivariateNormal

        outputs = jnp.asarray(outputs)
        return MultivariateNormal(outputs, scale_tril=jnp.asarray(self._factor(outputs.shape[-1]), outputs.dtype))

    def std(self, outputs: Float[Array, "batch outputs"]) -> Float[Array, "batch outputs"]:
        xp, factor = array_library(outputs), self._factor(outputs.shape[-1])
        rows = xp.asarray(np.sqrt(np.square(factor).sum(axis=1)), outputs.dtype)
        deviations: Array = xp.broadcast_to(rows, outputs.shape)
        return deviations

    def check(self, outputs: int, y: np.ndarray) -> None:
        super().check(outputs, y)
        if self.covariance is not None and len(self.covariance) != outputs:
            raise ArgumentError(
                "covariance", f"{outputs} × {outputs} numbers, one row a target", f"{len(self.covariance)} rows"
            )

    def with_noise(self, outputs: np.ndarray, y: np.ndarray) -> Self:
        """Return the likelihood with C = mean of the residuals' outer products."""
        return dataclasses.replace(self, covariance=_rows(residual_covariance(outputs, y)))

    def output_bias(self, y: np.ndarray, outputs: int | None = None) -> np.ndarray:
        """Return the mean of the targets."""
        del outputs
        return np.asarray(np.mean(y, axis=0, dtype=np.float64), np.float32)

    def _factor(self, width: int) -> np.ndarray:
        """Return the lower Cholesky factor L of C."""
        return np.eye(width) if self.covariance is None else np.linalg.cholesky(np.asarray(self.covariance))


def _rows(matrix: np.ndarray) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in matrix.tolist())
