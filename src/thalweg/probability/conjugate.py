"""Conjugate pairs: priors that Bayes' rule turns into posteriors of the same family.

Every update takes the prior and the observations, and returns the posterior and the posterior predictive distribution
of one more observation, both as NumPyro distributions. Source of all: Gelman et al., *Bayesian Data Analysis* (2013),
chapters 2 and 3.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpyro.distributions as dist
from numpy.typing import NDArray

from thalweg.core.errors import ArgumentError
from thalweg.core.validate import number
from thalweg.probability.affine_maps import affine
from thalweg.probability.checks import check_covariance
from thalweg.probability.families import parameter
from thalweg.probability.normal_inverse_gamma import NormalInverseGamma
from thalweg.probability.structures import normal_covariance


class Update(NamedTuple):
    r"""What the observations leave.

    Attributes:
        posterior: p(θ | x(1) … x(N)), of the family of the prior.
        predictive: p(x | x(1) … x(N)) = ∫ p(x | θ) p(θ | x(1) … x(N)) dθ.
    """

    posterior: Any
    predictive: Any


def beta_bernoulli(prior: Any, y: Any) -> Update:
    r"""Return Beta(a + Σ y, b + N - Σ y) for a success probability with prior Beta(a, b).

    Args:
        prior: ``numpyro.distributions.Beta``.
        y: zeros and ones (N,).

    Returns:
        Posterior, and the Bernoulli distribution of the next trial.

    Raises:
        ArgumentError: another prior, or values other than 0 and 1.

    Example:
        >>> answer = beta_bernoulli(dist.Beta(1.0, 1.0), [1, 1, 0])
        >>> float(answer.predictive.probs)  # (Σ y + 1) / (N + 2), Laplace's rule of succession
        0.6
    """
    a, b = _of(prior, dist.Beta, "concentration1", "concentration0")
    y = _observations(y, "zeros and ones", (0, 1), whole=True)
    a, b = a + y.sum(), b + (1 - y).sum()
    return Update(dist.Beta(a, b), dist.Bernoulli(probs=a / (a + b)))


def beta_binomial(prior: Any, y: Any, trials: int) -> Update:
    r"""Return Beta(a + Σ y, b + Σ (n - y)) for the success probability of counts out of n trials each.

    Args:
        prior: ``numpyro.distributions.Beta``.
        y: numbers of successes (N,), 0 to n.
        trials: n, of every count.

    Returns:
        Posterior, and the beta-binomial distribution of the next count.

    Raises:
        ArgumentError: another prior, or counts outside 0 to n.

    Example:
        >>> beta_binomial(dist.Beta(2.0, 2.0), [3, 4], trials=5).posterior.concentration1
        np.float64(9.0)
    """
    a, b = _of(prior, dist.Beta, "concentration1", "concentration0")
    trials = number("trials", trials, at_least=1, integer=True)
    y = _observations(y, f"whole numbers from 0 to {trials}", (0, trials), whole=True)
    a, b = a + y.sum(), b + (trials - y).sum()
    return Update(dist.Beta(a, b), dist.BetaBinomial(a, b, trials))


def dirichlet_categorical(prior: Any, y: Any) -> Update:
    r"""Return Dirichlet(a + counts) for class probabilities with prior Dirichlet(a).

    Args:
        prior: ``numpyro.distributions.Dirichlet`` over C classes.
        y: class numbers (N,) from 0.

    Returns:
        Posterior, and the categorical distribution of the next class.

    Raises:
        ArgumentError: another prior, or values that are no class numbers.

    Example:
        >>> dirichlet_categorical(dist.Dirichlet(np.ones(3)), [0, 0, 2]).posterior.concentration
        array([3., 1., 2.])
    """
    (a,) = _of(prior, dist.Dirichlet, "concentration")
    y = _observations(y, f"class numbers from 0 to {a.size - 1}", (0, a.size - 1), whole=True)
    a = a + np.bincount(y.astype(np.int64).ravel(), minlength=a.size)
    return Update(dist.Dirichlet(a), dist.Categorical(probs=a / a.sum()))


def dirichlet_multinomial(prior: Any, y: Any) -> Update:
    r"""Return Dirichlet(a + Σ y) for the class probabilities of multinomial counts.

    Args:
        prior: ``numpyro.distributions.Dirichlet`` over C classes.
        y: counts (N, C), with equal sums.

    Returns:
        Posterior, and the Dirichlet-multinomial distribution of the next counts.

    Raises:
        ArgumentError: another prior, another number of classes, or counts with different sums.

    Example:
        >>> dirichlet_multinomial(dist.Dirichlet(np.ones(2)), [[3, 1], [2, 2]]).posterior.concentration
        array([6., 4.])
    """
    (a,) = _of(prior, dist.Dirichlet, "concentration")
    y = np.atleast_2d(_observations(y, "counts of at least 0", (0, np.inf), whole=True))
    if y.shape[1] != a.size or len(np.unique(y.sum(axis=1))) != 1:
        raise ArgumentError("y", f"counts (N, {a.size}) with equal sums", f"shape {y.shape}, sums {y.sum(axis=1)}")
    total = int(y.sum(axis=1)[0])
    a = a + y.sum(axis=0)
    return Update(dist.Dirichlet(a), dist.DirichletMultinomial(a, total))


def gamma_poisson(prior: Any, y: Any) -> Update:
    r"""Return Gamma(a + Σ y, rate + N) for the rate of Poisson counts.

    Args:
        prior: ``numpyro.distributions.Gamma``.
        y: counts (N,).

    Returns:
        Posterior, and the negative binomial distribution of the next count.

    Raises:
        ArgumentError: another prior, or values that are no counts.

    Example:
        >>> gamma_poisson(dist.Gamma(2.0, 1.0), [3, 5]).posterior.rate
        np.float64(3.0)
    """
    a, rate = _of(prior, dist.Gamma, "concentration", "rate")
    y = _observations(y, "counts of at least 0", (0, np.inf), whole=True)
    a, rate = a + y.sum(), rate + y.size
    return Update(dist.Gamma(a, rate), dist.GammaPoisson(a, rate))


def gamma_exponential(prior: Any, y: Any) -> Update:
    r"""Return Gamma(a + N, rate + Σ y) for the rate of exponential waiting times.

    Args:
        prior: ``numpyro.distributions.Gamma``.
        y: times of at least 0 (N,).

    Returns:
        Posterior, and the Lomax distribution of the next time, p(y) = a rate^a / (rate + y)^{a + 1}.

    Raises:
        ArgumentError: another prior, or negative times.

    Example:
        >>> gamma_exponential(dist.Gamma(2.0, 1.0), [0.5, 1.5]).posterior.rate
        np.float64(3.0)
    """
    a, rate = _of(prior, dist.Gamma, "concentration", "rate")
    y = _observations(y, "times of at least 0", (0, np.inf))
    a, rate = a + y.size, rate + y.sum()
    return Update(dist.Gamma(a, rate), affine(dist.Pareto(rate, a), shift=-rate))


def normal_normal(prior: Any, y: Any, scale: float) -> Update:
    r"""Return the normal posterior of a mean, for normal observations of known deviation σ.

    1/τ_N² = 1/τ² + N/σ² and μ_N = τ_N² (μ/τ² + Σ y/σ²) for the prior N(μ, τ²).

    Args:
        prior: ``numpyro.distributions.Normal``.
        y: numbers (N,).
        scale: σ, in units of y.

    Returns:
        Posterior, and the normal distribution of the next observation, N(μ_N, τ_N² + σ²).

    Raises:
        ArgumentError: another prior, numbers that are not finite, or σ not above 0.

    Example:
        >>> float(normal_normal(dist.Normal(0.0, 1.0), [2.0], scale=1.0).posterior.loc)
        1.0
    """
    loc, deviation = _of(prior, dist.Normal, "loc", "scale")
    scale = number("scale", scale, above=0)
    y = _observations(y, "finite numbers", (-np.inf, np.inf))
    variance = 1 / (1 / deviation**2 + y.size / scale**2)
    loc = variance * (loc / deviation**2 + y.sum() / scale**2)
    return Update(dist.Normal(loc, np.sqrt(variance)), dist.Normal(loc, np.sqrt(variance + scale**2)))


def normal_inverse_gamma(prior: Any, y: Any) -> Update:
    r"""Return the posterior of mean and variance of normal observations.

    κ_N = κ + N, μ_N = (κ μ + Σ y)/κ_N, a_N = a + N/2, b_N = b + ½ Σ (y - ȳ)² + κ N (ȳ - μ)²/(2 κ_N).

    Args:
        prior: `NormalInverseGamma`.
        y: numbers (N,).

    Returns:
        Posterior, and the Student t distribution of the next observation, with 2 a_N degrees of freedom.

    Raises:
        ArgumentError: another prior, or numbers that are not finite.

    Example:
        >>> prior = NormalInverseGamma(loc=0.0, count=1.0, concentration=2.0, rate=1.0)
        >>> normal_inverse_gamma(prior, [1.0, 3.0]).posterior.count
        3.0
    """
    loc, count, a, b = _of(prior, NormalInverseGamma, "loc", "count", "concentration", "rate")
    y = _observations(y, "finite numbers", (-np.inf, np.inf))
    n = y.size
    spread = ((y - y.mean()) ** 2).sum() + count * n / (count + n) * (y.mean() - loc) ** 2
    loc = (count * loc + y.sum()) / (count + n)
    posterior = NormalInverseGamma(loc, count + n, a + n / 2, b + spread / 2)
    return Update(posterior, posterior.predictive())


def multivariate_normal(prior: Any, y: Any, covariance_matrix: Any) -> Update:
    r"""Return the normal posterior of a mean vector, for normal observations of known covariance C.

    S_N⁻¹ = S⁻¹ + N C⁻¹ and μ_N = μ + S (S + C/N)⁻¹ (ȳ - μ) for the prior N(μ, S).

    Args:
        prior: ``numpyro.distributions.MultivariateNormal`` over R^d.
        y: vectors (N, d).
        covariance_matrix: C, (d, d).

    Returns:
        Posterior, and the normal distribution of the next observation, N(μ_N, S_N + C).

    Raises:
        ArgumentError: another prior, vectors of another length, or a covariance that is not positive definite.

    Example:
        >>> prior = dist.MultivariateNormal(np.zeros(2), np.eye(2))
        >>> multivariate_normal(prior, [[2.0, 0.0]], np.eye(2)).posterior.mean.tolist()
        [1.0, 0.0]
    """
    (loc,) = _of(prior, dist.MultivariateNormal, "loc")
    s, c = normal_covariance(prior), check_covariance("covariance_matrix", covariance_matrix)
    y = np.atleast_2d(_observations(y, "finite numbers", (-np.inf, np.inf)))
    if y.shape[1:] != loc.shape or c.shape != s.shape:
        raise ArgumentError("y", f"vectors (N, {loc.size})", f"shape {y.shape}, with a covariance {c.shape}")
    gain = np.linalg.solve(s + c / len(y), s).T
    loc = loc + gain @ (y.mean(axis=0) - loc)
    # S - S (S + C/N)⁻¹ S, in the form that stays positive definite.
    rest = np.eye(loc.size) - gain
    s = rest @ s @ rest.T + gain @ (c / len(y)) @ gain.T
    return Update(dist.MultivariateNormal(loc, s), dist.MultivariateNormal(loc, s + c))


CONJUGATE: dict[str, Callable[..., Update]] = {
    "beta_bernoulli": beta_bernoulli,
    "beta_binomial": beta_binomial,
    "dirichlet_categorical": dirichlet_categorical,
    "dirichlet_multinomial": dirichlet_multinomial,
    "gamma_exponential": gamma_exponential,
    "gamma_poisson": gamma_poisson,
    "multivariate_normal": multivariate_normal,
    "normal_inverse_gamma": normal_inverse_gamma,
    "normal_normal": normal_normal,
}
"""Pair of prior and likelihood → its update."""


def _of(prior: Any, kind: Any, *names: str) -> list[Any]:
    if not isinstance(prior, kind) or prior.batch_shape:
        raise ArgumentError("prior", f"one {kind.__name__} distribution", type(prior).__name__)
    return [parameter(prior, name) for name in names]


def _observations(y: Any, expected: str, bounds: tuple[float, float], *, whole: bool = False) -> NDArray[np.float64]:
    try:
        values = np.atleast_1d(np.asarray(y, np.float64))
    except (TypeError, ValueError):
        raise ArgumentError("y", expected, type(y).__name__) from None
    if values.size == 0:
        raise ArgumentError("y", f"{expected}, at least one observation", "none")
    good = np.isfinite(values) & (values >= bounds[0]) & (values <= bounds[1])
    if whole:
        good &= values == np.rint(values)
    if not good.all():
        raise ArgumentError("y", expected, f"{values[~good][0]:g}")
    return values
