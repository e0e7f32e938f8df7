"""Forward fits in closed form: q takes the expectations under p that it is determined by."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array
from scipy import special
from scipy.optimize import brentq, root

from thalweg.core.errors import ArgumentError
from thalweg.probability.expectations import expectation, support
from thalweg.probability.moments import covariance, mean, variance
from thalweg.probability.quantiles import quantile
from thalweg.probability.view import Numbers


class Moments:
    """What a forward fit asks of p.

    Args:
        p: a NumPyro distribution without batch.
        key: JAX random key, for expectations that are sampled.
    """

    def __init__(self, p: Any, key: Array | None = None) -> None:
        self.p, self._key = p, key

    def mean(self) -> Numbers:
        """Return E[X], where it is finite."""
        return self._finite(np.asarray(mean(self.p)), "a mean")

    def variance(self) -> Numbers:
        """Return E[(X - E X)²], where it is finite and not zero."""
        spread = self._finite(np.asarray(variance(self.p)), "a variance")
        if not (spread > 0).all():
            raise ArgumentError("p", "values that differ", "a variance of 0", "A constant is a Delta.")
        return spread

    def covariance(self) -> Numbers:
        """Return the covariance matrix."""
        return self._finite(np.asarray(covariance(self.p)), "a covariance")

    def median(self) -> float:
        """Return the median."""
        return float(quantile(self.p, 0.5))

    def expect(self, g: Callable[[Numbers], Numbers]) -> float:
        """Return E[g(X)]."""
        return float(self._finite(np.asarray(expectation(g, self.p, key=self._key).value), "finite expectations"))

    def within(self, low: float, high: float, family: str) -> None:
        """Refuse a p whose values the family cannot take."""
        lower, upper, _ = support(self.p)
        if np.any(lower < low) or np.any(upper > high):
            raise ArgumentError(
                "p", f"values from {low:g} to {high:g}, as {family} has them", f"{np.min(lower):g} to {np.max(upper):g}"
            )

    def _finite(self, value: Numbers, what: str) -> Numbers:
        if not np.isfinite(value).all():
            raise ArgumentError("p", f"a distribution with {what}", f"{type(self.p).__name__}, which has none")
        return value


def _normal(m: Moments) -> Any:
    return dist.Normal(_scalar(m.mean()), np.sqrt(_scalar(m.variance())))


def _multivariate_normal(m: Moments) -> Any:
    import jax

    from thalweg.probability.checks import check_covariance

    with jax.enable_x64(True):
        return dist.MultivariateNormal(m.mean(), check_covariance("p", m.covariance()))


def _laplace(m: Moments) -> Any:
    center = m.median()
    return dist.Laplace(center, m.expect(lambda x: np.abs(np.asarray(x) - center)))


def _exponential(m: Moments) -> Any:
    m.within(0, np.inf, "an exponential")
    return dist.Exponential(1 / _scalar(m.mean()))


def _gamma(m: Moments) -> Any:
    """Ln a - ψ(a) = ln E[X] - E[ln X], and rate = a / E[X]."""
    m.within(0, np.inf, "a gamma")
    center = _scalar(m.mean())
    gap = np.log(center) - m.expect(lambda x: np.log(np.asarray(x)))
    if not gap > 0:
        raise ArgumentError("p", "values that differ", f"E[X] = {center:g} alone")
    log_shape = brentq(lambda s: s - special.digamma(np.exp(s)) - gap, -18.0, 18.0, xtol=1e-14)
    return dist.Gamma(np.exp(log_shape), np.exp(log_shape) / center)


def _beta(m: Moments) -> Any:
    """ψ(a) - ψ(a + b) = E[ln X] and ψ(b) - ψ(a + b) = E[ln(1 - X)]."""
    m.within(0, 1, "a beta")
    # Nodes of a density may round to an end, which has no probability; data there make the likelihood infinite.
    near = 0.0 if m.p.is_discrete else 1e-16
    with np.errstate(divide="ignore"):
        logs = [m.expect(partial(_log_distance, side=side, near=near)) for side in (0, 1)]
    center, spread = _scalar(m.mean()), _scalar(m.variance())
    total = max(center * (1 - center) / spread - 1, 1e-3)

    def equations(theta: Numbers) -> Numbers:
        a, b = np.exp(theta)
        return np.asarray([special.digamma(a) - special.digamma(a + b) - logs[0],
                           special.digamma(b) - special.digamma(a + b) - logs[1]])  # fmt: skip

    answer = root(equations, np.log([center * total, (1 - center) * total]), tol=1e-13)
    return dist.Beta(*np.exp(answer.x))


def _log_distance(x: Any, side: int, near: float) -> Numbers:
    return np.asarray(np.log(np.maximum(np.abs(side - np.asarray(x)), near)))


def _uniform(m: Moments) -> Any:
    lower, upper, _ = (np.asarray(a) for a in support(m.p))
    if not (np.isfinite(lower) and np.isfinite(upper)):
        raise ArgumentError("p", "bounded values, as a uniform has them", f"{lower:g} to {upper:g}")
    return dist.Uniform(float(lower), float(upper))


def _poisson(m: Moments) -> Any:
    m.within(0, np.inf, "a Poisson")
    return dist.Poisson(_scalar(m.mean()))


def _bernoulli(m: Moments) -> Any:
    m.within(0, 1, "a Bernoulli")
    return dist.Bernoulli(_scalar(m.mean()))


def _geometric(m: Moments) -> Any:
    m.within(0, np.inf, "a geometric")
    return dist.Geometric(1 / (1 + _scalar(m.mean())))


def _categorical(m: Moments) -> Any:
    m.within(0, np.inf, "a categorical")
    top = int(np.max(support(m.p)[1]))
    shares = [m.expect(lambda x, k=k: (np.asarray(x) == k).astype(np.float64)) for k in range(top + 1)]  # type: ignore[misc]
    return dist.Categorical(np.array(shares))


def _scalar(value: Numbers) -> float:
    if value.size != 1:
        raise ArgumentError("p", "a distribution of numbers, for this family", f"one of {value.size} components")
    return float(value.reshape(()))


MATCHES: dict[str, Callable[[Moments], Any]] = {
    "bernoulli": _bernoulli,
    "beta": _beta,
    "categorical": _categorical,
    "exponential": _exponential,
    "gamma": _gamma,
    "geometric": _geometric,
    "laplace": _laplace,
    "multivariate_normal": _multivariate_normal,
    "normal": _normal,
    "poisson": _poisson,
    "uniform": _uniform,
}
"""Family ↦ the member with the least D(p‖q)."""
