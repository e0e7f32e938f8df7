"""Entropies in closed form, as data: class of distribution ↦ formula."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpyro.distributions as dist
from scipy import special

from thalweg.probability.families import class_probabilities, parameter, success_probability
from thalweg.probability.structures import normal_covariance
from thalweg.probability.view import Numbers


def _multivariate_normal(d: Any) -> Numbers:
    covariance = normal_covariance(d)
    dimension = covariance.shape[-1]
    return np.asarray(0.5 * (dimension * np.log(2 * np.pi * np.e) + np.linalg.slogdet(covariance)[1]))


def _gamma(d: Any) -> Numbers:
    a = parameter(d, "concentration")
    return np.asarray(a - np.log(parameter(d, "rate")) + special.gammaln(a) + (1 - a) * special.digamma(a))


def _beta(d: Any) -> Numbers:
    a, b = parameter(d, "concentration1"), parameter(d, "concentration0")
    away = (a - 1) * special.digamma(a) + (b - 1) * special.digamma(b)
    return np.asarray(special.betaln(a, b) - away + (a + b - 2) * special.digamma(a + b))


def _dirichlet(d: Any) -> Numbers:
    a = parameter(d, "concentration")
    total = a.sum(axis=-1)
    log_norm = special.gammaln(a).sum(axis=-1) - special.gammaln(total)
    spread = (total - a.shape[-1]) * special.digamma(total)
    return np.asarray(log_norm + spread - ((a - 1) * special.digamma(a)).sum(axis=-1))


def _student_t(d: Any) -> Numbers:
    n = parameter(d, "df")
    shape = (n + 1) / 2 * (special.digamma((n + 1) / 2) - special.digamma(n / 2))
    return np.asarray(shape + 0.5 * np.log(n) + special.betaln(n / 2, 0.5) + np.log(parameter(d, "scale")))


def bernoulli_entropy(p: Numbers) -> Numbers:
    """Return -p ln p - (1 - p) ln(1 - p)."""
    return np.asarray(special.entr(p) + special.entr(1 - p))


def _multinomial(d: Any) -> Numbers:
    """-ln n! - n Σ p_i ln p_i + Σ_i E[ln X_i!], with binomial counts X_i."""
    n, p = parameter(d, "total_count"), class_probabilities(d)
    x = np.arange(int(n.max(initial=0)) + 1)
    counts = n[..., None, None]
    inside = x <= counts
    away = np.where(inside, counts - x, 0)
    log_mass = special.gammaln(counts + 1) - special.gammaln(x + 1) - special.gammaln(away + 1)
    log_mass = log_mass + special.xlogy(x, p[..., None]) + special.xlog1py(away, -p[..., None])
    factorials = np.where(inside, np.exp(log_mass) * special.gammaln(x + 1), 0).sum(axis=(-2, -1))
    return np.asarray(-special.gammaln(n + 1) + n * special.entr(p).sum(axis=-1) + factorials)


def _bernoulli(d: Any) -> Numbers:
    return bernoulli_entropy(success_probability(d))


def _categorical(d: Any) -> Numbers:
    return np.asarray(special.entr(class_probabilities(d)).sum(axis=-1))


def _geometric(d: Any) -> Numbers:
    p = success_probability(d)
    return np.asarray(bernoulli_entropy(p) / p)


ENTROPIES: dict[type, Callable[[Any], Numbers]] = {
    dist.BernoulliLogits: _bernoulli,
    dist.BernoulliProbs: _bernoulli,
    dist.Beta: _beta,
    dist.CategoricalLogits: _categorical,
    dist.CategoricalProbs: _categorical,
    dist.Cauchy: lambda d: np.log(4 * np.pi * parameter(d, "scale")),
    dist.Delta: lambda d: np.zeros(d.batch_shape),
    dist.Dirichlet: _dirichlet,
    dist.Exponential: lambda d: 1 - np.log(parameter(d, "rate")),
    dist.Gamma: _gamma,
    dist.GeometricLogits: _geometric,
    dist.GeometricProbs: _geometric,
    dist.Laplace: lambda d: 1 + np.log(2 * parameter(d, "scale")),
    dist.LowRankMultivariateNormal: _multivariate_normal,
    dist.MultinomialLogits: _multinomial,
    dist.MultinomialProbs: _multinomial,
    dist.MultivariateNormal: _multivariate_normal,
    dist.Normal: lambda d: 0.5 * np.log(2 * np.pi * np.e) + np.log(parameter(d, "scale")),
    dist.StudentT: _student_t,
    dist.Uniform: lambda d: np.log(parameter(d, "high") - parameter(d, "low")),
}
"""Entropies in nats, in float64; subclasses have the entropy of the class they derive from."""
