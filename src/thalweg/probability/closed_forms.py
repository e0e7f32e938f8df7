"""Kullback–Leibler divergences in closed form, as data: a pair of classes ↦ formula.

The formulas take parameters as they are stored, in float64. A formula that holds for some parameters only returns NaN
for the others, which are then summed or integrated.

Sources: Gil, Alajaji, Linder, *Rényi divergence measures for commonly used univariate continuous distributions*
(2013); Penny, *Kullback-Liebler divergences of normal, gamma, Dirichlet and Wishart densities* (2001); Chyzak,
Nielsen, *A closed-form formula for the Kullback–Leibler divergence between Cauchy distributions* (2019). The others
are E_p[ln p - ln q] term by term.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import numpyro.distributions as dist
from scipy import special

from thalweg.probability.entropies import ENTROPIES
from thalweg.probability.families import class_probabilities, parameter, success_probability
from thalweg.probability.structures import normal_covariance
from thalweg.probability.view import Numbers

Divergence = Callable[[Any, Any], Numbers]
LOG_2PI = np.log(2 * np.pi)


def _parameters(d: Any, *names: str) -> list[Numbers]:
    return [parameter(d, name) for name in names]


def _excess(t: Any) -> Numbers:
    """Return t - ln(1 + t), with all its figures for small t."""
    small = np.abs(t) < 0.05
    s = np.where(small, t, 0.0)
    series = s**2 * sum((-s) ** k / (k + 2) for k in range(12))
    with np.errstate(divide="ignore"):
        return np.where(small, series, t - np.log1p(t))


# ------------------------------------------------------------------------------------------- on the real line


def _normal_normal(p: Any, q: Any) -> Numbers:
    (m, s), (n, t) = _parameters(p, "loc", "scale"), _parameters(q, "loc", "scale")
    return np.asarray(0.5 * (_excess((s - t) * (s + t) / t**2) + ((m - n) / t) ** 2))


def _laplace_laplace(p: Any, q: Any) -> Numbers:
    (m, b), (n, c) = _parameters(p, "loc", "scale"), _parameters(q, "loc", "scale")
    away = np.abs(m - n)
    # |Δ|/c + b/c e^{-|Δ|/b} - 1 - ln(b/c), in two terms of at least zero
    return np.asarray(_excess(b / c - 1) + b / c * (away / b + np.expm1(-away / b)))


def _cauchy_cauchy(p: Any, q: Any) -> Numbers:
    (m, s), (n, t) = _parameters(p, "loc", "scale"), _parameters(q, "loc", "scale")
    return np.log1p(((s - t) ** 2 + (m - n) ** 2) / (4 * s * t))


def _normal_laplace(p: Any, q: Any) -> Numbers:
    (m, s), (n, b) = _parameters(p, "loc", "scale"), _parameters(q, "loc", "scale")
    z = (m - n) / s
    distance = s * (np.sqrt(2 / np.pi) * np.exp(-(z**2) / 2) + z * special.erf(z / np.sqrt(2)))
    return np.asarray(distance / b + np.log(2 * b / s) - 0.5 * (LOG_2PI + 1))


def _uniform_laplace(p: Any, q: Any) -> Numbers:
    (low, high), (n, b) = _parameters(p, "low", "high"), _parameters(q, "loc", "scale")
    area = ((high - n) * np.abs(high - n) - (low - n) * np.abs(low - n)) / 2
    return np.asarray(area / (high - low) / b + np.log(2 * b / (high - low)))


def _against_normal(moments: Callable[[Any], tuple[Numbers, Numbers]]) -> Divergence:
    """Return -H(p) + ½ ln 2πσ² + E[(x - μ)²] / 2σ², from the mean and the variance of p."""

    def divergence(p: Any, q: Any) -> Numbers:
        mean, variance = moments(p)
        m, s = _parameters(q, "loc", "scale")
        return np.asarray(-_entropy(p) + 0.5 * (LOG_2PI + (variance + (mean - m) ** 2) / s**2) + np.log(s))

    return divergence


def _entropy(p: Any) -> Numbers:
    return next(ENTROPIES[c] for c in type(p).__mro__ if c in ENTROPIES)(p)


def _laplace_moments(p: Any) -> tuple[Numbers, Numbers]:
    m, b = _parameters(p, "loc", "scale")
    return m, 2 * b**2


def _uniform_moments(p: Any) -> tuple[Numbers, Numbers]:
    low, high = _parameters(p, "low", "high")
    return (low + high) / 2, (high - low) ** 2 / 12


def _student_moments(p: Any) -> tuple[Numbers, Numbers]:
    n, m, s = _parameters(p, "df", "loc", "scale")
    with np.errstate(divide="ignore"):
        variance = np.where(n > 2, s**2 * n / np.where(n > 2, n - 2, 1), np.inf)
    return m, variance


def _gamma_moments(p: Any) -> tuple[Numbers, Numbers]:
    a, b = _gamma_parameters(p)
    return a / b, a / b**2


def _beta_moments(p: Any) -> tuple[Numbers, Numbers]:
    a, b = _parameters(p, "concentration1", "concentration0")
    return a / (a + b), a * b / ((a + b) ** 2 * (a + b + 1))


def _uniform_uniform(p: Any, q: Any) -> Numbers:
    (low, high), (a, b) = _parameters(p, "low", "high"), _parameters(q, "low", "high")
    return np.where((a <= low) & (high <= b), np.log((b - a) / (high - low)), np.inf)


# ------------------------------------------------------------------------------- positive numbers, proportions


def _gamma_parameters(d: Any) -> tuple[Numbers, Numbers]:
    """Return concentration and rate; an exponential is a gamma of concentration 1."""
    rate = parameter(d, "rate")
    return (np.ones_like(rate) if isinstance(d, dist.Exponential) else parameter(d, "concentration")), rate


def _gamma_gamma(p: Any, q: Any) -> Numbers:
    (a, s), (b, t) = _gamma_parameters(p), _gamma_parameters(q)
    shape = (a - b) * special.digamma(a) - special.gammaln(a) + special.gammaln(b)
    # b ln(s/t) + a (t - s)/s, with the part of second order apart
    return np.asarray(shape + b * _excess((t - s) / s) + (a - b) * (t - s) / s)


def _uniform_gamma(p: Any, q: Any) -> Numbers:
    (low, high), (a, s) = _parameters(p, "low", "high"), _gamma_parameters(q)
    inside = low >= 0
    start = np.where(inside, low, 0)
    mean_log = (special.xlogy(high, high) - special.xlogy(start, start)) / (high - start) - 1
    log_q = a * np.log(s) - special.gammaln(a) + (a - 1) * mean_log - s * (start + high) / 2
    return np.where(inside, -np.log(high - start) - log_q, np.inf)


def _uniform_beta(p: Any, q: Any) -> Numbers:
    (low, high), (a, b) = _parameters(p, "low", "high"), _parameters(q, "concentration1", "concentration0")
    inside = (low >= 0) & (high <= 1)
    x, y = np.where(inside, low, 0), np.where(inside, high, 1)
    mean_log = (special.xlogy(y, y) - special.xlogy(x, x)) / (y - x) - 1
    mean_log_rest = (special.xlog1py(1 - x, -x) - special.xlog1py(1 - y, -y)) / (y - x) - 1
    log_q = (a - 1) * mean_log + (b - 1) * mean_log_rest - special.betaln(a, b)
    return np.where(inside, -np.log(y - x) - log_q, np.inf)


def _dirichlet(a: Numbers, b: Numbers) -> Numbers:
    total = a.sum(axis=-1)
    constants = (
        special.gammaln(total) - special.gammaln(b.sum(axis=-1)) + (special.gammaln(b) - special.gammaln(a)).sum(-1)
    )
    return np.asarray(constants + ((a - b) * (special.digamma(a) - special.digamma(total)[..., None])).sum(axis=-1))


def _beta_beta(p: Any, q: Any) -> Numbers:
    pairs = [np.broadcast_arrays(*_parameters(d, "concentration1", "concentration0")) for d in (p, q)]
    return _dirichlet(*(np.stack(pair, axis=-1) for pair in pairs))


def _beta_uniform(p: Any, q: Any) -> Numbers:
    low, high = _parameters(q, "low", "high")
    return np.where((low <= 0) & (high >= 1), np.log(high - low) - _entropy(p), np.inf)


def _dirichlet_dirichlet(p: Any, q: Any) -> Numbers:
    return _dirichlet(parameter(p, "concentration"), parameter(q, "concentration"))


# ------------------------------------------------------------------------------------------------ random vectors


def _normal_vectors(p: Any, q: Any) -> Numbers:
    factor = np.linalg.cholesky(normal_covariance(q))
    shift = parameter(p, "loc") - parameter(q, "loc")
    whitened = np.linalg.solve(factor, shift[..., None])[..., 0]
    # ½ Σ (λ - 1 - ln λ) over the eigenvalues λ of L⁻¹ C_p L⁻ᵀ, which hold trace and determinant at once
    half = np.linalg.solve(factor, normal_covariance(p))
    relative = np.linalg.solve(factor, np.swapaxes(half, -1, -2))
    eigenvalues = np.linalg.eigvalsh((relative + np.swapaxes(relative, -1, -2)) / 2)
    return np.asarray(0.5 * (_excess(eigenvalues - 1).sum(axis=-1) + (whitened**2).sum(axis=-1)))


# ------------------------------------------------------------------------------------------------ counts, classes


def _bernoulli(p: Numbers, q: Numbers) -> Numbers:
    # kl_div(p, q) = p ln(p/q) - p + q is never negative, and the terms added cancel.
    return np.asarray(special.kl_div(p, q) + special.kl_div(1 - p, 1 - q))


def _bernoulli_bernoulli(p: Any, q: Any) -> Numbers:
    return _bernoulli(success_probability(p), success_probability(q))


def _binomial_binomial(p: Any, q: Any) -> Numbers:
    (n, a), (m, b) = ((parameter(d, "total_count"), success_probability(d)) for d in (p, q))
    impossible = (n > m) & (a > 0)
    return np.where(n == m, n * _bernoulli(a, b), np.where(impossible, np.inf, np.nan))


def _geometric_geometric(p: Any, q: Any) -> Numbers:
    a = success_probability(p)
    return np.asarray(_bernoulli(a, success_probability(q)) / a)


def _poisson_poisson(p: Any, q: Any) -> Numbers:
    return np.asarray(special.kl_div(parameter(p, "rate"), parameter(q, "rate")))


def _negative_binomial(p: Any, q: Any) -> Numbers:
    (r, s), (k, t) = _parameters(p, "concentration", "rate"), _parameters(q, "concentration", "rate")
    a, b = s / (1 + s), t / (1 + t)
    return np.where(r == k, r * _bernoulli(a, b) / a, np.nan)


def _classes(p: Any, q: Any) -> Numbers:
    a, b = class_probabilities(p), class_probabilities(q)
    size = max(a.shape[-1], b.shape[-1])
    a, b = (np.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, size - x.shape[-1])]) for x in (a, b))
    return np.asarray(special.kl_div(a, b).sum(axis=-1))


def _multinomial_multinomial(p: Any, q: Any) -> Numbers:
    n, m = parameter(p, "total_count"), parameter(q, "total_count")
    same = (n == m) & (class_probabilities(p).shape[-1] == class_probabilities(q).shape[-1])
    return np.where(same, n * _classes(p, q), np.inf)


def _delta_delta(p: Any, q: Any) -> Numbers:
    same = parameter(p, "v") == parameter(q, "v")
    return np.where(same.all(axis=tuple(range(-p.event_dim, 0))), 0.0, np.inf)


# ------------------------------------------------------------------------------------------------------ the table


def _pairs(ps: tuple[type, ...], qs: tuple[type, ...], formula: Divergence) -> dict[tuple[type, type], Divergence]:
    return {pair: formula for pair in product(ps, qs)}  # noqa: C420 - pairs are the keys


_BERNOULLI = dist.BernoulliProbs, dist.BernoulliLogits
_BINOMIAL = dist.BinomialProbs, dist.BinomialLogits
_CATEGORICAL = dist.CategoricalProbs, dist.CategoricalLogits
_GAMMA = dist.Exponential, dist.Gamma
_GEOMETRIC = dist.GeometricProbs, dist.GeometricLogits
_MULTINOMIAL = dist.MultinomialProbs, dist.MultinomialLogits
_VECTOR = dist.MultivariateNormal, dist.LowRankMultivariateNormal
_NORMAL = (dist.Normal,)

DIVERGENCES: dict[tuple[type, type], Divergence] = {
    (dist.Beta, dist.Beta): _beta_beta,
    (dist.Beta, dist.Normal): _against_normal(_beta_moments),
    (dist.Beta, dist.Uniform): _beta_uniform,
    (dist.Cauchy, dist.Cauchy): _cauchy_cauchy,
    (dist.Delta, dist.Delta): _delta_delta,
    (dist.Dirichlet, dist.Dirichlet): _dirichlet_dirichlet,
    (dist.GammaPoisson, dist.GammaPoisson): _negative_binomial,
    (dist.Laplace, dist.Laplace): _laplace_laplace,
    (dist.Laplace, dist.Normal): _against_normal(_laplace_moments),
    (dist.Normal, dist.Laplace): _normal_laplace,
    (dist.Normal, dist.Normal): _normal_normal,
    (dist.Poisson, dist.Poisson): _poisson_poisson,
    (dist.StudentT, dist.Normal): _against_normal(_student_moments),
    (dist.Uniform, dist.Beta): _uniform_beta,
    (dist.Uniform, dist.Laplace): _uniform_laplace,
    (dist.Uniform, dist.Normal): _against_normal(_uniform_moments),
    (dist.Uniform, dist.Uniform): _uniform_uniform,
    **_pairs(_BERNOULLI, _BERNOULLI, _bernoulli_bernoulli),
    **_pairs(_BINOMIAL, _BINOMIAL, _binomial_binomial),
    **_pairs(_CATEGORICAL, _CATEGORICAL, _classes),
    **_pairs(_GAMMA, _GAMMA, _gamma_gamma),
    **_pairs(_GAMMA, _NORMAL, _against_normal(_gamma_moments)),
    **_pairs(_GEOMETRIC, _GEOMETRIC, _geometric_geometric),
    **_pairs(_MULTINOMIAL, _MULTINOMIAL, _multinomial_multinomial),
    **_pairs((dist.Uniform,), _GAMMA, _uniform_gamma),
    **_pairs(_VECTOR, _VECTOR, _normal_vectors),
}
"""D(p‖q) in nats for pairs of classes (p, q); subclasses have the formulas of the classes they derive from."""
