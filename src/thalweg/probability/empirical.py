"""The empirical distribution: the estimate that the Dirac kernel gives."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array
from numpyro.distributions import constraints

from thalweg.core.errors import ArgumentError
from thalweg.probability.checks import check_weights
from thalweg.probability.structures import TableView
from thalweg.probability.view import Numbers, View, view


class Empirical(dist.Distribution):  # type: ignore[misc] # NumPyro ships no types
    r"""Probability on a finite set of points, p̂(x) = Σ w_n δ(x - x(n)) with w_n = 1/N if nothing else is said.

    Its expectations are weighted sample means: E[g(X)] = Σ w_n g(x(n)). As a NumPyro distribution, ``log_prob`` is the
    logarithm of the probability of a point (0 elsewhere), which is a density by the counting measure.

    Args:
        points: x(1) … x(N): numbers (N,), or vectors (N, d). With ``event_dim``, a batch of them (\*batch, N, \*event).
        weights: numbers of at least 0, (N,) or (\*batch, N); divided by their sum.
        event_dim: axes of a single point, if ``points`` has leading batch axes.

    Raises:
        ArgumentError: no points, points that are not finite, or weights that are negative, all zero, or not as many.

    Example:
        >>> from thalweg.probability import cdf, mean
        >>> d = Empirical([1.0, 2.0, 6.0])
        >>> float(mean(d)), float(cdf(d, 2.0).round(3))
        (3.0, 0.667)

    Source: Wasserman, *All of Statistics* (2004), chapter 7.
    """

    arg_constraints: dict[str, Any] = {}  # noqa: RUF012 - NumPyro's attribute
    pytree_data_fields = ("points", "weights")

    def __init__(
        self, points: Any, weights: Any = None, *, event_dim: int | None = None, validate_args: bool | None = None
    ) -> None:
        self.points: Numbers = np.asarray(points, np.float64)
        event_dim = min(1, self.points.ndim - 1) if event_dim is None else event_dim
        axis = self.points.ndim - 1 - event_dim
        if axis < 0 or self.points.size == 0:
            raise ArgumentError("points", "at least one point: numbers (N,) or vectors (N, d)", f"{self.points.shape}")
        if not np.isfinite(self.points).all():
            raise ArgumentError("points", "finite numbers", "NaN or infinity")
        shape = self.points.shape[: axis + 1]
        self.weights: Numbers
        if weights is None:
            self.weights = np.full(shape, 1 / shape[-1])
        else:
            array = check_weights("weights", weights)
            if array.shape not in (shape, shape[-1:]):
                raise ArgumentError("weights", f"one for each point, shape {shape}", f"shape {array.shape}")
            self.weights = np.broadcast_to(array / array.sum(axis=-1, keepdims=True), shape)
        super().__init__(shape[:-1], self.points.shape[axis + 1 :], validate_args=validate_args)

    @property
    def support(self) -> Any:
        """Numbers or vectors; which of them have probability, ``log_prob`` tells."""
        return constraints.independent(constraints.real, self.event_dim)

    @property
    def is_discrete(self) -> bool:
        """True: the points are isolated."""
        return True

    def log_prob(self, value: Any, intermediates: Any = None) -> Array:
        """Return ln P(X = value), with minus infinity where there is no point."""
        del intermediates
        axis = -1 - self.event_dim
        points = jnp.asarray(self.points)
        equal = points == jnp.expand_dims(jnp.asarray(value), axis)
        equal = equal.all(axis=tuple(range(-self.event_dim, 0)))
        return jnp.log((jnp.asarray(self.weights) * equal).sum(axis=-1))

    def sample(self, key: Array, sample_shape: tuple[int, ...] = ()) -> Array:
        """Return draws with replacement: the bootstrap."""
        count = self.weights.shape[-1]
        weights = jnp.asarray(self.weights).reshape(-1, count)
        points = jnp.asarray(self.points).reshape(len(weights), count, *self.event_shape)
        shape = (*sample_shape, len(weights))
        # Inversion of the CDF: O(log N) a draw, where Gumbel noise on every point would take O(N).
        u = jax.random.uniform(key, shape, dtype=weights.dtype)
        sums = jnp.cumsum(weights, axis=-1)
        u = jnp.moveaxis(u.reshape(-1, len(weights)), 0, 1) * sums[:, -1:]
        index = jax.vmap(lambda c, v: jnp.searchsorted(c, v, side="right"))(sums, u).clip(0, count - 1)
        drawn = jnp.take_along_axis(points, index.reshape(*index.shape, *(1,) * self.event_dim), axis=1)
        return jnp.moveaxis(drawn, 1, 0).reshape(self.shape(sample_shape))


@view.register(Empirical)
def _empirical(d: Empirical) -> View:
    axis = -1 - d.event_dim
    points: Numbers = np.moveaxis(d.points, axis, -1)
    weights = d.weights.reshape(*d.batch_shape, *(1,) * d.event_dim, -1)
    return TableView(points, weights)
