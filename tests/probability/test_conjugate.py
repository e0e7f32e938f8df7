"""Conjugate updates against Bayes' rule on a grid, where the likelihood comes from SciPy."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import numpyro.distributions as dist
import pytest
from scipy import integrate, stats

from thalweg.core.errors import ArgumentError
from thalweg.probability import CONJUGATE, NormalInverseGamma, bayes_grid, cdf, mean, mode, variance

UNIT, RATES = np.linspace(0, 1, 4001)[1:-1], np.linspace(0, 30, 6001)[1:]


def log_prob(d: Any, x: Any) -> np.ndarray:
    with jax.enable_x64(True):
        return np.asarray(jax.jit(d.log_prob)(x), np.float64)


def lomax_cdf(x: np.ndarray) -> np.ndarray:
    return stats.lomax(5.0, scale=5.1).cdf(x)


CASES = {
    # name → prior, observations, options, grid of the parameter, ln p(y | θ), next values and ln p(next | θ)
    "beta_bernoulli": (dist.Beta(2.0, 3.0), [1, 0, 1, 1], {}, UNIT, stats.bernoulli.logpmf, np.arange(2)),
    "beta_binomial": (
        dist.Beta(2.0, 3.0), [4, 6], {"trials": 7}, UNIT, lambda y, p: stats.binom.logpmf(y, 7, p), np.arange(8),
    ),
    "gamma_poisson": (dist.Gamma(2.0, 1.5), [3, 0, 5], {}, RATES, stats.poisson.logpmf, np.arange(12)),
    "gamma_exponential": (
        dist.Gamma(2.0, 1.5), [0.4, 2.0, 1.2], {}, RATES, lambda y, r: stats.expon.logpdf(y, scale=1 / r),
        np.array([0.1, 1.0, 5.0]),
    ),
    "normal_normal": (
        dist.Normal(1.0, 2.0), [0.3, -1.0, 2.0], {"scale": 1.5}, np.linspace(-12, 12, 4001),
        lambda y, m: stats.norm.logpdf(y, m, 1.5), np.array([-2.0, 0.5, 3.0]),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_posterior_and_predictive_equal_those_of_the_grid(name: str) -> None:
    prior, y, options, grid, log_density, following = CASES[name]
    answer = CONJUGATE[name](prior, y, **options)
    log_likelihood = sum(log_density(value, grid) for value in y)
    expected = bayes_grid(log_prob(prior, grid), log_likelihood, grid).posterior
    np.testing.assert_allclose(np.exp(log_prob(answer.posterior, grid)), expected, rtol=1e-4, atol=1e-5)
    predicted = [np.trapezoid(expected * np.exp(log_density(value, grid)), grid) for value in following]
    np.testing.assert_allclose(np.exp(log_prob(answer.predictive, following)), predicted, rtol=2e-4)


def test_lomax_predictive_has_cdf_and_moments() -> None:
    answer = CONJUGATE["gamma_exponential"](dist.Gamma(2.0, 1.5), [0.4, 2.0, 1.2])
    x = np.array([0.0, 0.2, 1.0, 30.0])
    np.testing.assert_allclose(cdf(answer.predictive, x), lomax_cdf(x), atol=1e-7)
    peer = stats.lomax(5.0, scale=5.1)
    np.testing.assert_allclose(mean(answer.predictive), peer.mean(), rtol=1e-6)
    np.testing.assert_allclose(variance(answer.predictive), peer.var(), rtol=1e-6)
    np.testing.assert_allclose(mode(answer.predictive), 0, atol=1e-6)


def test_dirichlet_pairs_equal_the_grid_on_the_simplex() -> None:
    a, classes = np.array([1.5, 2.0, 3.0]), [0, 2, 2, 1, 2]
    categorical = CONJUGATE["dirichlet_categorical"](dist.Dirichlet(a), classes)
    multinomial = CONJUGATE["dirichlet_multinomial"](dist.Dirichlet(a), [[1, 1, 3]])
    x = np.linspace(0, 1, 401)
    first, second = np.meshgrid(x, x, indexing="ij")
    p = np.stack([first, second, 1 - first - second], axis=-1)
    inside = (p > 0).all(-1)
    density = np.where(inside, np.prod(np.where(inside[..., None], p, 1) ** (a - 1 + np.bincount(classes)), -1), 0)
    density /= np.trapezoid(np.trapezoid(density, x), x)
    for answer in (categorical, multinomial):
        np.testing.assert_allclose(np.exp(log_prob(answer.posterior, p[inside])), density[inside], rtol=1e-3, atol=1e-4)
    predicted = [np.trapezoid(np.trapezoid(density * p[..., i], x), x) for i in range(3)]
    np.testing.assert_allclose(categorical.predictive.probs, predicted, atol=1e-5)
    counts = np.array([2, 0, 3])
    mass = stats.multinomial.pmf(counts, 5, np.where(inside[..., None], p, [1, 0, 0]))
    expected = np.trapezoid(np.trapezoid(np.where(inside, density * mass, 0), x), x)
    np.testing.assert_allclose(np.exp(log_prob(multinomial.predictive, counts)), expected, rtol=1e-4)


def test_normal_inverse_gamma_equals_the_grid() -> None:
    prior, y = NormalInverseGamma(0.5, 2.0, 3.0, 2.0), [1.0, -0.4, 2.2]
    answer = CONJUGATE["normal_inverse_gamma"](prior, y)
    m, v = np.linspace(-6, 7, 521), np.geomspace(0.02, 60, 600)
    points = np.stack(np.meshgrid(m, v, indexing="ij"), axis=-1)
    peer_prior = stats.norm.logpdf(points[..., 0], 0.5, np.sqrt(points[..., 1] / 2)) + stats.invgamma.logpdf(
        points[..., 1], 3.0, scale=2.0
    )
    np.testing.assert_allclose(log_prob(prior, points), peer_prior, rtol=1e-5, atol=1e-5)
    likelihood = sum(stats.norm.logpdf(value, points[..., 0], np.sqrt(points[..., 1])) for value in y)
    grid = bayes_grid(peer_prior, likelihood, m, v)
    np.testing.assert_allclose(np.exp(log_prob(answer.posterior, points)), grid.posterior, rtol=1e-3, atol=1e-4)
    for value in (-1.0, 0.9, 3.0):
        density = grid.posterior * stats.norm.pdf(value, points[..., 0], np.sqrt(points[..., 1]))
        expected = np.trapezoid(np.trapezoid(density, v, axis=-1), m)
        np.testing.assert_allclose(np.exp(log_prob(answer.predictive, value)), expected, rtol=1e-3)
    of_mean = np.trapezoid(grid.posterior, v, axis=-1)
    np.testing.assert_allclose(
        cdf(answer.posterior.mean_marginal(), m), integrate.cumulative_trapezoid(of_mean, m, initial=0), atol=1e-3
    )
    draws = np.asarray(answer.posterior.sample(jax.random.key(0), (4000,)), np.float64)
    assert stats.kstest(draws[:, 0], lambda x: cdf(answer.posterior.mean_marginal(), x)).pvalue > 1e-3
    assert stats.kstest(draws[:, 1], lambda x: cdf(answer.posterior.variance_marginal(), x)).pvalue > 1e-3


def test_multivariate_normal_equals_the_formula_with_inverses() -> None:
    rng = np.random.default_rng(3)
    s, c = (a @ a.T + np.eye(3) for a in rng.normal(size=(2, 3, 3)))
    loc, y = rng.normal(size=3), rng.normal(size=(5, 3))
    answer = CONJUGATE["multivariate_normal"](dist.MultivariateNormal(loc, s), y, c)
    precision = np.linalg.inv(s) + 5 * np.linalg.inv(c)
    expected = np.linalg.solve(precision, np.linalg.solve(s, loc) + np.linalg.solve(c, y.sum(0)))
    np.testing.assert_allclose(answer.posterior.loc, expected, rtol=1e-5)
    np.testing.assert_allclose(answer.posterior.covariance_matrix, np.linalg.inv(precision), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(answer.predictive.covariance_matrix, np.linalg.inv(precision) + c, rtol=1e-5, atol=1e-7)


def test_every_pair_has_a_test() -> None:
    others = {"dirichlet_categorical", "dirichlet_multinomial", "normal_inverse_gamma", "multivariate_normal"}
    assert set(CASES) | others == set(CONJUGATE)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("beta_bernoulli", (dist.Normal(0.0, 1.0), [1]), "prior: expected one Beta distribution, got Normal"),
        ("beta_bernoulli", (dist.Beta(1.0, 1.0), [2]), "y: expected zeros and ones, got 2"),
        ("beta_bernoulli", (dist.Beta(1.0, 1.0), []), "at least one observation"),
        ("beta_binomial", (dist.Beta(1.0, 1.0), [3.5], 4), "y: expected whole numbers from 0 to 4, got 3.5"),
        ("dirichlet_categorical", (dist.Dirichlet(np.ones(3)), [3]), "class numbers from 0 to 2, got 3"),
        ("dirichlet_multinomial", (dist.Dirichlet(np.ones(2)), [[1, 2], [1, 1]]), "equal sums"),
        ("beta_bernoulli", (dist.Beta(1.0, 1.0), [1, 2, 0]), "y: expected zeros and ones, got 2"),
        ("gamma_poisson", (dist.Gamma(1.0, 1.0), [-1]), "y: expected counts of at least 0, got -1"),
        ("gamma_exponential", (dist.Gamma(1.0, 1.0), [np.nan]), "y: expected times of at least 0, got nan"),
        ("normal_normal", (dist.Normal(0.0, 1.0), [1.0], 0.0), "scale: expected a number above 0"),
        ("normal_normal", (dist.Normal(0.0, np.ones(2)), [1.0], 1.0), "prior: expected one Normal"),
        (
            "multivariate_normal",
            (dist.MultivariateNormal(np.zeros(2), np.eye(2)), [[1.0, 2.0]], [[1.0, 2.0], [2.0, 1.0]]),
            "smallest eigenvalue is -1",
        ),
        ("multivariate_normal", (dist.MultivariateNormal(np.zeros(2), np.eye(2)), [[1.0]], np.eye(2)), "vectors"),
    ],
)
def test_bad_input_is_named(name: str, arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        CONJUGATE[name](*arguments)
