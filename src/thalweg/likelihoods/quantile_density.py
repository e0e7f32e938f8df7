"""The distribution that joins quantiles, as a NumPyro distribution; imported where a predictive one is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from numpyro.distributions import Distribution, constraints

from thalweg.likelihoods.quantile_moments import interpolated_mean, interpolated_variance, tail_scales

SMALLEST_GAP = 1e-12


class QuantileDensity(Distribution):  # type: ignore[misc]
    """Uniform between neighboring quantiles, exponential below the first and above the last, with no jump there.

    Args:
        quantiles: increasing along the last axis, shape (..., Q).
        levels: their Q ≥ 2 levels.

    Example:
        >>> density = QuantileDensity(jnp.array([0.0, 1.0, 3.0]), (0.25, 0.5, 0.75))
        >>> [float(density.cdf(x)) for x in (0.0, 0.5, 3.0)]
        [0.25, 0.375, 0.75]

    Source: the piecewise linear quantile function of Gasthaus et al., *Probabilistic Forecasting with Spline Quantile
    Function RNNs* (2019), with tails.
    """

    arg_constraints: ClassVar[dict[str, Any]] = {"quantiles": constraints.real_vector}
    support = constraints.real
    pytree_data_fields = ("quantiles",)
    pytree_aux_fields = ("levels",)

    def __init__(self, quantiles: Any, levels: Sequence[float], *, validate_args: bool | None = None):
        self.quantiles, self.levels = jnp.asarray(quantiles), tuple(levels)
        super().__init__(batch_shape=self.quantiles.shape[:-1], validate_args=validate_args)

    @property
    def _gaps(self) -> Any:
        return jnp.maximum(jnp.diff(self.quantiles), SMALLEST_GAP)

    @property
    def _tails(self) -> tuple[Any, Any]:
        lower, upper = tail_scales(self.quantiles, self.levels)
        return jnp.maximum(lower, SMALLEST_GAP), jnp.maximum(upper, SMALLEST_GAP)

    def _outside(self, value: Any) -> tuple[Any, Any]:
        """Return how far below the first and above the last quantile a value is, in tail scales."""
        lower, upper = self._tails
        below, above = self.quantiles[..., 0] - value, value - self.quantiles[..., -1]
        return jnp.maximum(below, 0) / lower, jnp.maximum(above, 0) / upper

    def sample(self, key: Any, sample_shape: tuple[int, ...] = ()) -> Any:
        dtype = self.quantiles.dtype
        return self.icdf(jax.random.uniform(key, sample_shape + self.batch_shape, dtype, minval=1e-30))

    def log_prob(self, value: Any) -> Any:
        heights = jnp.log(np.diff(self.levels) / self._gaps)
        inside = jnp.sum(value[..., None] > self.quantiles[..., 1:-1], axis=-1)
        height = jnp.sum(jnp.where(inside[..., None] == jnp.arange(heights.shape[-1]), heights, 0), axis=-1)
        below, above = self._outside(value)
        return height - below - above

    def cdf(self, value: Any) -> Any:
        value = jnp.asarray(value)
        share = jnp.clip((value[..., None] - self.quantiles[..., :-1]) / self._gaps, 0, 1)
        middle = self.levels[0] + jnp.sum(np.diff(self.levels) * share, axis=-1)
        below, above = self._outside(value)
        upper = jnp.where(above > 0, 1 - (1 - self.levels[-1]) * jnp.exp(-above), middle)
        return jnp.where(below > 0, self.levels[0] * jnp.exp(-below), upper)

    def icdf(self, q: Any) -> Any:
        q = jnp.asarray(q)
        share = jnp.clip((q[..., None] - np.asarray(self.levels[:-1])) / np.diff(self.levels), 0, 1)
        middle = self.quantiles[..., 0] + jnp.sum(self._gaps * share, axis=-1)
        lower, upper = self._tails
        below = lower * jnp.log(jnp.minimum(q / self.levels[0], 1))
        above = upper * jnp.log(jnp.minimum((1 - q) / (1 - self.levels[-1]), 1))
        return middle + below - above

    @property
    def mean(self) -> Any:
        return interpolated_mean(self.quantiles, self.levels)

    @property
    def variance(self) -> Any:
        return interpolated_variance(self.quantiles, self.levels)
