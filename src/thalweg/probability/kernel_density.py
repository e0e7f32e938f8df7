"""Kernel density estimates: a bump on every point."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from numpyro.distributions import Distribution, constraints

from thalweg.core.errors import ArgumentError
from thalweg.core.registry import lookup
from thalweg.probability.bandwidth import BANDWIDTHS, choose_bandwidth
from thalweg.probability.checks import check_weights
from thalweg.probability.kernel_sums import log_kernel_sum, weighted_cdf
from thalweg.probability.kernels import KERNELS
from thalweg.probability.structures import OwnView
from thalweg.probability.view import View, view


class KernelDensity(Distribution):  # type: ignore[misc] # NumPyro ships no types
    r"""The density p̂(x) = Σ_n w_n |L|⁻¹ k(L⁻¹(x - x(n))) of points x(n) in R^d, with a radial kernel k.

    L = h·I for a bandwidth that is a number h; L Lᵀ = h² C for a rule or the cross-validated bandwidth, C being the
    covariance of the points: Scott's h = n^{-1/(d+4)}, Silverman's h = (n (d+2) / 4)^{-1/(d+4)}, with n = 1 / Σ w_n²
    for weighted points. ``"cv"`` takes the h with the largest leave-one-out likelihood. A matrix is L Lᵀ itself.

    All points enter every density: nothing is cut off or interpolated. Concrete values are computed in float64,
    whatever JAX is set to; inside a traced function the precision is JAX's.

    Args:
        points: (n,) numbers for a density on the line, or (n, d).
        bandwidth: ``"scott"``, ``"silverman"``, ``"cv"``, a number in units of the points, or a (d, d) matrix.
        kernel: a name in ``KERNELS``.
        weights: (n,), not negative; they are divided by their sum. Default: equal.

    Raises:
        ArgumentError: points that are not finite or too few, a bandwidth of 0 or below, a covariance that is not
            positive definite, weights that do not fit, an unknown kernel.

    Example:
        >>> p = KernelDensity(np.array([0.0, 1.0, 3.0]), bandwidth=0.5)
        >>> float(p.pdf(1.0).round(6)), float(p.cdf(10.0))
        (0.302045, 1.0)

    Source: Silverman, *Density Estimation for Statistics and Data Analysis* (1986), sections 3.4 and 4; Scott,
    *Multivariate Density Estimation* (1992), section 6.5.
    """

    arg_constraints: ClassVar[dict[str, Any]] = {}
    pytree_data_fields = ("points", "log_weights", "scale_tril")
    pytree_aux_fields = ("kernel",)

    def __init__(
        self,
        points: Any,
        bandwidth: str | float | Any = "scott",
        kernel: str = "gaussian",
        weights: Any = None,
        *,
        validate_args: bool | None = None,
    ) -> None:
        lookup(KERNELS, kernel, "kernel")
        if isinstance(bandwidth, str):
            lookup(BANDWIDTHS, bandwidth, "bandwidth")
        given = _points(points)
        self.kernel = kernel
        self.points = given.reshape(len(given), -1)
        shares = _shares(weights, len(given))
        with np.errstate(divide="ignore"):
            self.log_weights = np.log(shares)
        self.scale_tril = choose_bandwidth(bandwidth, self.points, shares, kernel)
        super().__init__((), given.shape[1:], validate_args=validate_args)

    @property
    def support(self) -> constraints.Constraint:
        """R or R^d, also where a kernel of bounded width leaves gaps."""
        return constraints.real_vector if self.event_shape else constraints.real

    @property
    def dimension(self) -> int:
        """The number d of coordinates of a point."""
        return int(self.points.shape[-1])

    def log_prob(self, value: Any) -> Array:
        """Return ln p̂(x) for values of shape (…,) on the line or (…, d)."""
        return self._evaluate(_log_density, value)

    def pdf(self, value: Any) -> Array:
        """Return p̂(x) for values of shape (…,) on the line or (…, d)."""
        return self._evaluate(_density, value)

    def cdf(self, value: Any) -> Array:
        """Return P(X ≤ x) on the line."""
        if self.dimension != 1:
            raise ArgumentError("cdf", "a density on the line", f"one in {self.dimension} dimensions")
        return self._evaluate(_cumulative, value)

    def _evaluate(self, function: Any, value: Any) -> Array:
        if self.event_shape and np.shape(value)[-1:] != self.event_shape:
            raise ArgumentError(
                "value", f"points with {self.dimension} coordinates each", f"an array of shape {np.shape(value)}"
            )
        # Tracers are computed with as they come; numbers in float64.
        if any(isinstance(a, jax.core.Tracer) for a in (value, self.points, self.log_weights, self.scale_tril)):
            traced: Array = function(self, jnp.asarray(value))
            return traced
        with jax.enable_x64(True):
            exact: Array = function(self, jnp.asarray(value, jnp.float64))
        return exact

    def sample(self, key: Array, sample_shape: tuple[int, ...] = ()) -> Array:
        """Return draws x(n) + L u, with n drawn by weight and u from the kernel."""
        which, length, direction = jax.random.split(key, 3)
        d = self.dimension
        shares = jnp.cumsum(jnp.exp(self.log_weights))
        n = jnp.searchsorted(shares, shares[-1] * jax.random.uniform(which, sample_shape), side="right")
        u = jax.random.normal(direction, (*sample_shape, d))
        u = u / jnp.linalg.norm(u, axis=-1, keepdims=True)
        u = u * KERNELS[self.kernel].radius(length, sample_shape, d)[..., None]
        x = jnp.asarray(self.points)[jnp.minimum(n, len(self.points) - 1)] + u @ jnp.asarray(self.scale_tril).T
        draws: Array = x.reshape(*sample_shape, *self.event_shape)
        return draws

    @property
    def mean(self) -> Any:
        """Σ_n w_n x(n)."""
        return (np.exp(self.log_weights) @ self.points).reshape(self.event_shape)

    @property
    def covariance_matrix(self) -> Any:
        """The covariance of the points (divided by n) plus that of the kernel."""
        centered = self.points - np.exp(self.log_weights) @ self.points
        spread = (np.exp(self.log_weights)[:, None] * centered).T @ centered
        return spread + KERNELS[self.kernel].variance(self.dimension) * self.scale_tril @ self.scale_tril.T

    @property
    def variance(self) -> Any:
        """The diagonal of the covariance."""
        return np.diagonal(self.covariance_matrix).reshape(self.event_shape)


def _whitened(p: KernelDensity, value: Array) -> tuple[Array, Array]:
    """Return L⁻¹ (x - c) of values and points; the common origin c keeps far-off data accurate."""
    center = jnp.mean(p.points, axis=0)
    solve = partial(jax.scipy.linalg.solve_triangular, p.scale_tril, lower=True)
    x = solve((value.reshape(-1, p.dimension) - center).T).T
    return x, solve((p.points - center).T).T


@jax.jit
def _log_density(p: KernelDensity, value: Array) -> Array:
    x, points = _whitened(p, value)
    constant = KERNELS[p.kernel].log_volume(p.dimension) + jnp.sum(jnp.log(jnp.diagonal(p.scale_tril)))
    logs = log_kernel_sum(KERNELS[p.kernel], x, points, p.log_weights) - constant
    return logs.reshape(value.shape[: value.ndim - len(p.event_shape)])


def _density(p: KernelDensity, value: Array) -> Array:
    return jnp.exp(_log_density(p, value))


@jax.jit
def _cumulative(p: KernelDensity, value: Array) -> Array:
    x, points = _whitened(p, value)
    total = weighted_cdf(KERNELS[p.kernel], x[:, 0], points[:, 0], p.log_weights)
    return total.reshape(value.shape[: value.ndim - len(p.event_shape)])


def _points(points: Any) -> np.ndarray:
    try:
        given = np.asarray(points, np.float64)
    except (TypeError, ValueError):
        raise ArgumentError("points", "an array of numbers", type(points).__name__) from None
    if given.ndim not in {1, 2} or 0 in given.shape:
        raise ArgumentError("points", "an array of shape (n,) or (n, d)", f"shape {given.shape}")
    if not np.isfinite(given).all():
        bad = int(np.argmin(np.isfinite(given).reshape(len(given), -1).all(axis=1)))
        raise ArgumentError("points", "finite numbers", f"{given[bad]} at point {bad}", "Leave out missing values.")
    return given


def _shares(weights: Any, n: int) -> np.ndarray:
    if weights is None:
        return np.full(n, 1 / n)
    shares = check_weights("weights", weights)
    if shares.shape != (n,):
        raise ArgumentError("weights", f"{n} numbers, one a point", f"an array of shape {shares.shape}")
    return np.asarray(shares / shares.sum())


@view.register(KernelDensity)
def _line(d: KernelDensity) -> View:
    """Return the view of a density on the line, with its bounds if the kernel has any."""
    result = OwnView(d)
    if np.isneginf(float(KERNELS[d.kernel].log_profile(jnp.asarray(1.5)))):
        reach = d.scale_tril[0, 0]
        result.lower, result.upper = d.points.min() - reach, d.points.max() + reach
    return result
