"""A distribution from its density alone, normalized or not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array
from numpyro.distributions import constraints

from thalweg.core.errors import ArgumentError
from thalweg.probability.panels import Panels, cut
from thalweg.probability.view import Numbers, View, invert, view


class Density(dist.Distribution):  # type: ignore[misc] # NumPyro ships no types
    r"""The distribution with density p(x) ∝ exp(log_density(x)) on an interval of the real line.

    The integral is found by quadrature, whether ``log_density`` is normalized or not. Moments, CDF and quantiles come
    from the same panels, to about 1e-12; draws from the quantiles of uniform numbers.

    Args:
        log_density: ln p(x) up to a constant, elementwise on arrays; written with NumPy or JAX. Minus infinity where p
            is 0.
        bounds: lower and upper end, infinite if it has none.

    Raises:
        ArgumentError: bounds that are no interval, or a density that is nowhere positive, not finite inside the
            bounds, or whose integral is infinite.

    Example:
        >>> from thalweg.probability import cdf, mean
        >>> d = Density(lambda x: -(np.abs(x) ** 3))
        >>> float(cdf(d, 0.0).round(6))
        0.5
        >>> Density(lambda x: 0 * x)
        Traceback (most recent call last):
            ...
        thalweg.core.errors.ArgumentError: log_density: expected a density whose integral is finite, got one that is
        infinite towards ... Give finite bounds, or a density with thinner tails.

    Source: Davis, Rabinowitz, *Methods of Numerical Integration* (1984), chapter 6.
    """

    arg_constraints: dict[str, Any] = {}  # noqa: RUF012 - NumPyro's attribute
    pytree_aux_fields = ("_log_density", "_panels", "bounds")

    def __init__(
        self,
        log_density: Callable[[Any], Any],
        bounds: tuple[float, float] = (-np.inf, np.inf),
        *,
        validate_args: bool | None = None,
    ) -> None:
        lower, upper = (float(b) for b in bounds)
        if not lower < upper:
            raise ArgumentError("bounds", "a lower end below the upper", f"{bounds}")
        self.bounds = (lower, upper)
        self._log_density = log_density
        self._panels = cut(self._exact, lower, upper)
        super().__init__((), (), validate_args=validate_args)

    def _exact(self, x: Numbers) -> Numbers:
        """Return the log density in float64, also if it is written in JAX."""
        with jax.enable_x64(True), np.errstate(divide="ignore", over="ignore"):
            values = np.asarray(self._log_density(x), np.float64)
        if values.shape != x.shape:
            raise ArgumentError("log_density", "an elementwise function", f"shape {values.shape} from {x.shape}")
        return values

    @property
    def support(self) -> Any:
        """The interval between the bounds."""
        return constraints.interval(*self.bounds)

    def log_prob(self, value: Any, intermediates: Any = None) -> Array:
        """Return ln p(value), normalized; minus infinity outside the bounds."""
        del intermediates
        value = jnp.asarray(value)
        inside = (value >= self.bounds[0]) & (value <= self.bounds[1])
        safe = jnp.where(inside, value, self._panels.peaks[0])
        return jnp.where(inside, jnp.asarray(self._log_density(safe)) - self._panels.log_total, -jnp.inf)

    def sample(self, key: Array, sample_shape: tuple[int, ...] = ()) -> Array:
        """Return draws by inversion of the CDF; not for use inside compiled functions."""
        with jax.enable_x64(True):
            u = np.asarray(jax.random.uniform(key, sample_shape, dtype=jnp.float64))
        return jnp.asarray(_DensityView(self).quantile(u), jnp.float32)


class _DensityView(View):
    discrete = False
    shape = ()

    def __init__(self, d: Density) -> None:
        self._panels: Panels = d._panels  # noqa: SLF001 - the two halves of one idea
        self._log_density = d._exact  # noqa: SLF001
        self.lower, self.upper = np.asarray(d.bounds[0]), np.asarray(d.bounds[1])
        mass = self._panels.mass
        self._total = mass.sum()
        self._below = np.concatenate([[0.0], np.cumsum(mass)])
        # Summed from above as well: small upper tails keep their digits.
        self._above = np.concatenate([np.cumsum(mass[::-1])[::-1], [0.0]])

    def log_density(self, x: Numbers) -> Numbers:
        inside = (x >= self.lower) & (x <= self.upper)
        safe = np.where(inside, x, self._panels.peaks[0])
        return np.where(inside, self._log_density(safe) - self._panels.log_total, -np.inf)

    def _panel(self, x: Numbers) -> tuple[Any, Numbers]:
        edges = self._panels.edges
        x = np.clip(x, edges[0], edges[-1])
        return np.clip(np.searchsorted(edges, x, side="right") - 1, 0, len(edges) - 2), x

    def cdf(self, x: Numbers) -> Numbers:
        i, x = self._panel(np.asarray(x))
        mass = self._below[i] + self._panels.integral(self._panels.edges[i], x)
        return np.asarray(np.minimum(mass / self._total, 1.0))

    def survival(self, x: Numbers) -> Numbers:
        i, x = self._panel(np.asarray(x))
        mass = self._above[i + 1] + self._panels.integral(x, self._panels.edges[i + 1])
        return np.asarray(np.minimum(mass / self._total, 1.0))

    def quantile(self, q: Numbers) -> Numbers:
        q = np.asarray(q)
        i = np.clip(np.searchsorted(self._below / self._total, q, side="right") - 1, 0, len(self._panels.mass) - 1)
        x = invert(self, q, self._panels.edges[i], self._panels.edges[i + 1])
        return np.where(q <= 0, self.lower, np.where(q >= 1, self.upper, x))

    def nodes(self, level: int) -> tuple[Numbers, Numbers]:
        del level
        return self._panels.nodes()

    def mean(self) -> Numbers:
        # About the peak: far from 0, digits would be lost.
        x, weight = self.nodes(1)
        return np.asarray(self._panels.peaks[0] + (weight * (x - self._panels.peaks[0])).sum())

    def mode(self) -> Numbers:
        return np.asarray(self._panels.peaks[0])


view.register(Density)(_DensityView)
