"""The joint distribution of a mean and a variance that is conjugate to normal observations."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jax import random
from jaxtyping import Array
from numpyro.distributions import constraints

from thalweg.core.validate import number


class NormalInverseGamma(dist.Distribution):  # type: ignore[misc] # NumPyro ships no types
    r"""Mean and variance (μ, σ²) with σ² ~ InverseGamma(a, b) and μ | σ² ~ N(m, σ²/κ).

    Args:
        loc: m, the expected mean.
        count: κ, how many observations the prior's mean is worth.
        concentration: a, half as many as the prior's variance is worth.
        rate: b, in squared units of the observations.

    Raises:
        ArgumentError: numbers that are not finite, or κ, a or b not above 0.

    Example:
        >>> d = NormalInverseGamma(0.0, 1.0, 3.0, 2.0)
        >>> type(d.mean_marginal()).__name__, float(d.variance_marginal().mean)  # E σ² = b / (a - 1)
        ('StudentT', 1.0)

    Source: Gelman et al., *Bayesian Data Analysis* (2013), section 3.3.
    """

    arg_constraints: dict[str, Any] = {}  # noqa: RUF012 - NumPyro's attribute
    pytree_data_fields = ("loc", "count", "concentration", "rate")
    support = constraints.independent(constraints.real, 1)

    def __init__(
        self, loc: float, count: float, concentration: float, rate: float, *, validate_args: bool | None = None
    ) -> None:
        self.loc = number("loc", loc)
        self.count = number("count", count, above=0)
        self.concentration = number("concentration", concentration, above=0)
        self.rate = number("rate", rate, above=0)
        super().__init__((), (2,), validate_args=validate_args)

    def log_prob(self, value: Any, intermediates: Any = None) -> Array:
        """Return ln p(μ, σ²) for values (..., 2)."""
        del intermediates
        mean, variance = jnp.asarray(value)[..., 0], jnp.asarray(value)[..., 1]
        positive = variance > 0
        safe = jnp.where(positive, variance, 1.0)
        of_mean = dist.Normal(self.loc, jnp.sqrt(safe / self.count), validate_args=False).log_prob(mean)
        return jnp.where(positive, of_mean + self.variance_marginal().log_prob(safe), -jnp.inf)

    def sample(self, key: Array, sample_shape: tuple[int, ...] = ()) -> Array:
        """Return draws (..., 2) of mean and variance."""
        first, second = random.split(key)
        variance = self.variance_marginal().sample(first, sample_shape)
        mean = self.loc + jnp.sqrt(variance / self.count) * random.normal(second, sample_shape)
        return jnp.stack([mean, variance], axis=-1)

    def mean_marginal(self) -> Any:
        """Return the Student t distribution of μ by itself."""
        return self._student(self.count)

    def variance_marginal(self) -> Any:
        """Return the inverse gamma distribution of σ² by itself."""
        return dist.InverseGamma(self.concentration, self.rate, validate_args=False)

    def predictive(self) -> Any:
        """Return the Student t distribution of an observation."""
        return self._student(self.count / (self.count + 1))

    def _student(self, count: float) -> Any:
        scale = np.sqrt(self.rate / (self.concentration * count))
        return dist.StudentT(2 * self.concentration, self.loc, scale)
