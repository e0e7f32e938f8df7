"""Huber's density as a NumPyro distribution; imported where a predictive distribution is asked for."""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jax.scipy.special import erf, ndtr, ndtri
from numpyro.distributions import Distribution, constraints
from numpyro.distributions.util import promote_shapes


class HuberDensity(Distribution):  # type: ignore[misc]
    r"""The density e^{-ρ(z)} / (s Z), z = (y - f) / s: a Gaussian middle |z| ≤ δ between exponential tails.

    Args:
        loc: f.
        scale: s above 0.
        delta: δ above 0, in units of the scale.

    Example:
        >>> density = HuberDensity(0.0, 1.0, 1.0)
        >>> [round(float(density.cdf(x)), 4) for x in (-1.0, 0.0, 1.0)]
        [0.2074, 0.5, 0.7926]

    Source: Huber, *Robust Estimation of a Location Parameter* (1964).
    """

    arg_constraints: ClassVar[dict[str, Any]] = {
        "loc": constraints.real,
        "scale": constraints.positive,
        "delta": constraints.positive,
    }
    support = constraints.real
    reparametrized_params: ClassVar[list[str]] = ["loc", "scale"]

    def __init__(self, loc: Any = 0.0, scale: Any = 1.0, delta: Any = 1.345, *, validate_args: bool | None = None):
        self.loc, self.scale, self.delta = promote_shapes(loc, scale, delta)
        shape = jax.lax.broadcast_shapes(jnp.shape(loc), jnp.shape(scale), jnp.shape(delta))
        super().__init__(batch_shape=shape, validate_args=validate_args)

    @property
    def _middle(self) -> Any:
        """√(2π) (2Φ(δ) - 1), the middle's part of the normalizer Z."""
        return jnp.sqrt(2 * jnp.pi) * erf(self.delta / jnp.sqrt(2.0))

    @property
    def _tail(self) -> Any:
        """The integral of each tail, e^{-δ²/2} / δ."""
        return jnp.exp(-0.5 * jnp.square(self.delta)) / self.delta

    @property
    def _normalizer(self) -> Any:
        return self._middle + 2 * self._tail

    def sample(self, key: Any, sample_shape: tuple[int, ...] = ()) -> Any:
        return self.icdf(jax.random.uniform(key, sample_shape + self.batch_shape, minval=1e-30))

    def log_prob(self, value: Any) -> Any:
        z = (value - self.loc) / self.scale
        near = jnp.clip(z, -self.delta, self.delta)
        return -near * (z - 0.5 * near) - jnp.log(self.scale * self._normalizer)

    def cdf(self, value: Any) -> Any:
        z = (value - self.loc) / self.scale
        # By symmetry P(Z ≤ -|z|), which keeps its relative accuracy far out.
        below = self._tail * jnp.exp(-self.delta * (jnp.maximum(jnp.abs(z), self.delta) - self.delta))
        inner = self._tail + jnp.sqrt(2 * jnp.pi) * (ndtr(-jnp.minimum(jnp.abs(z), self.delta)) - ndtr(-self.delta))
        lower = jnp.where(jnp.abs(z) > self.delta, below, inner) / self._normalizer
        return jnp.where(z > 0, 1 - lower, lower)

    def icdf(self, q: Any) -> Any:
        lower = jnp.minimum(q, 1 - q) * self._normalizer
        outer = self.delta - jnp.log(jnp.minimum(lower / self._tail, 1)) / self.delta
        share = ndtr(-self.delta) + jnp.maximum(lower - self._tail, 0) / jnp.sqrt(2 * jnp.pi)
        z = jnp.where(lower < self._tail, outer, -ndtri(jnp.minimum(share, 0.5)))
        return self.loc + self.scale * jnp.where(q > 0.5, z, -z)

    @property
    def mean(self) -> Any:
        return jnp.broadcast_to(self.loc, self.batch_shape)

    @property
    def variance(self) -> Any:
        d = self.delta
        edge = jnp.exp(-0.5 * jnp.square(d))
        second = self._middle - 2 * d * edge + 2 * edge * (d + 2 / d + 2 / d**3)
        return jnp.broadcast_to(jnp.square(self.scale) * second / self._normalizer, self.batch_shape)
