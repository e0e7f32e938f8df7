"""Every registered distribution: density, CDF, moments and mode against SciPy and integrals of the density; draws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats

from thalweg.probability import (
    DISTRIBUTIONS,
    Density,
    cdf,
    covariance,
    expectation,
    make_distribution,
    mean,
    mode,
    quantile,
    sample,
    std,
    support,
    variance,
)

KINK = np.sinh(1.0)
T = np.linspace(-36, 36, 18001)
REAL, POSITIVE, UNIT = np.sinh(T / 2), np.exp(T[T < 7]), 1 / (1 + np.exp(-T[T < 25]))
"""Points that reach into all tails, for integrals of the density by Simpson's rule."""


@dataclass(frozen=True)
class Case:
    """One distribution of numbers, and the points over which its density is integrated or summed."""

    name: str
    parameters: dict[str, Any]
    points: np.ndarray
    scipy: Any = None

    def make(self) -> Any:
        return make_distribution(self.name, **self.parameters)

    def __repr__(self) -> str:
        return f"{self.name}{len(self.parameters)}-{len(self.points)}"


def mixture() -> dict[str, Any]:
    parts = [make_distribution("normal", loc=-1.0, scale=0.5), make_distribution("laplace", loc=KINK, scale=1.0)]
    return {
        "mixing_distribution": make_distribution("categorical", probs=np.array([0.4, 0.6])),
        "component_distributions": parts,
    }


class _Mixture:
    """The same mixture from SciPy's parts."""

    @staticmethod
    def pdf(x: np.ndarray) -> np.ndarray:
        return 0.4 * stats.norm(-1, 0.5).pdf(x) + 0.6 * stats.laplace(KINK, 1).pdf(x)


COUNTS = np.arange(400.0)
CONTINUOUS = [
    Case("normal", {"loc": 0.7, "scale": 2.0}, REAL, stats.norm(0.7, 2.0)),
    Case("laplace", {"loc": KINK, "scale": 1.5}, REAL, stats.laplace(KINK, 1.5)),
    Case("student_t", {"df": 5.0, "loc": 1.0, "scale": 2.0}, REAL, stats.t(5.0, 1.0, 2.0)),
    Case("uniform", {"low": -1.0, "high": 3.0}, np.linspace(-1, 3, 2001), stats.uniform(-1, 4)),
    Case("exponential", {"rate": 1.5}, POSITIVE, stats.expon(scale=1 / 1.5)),
    Case("gamma", {"concentration": 3.5, "rate": 2.0}, POSITIVE, stats.gamma(3.5, scale=0.5)),
    Case("gamma", {"concentration": 0.7, "rate": 2.0}, POSITIVE, stats.gamma(0.7, scale=0.5)),
    Case("beta", {"concentration1": 2.5, "concentration0": 4.0}, UNIT, stats.beta(2.5, 4.0)),
    Case("density", {"log_density": lambda x: -(x**4) - x**2 / 2}, REAL),
    Case(
        "density",
        {"log_density": lambda x: 1.5 * jnp.log(x) - 2 * x, "bounds": (0, np.inf)},
        POSITIVE,
        stats.gamma(2.5, scale=0.5),
    ),
    Case("mixture", mixture(), REAL, _Mixture()),
]
DISCRETE = [
    Case("bernoulli", {"probs": 0.3}, COUNTS[:2], stats.bernoulli(0.3)),
    Case("bernoulli", {"logits": 1.3}, COUNTS[:2], stats.bernoulli(1 / (1 + np.exp(-1.3)))),
    Case("binomial", {"probs": 0.36, "total_count": 19}, COUNTS[:20], stats.binom(19, 0.36)),
    Case("categorical", {"probs": np.array([0.1, 0.25, 0.4, 0.25])}, COUNTS[:4]),
    Case("categorical", {"logits": np.array([0.1, 2.0, -1.0])}, COUNTS[:3]),
    Case("poisson", {"rate": 4.3}, COUNTS, stats.poisson(4.3)),
    Case("geometric", {"probs": 0.3}, COUNTS, stats.geom(0.3, loc=-1)),
    Case("negative_binomial", {"total_count": 3.5, "probs": 0.6}, COUNTS, stats.nbinom(3.5, 0.4)),
    Case("empirical", {"points": np.array([3.0, 1.0, 3.0, 7.0]), "weights": np.array([1.0, 2, 2, 1])}, COUNTS[:8]),
    Case("delta", {"v": 2.0}, COUNTS[:4]),
]
NUMBERS = CONTINUOUS + DISCRETE
VECTORS = {"multivariate_normal", "multinomial", "dirichlet"}


def log_prob(make: Callable[[], Any], x: np.ndarray) -> np.ndarray:
    """Return NumPyro's own density in float64."""
    with jax.enable_x64(True):
        # Parameters as arguments in float64: in a closure they may be compiled as float32.
        d = make()
        if isinstance(d, Density):
            return np.asarray(jax.jit(d.log_prob)(x), np.float64)
        d = jax.tree.map(lambda leaf: jnp.array(np.asarray(leaf)), d)
        return np.asarray(jax.jit(lambda d, x: d.log_prob(x))(d, x), np.float64)


@cache
def density(index: int) -> np.ndarray:
    case = NUMBERS[index]
    return np.exp(log_prob(case.make, case.points.astype(int) if case in DISCRETE else case.points))


def integral(case: Case, values: np.ndarray) -> np.ndarray:
    """Return the integral up to each of the points, by Simpson's rule between kinks; of discrete variables the sum."""
    if case in DISCRETE:
        return np.cumsum(values)
    x, total = case.points, np.zeros(len(values))
    kink = np.searchsorted(x, KINK)
    for part in (slice(0, kink + 1), slice(kink, None)) if kink < len(x) else (slice(0, None),):
        total[part] = total[part.start] + integrate.cumulative_simpson(values[part], x=x[part], initial=0)
    return total


def test_every_distribution_has_a_case() -> None:
    assert {case.name for case in NUMBERS} | VECTORS == set(DISTRIBUTIONS)


@pytest.mark.parametrize("index", range(len(NUMBERS)), ids=lambda i: repr(NUMBERS[i]))
def test_density_cdf_moments_and_mode(index: int) -> None:
    case = NUMBERS[index]
    d, x, p = case.make(), case.points, density(index)
    # NumPyro's logarithm of the beta function has six digits.
    digits = 1e-6 if case.name == "negative_binomial" else 1e-7
    if case.scipy is not None:
        expected = case.scipy.pmf(x) if case in DISCRETE else case.scipy.pdf(x)
        np.testing.assert_allclose(p, expected, rtol=5e-6 if case.name == "negative_binomial" else 1e-9, atol=1e-200)
    total = integral(case, p)
    np.testing.assert_allclose(total[-1], 1, atol=digits)
    np.testing.assert_allclose(cdf(d, x), total, atol=digits)
    center = integral(case, p * x)[-1]
    np.testing.assert_allclose(mean(d), center, rtol=1e-6, atol=1e-7)
    spread = integral(case, p * (x - center) ** 2)[-1]
    np.testing.assert_allclose(variance(d), spread, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(std(d), np.sqrt(spread), rtol=1e-6, atol=1e-7)
    answer = expectation(np.cos, d)
    np.testing.assert_allclose(answer.value, integral(case, p * np.cos(x))[-1], atol=1e-7)
    assert answer.method == ("sum" if case in DISCRETE else "quadrature")
    assert answer.error < 1e-6
    best = x[p.argmax()]
    if case in DISCRETE:
        assert mode(d) == best
    elif case.name != "uniform":
        np.testing.assert_allclose(mode(d), best, atol=0.01)


@pytest.mark.parametrize("case", NUMBERS, ids=repr)
def test_quantile_is_the_first_value_whose_cdf_reaches_it(case: Case) -> None:
    d = case.make()
    q = np.array([1e-6, 0.01, 0.1, 1 / 3, 0.5, 0.77, 0.99, 1 - 1e-6])
    x = quantile(d, q)
    if case in DISCRETE:
        assert (cdf(d, x) >= q * (1 - 1e-12)).all()
        assert (cdf(d, x - 1e-6) < q).all()
    else:
        np.testing.assert_allclose(cdf(d, x), q, rtol=1e-10)
    lower, upper, discrete = support(d)
    assert discrete is (case in DISCRETE)
    assert (x >= lower).all()
    assert (x <= upper).all()
    np.testing.assert_array_equal(quantile(d, [0.0, 1.0]), [lower, upper])


@pytest.mark.parametrize("index", range(len(NUMBERS)), ids=lambda i: repr(NUMBERS[i]))
def test_draws_are_distributed_as_said(index: int) -> None:
    case = NUMBERS[index]
    d = case.make()
    draw = partial(sample, d, n=5000)
    x = np.asarray((draw if case.name == "density" else jax.jit(draw))(jax.random.key(7)), np.float64)
    assert x.shape == (5000,)
    if case in CONTINUOUS:
        assert stats.kstest(x, lambda at: cdf(d, at)).pvalue > 1e-3
        return
    wanted = 5000 * density(index)
    often = wanted >= 5
    counts = np.array([(x == at).sum() for at in case.points])
    assert counts[wanted == 0].sum() == 0
    counts = np.append(counts[often], 5000 - counts[often].sum())
    wanted = np.append(wanted[often], max(5000 - wanted[often].sum(), 0))
    if wanted[-1] < 1e-3:
        counts, wanted = counts[:-1], wanted[:-1]
    assert stats.power_divergence(counts, wanted * counts.sum() / wanted.sum()).pvalue > 1e-3 or len(wanted) == 1


@pytest.mark.parametrize("case", NUMBERS, ids=repr)
def test_rows_of_a_batch_are_answered_one_by_one(case: Case) -> None:
    d = case.make()
    batch = d.expand((2, 3))
    for answer in (mean, variance, mode, lambda e: quantile(e, 0.3), lambda e: cdf(e, 1.0)):
        np.testing.assert_allclose(answer(batch), np.full((2, 3), answer(d)), rtol=1e-12)
    assert quantile(batch, np.array([0.1, 0.9]).reshape(2, 1, 1)).shape == (2, 2, 3)
    vector = batch.to_event(1)
    assert mean(vector).shape == mode(vector).shape == (2, 3)
    np.testing.assert_allclose(covariance(vector), np.broadcast_to(np.eye(3) * variance(d), (2, 3, 3)), rtol=1e-12)
    np.testing.assert_allclose(cdf(vector, np.ones(3)), np.full(2, cdf(d, 1.0) ** 3), rtol=1e-12)


C = np.array([[2.0, 0.6, -0.3], [0.6, 1.0, 0.2], [-0.3, 0.2, 0.5]])


def test_multivariate_normal() -> None:
    loc = np.array([1.0, -2.0, 0.5])
    peer = stats.multivariate_normal(loc, C)
    x = np.array([[0.3, -1.0, 1.0], [2.0, 0.0, 0.0]])
    for parameters in (
        {"covariance_matrix": C},
        {"precision_matrix": np.linalg.inv(C)},
        {"scale_tril": np.linalg.cholesky(C)},
    ):
        d = make_distribution("multivariate_normal", loc=loc, **parameters)
        np.testing.assert_allclose(mean(d), loc)
        np.testing.assert_allclose(mode(d), loc)
        np.testing.assert_allclose(covariance(d), C, rtol=1e-6)
        np.testing.assert_allclose(variance(d), np.diag(C), rtol=1e-6)
        np.testing.assert_allclose(quantile(d, 0.9), stats.norm(loc, np.sqrt(np.diag(C))).ppf(0.9), rtol=1e-6)
    make = partial(make_distribution, "multivariate_normal", loc=loc, covariance_matrix=C)
    np.testing.assert_allclose(log_prob(make, x), peer.logpdf(x), rtol=1e-10)
    np.testing.assert_allclose(cdf(make(), x), peer.cdf(x), atol=1e-4)
    draws = np.asarray(sample(d, jax.random.key(1), 4000), np.float64)
    distance = np.einsum("ni,ij,nj->n", draws - loc, np.linalg.inv(C), draws - loc)
    assert stats.kstest(distance, stats.chi2(3).cdf).pvalue > 1e-3


def test_multinomial() -> None:
    p = np.array([0.2, 0.5, 0.3])
    peer = stats.multinomial(7, p)
    make = partial(make_distribution, "multinomial", total_count=7, probs=p)
    d = make()
    x = np.array([(a, b, 7 - a - b) for a in range(8) for b in range(8 - a)])
    np.testing.assert_allclose(log_prob(make, x), peer.logpmf(x), rtol=1e-9)
    np.testing.assert_allclose(mean(d), peer.mean(), rtol=1e-12)
    np.testing.assert_allclose(covariance(d), peer.cov(), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(variance(d), np.diag(peer.cov()), rtol=1e-12)
    np.testing.assert_array_equal(mode(d), x[peer.logpmf(x).argmax()])
    draws = np.asarray(sample(d, jax.random.key(2), 4000))
    counts = (draws[:, None, :] == x).all(-1).sum(0)
    often = 4000 * peer.pmf(x) >= 5
    wanted = 4000 * peer.pmf(x)[often]
    assert stats.chisquare(counts[often], wanted * counts[often].sum() / wanted.sum()).pvalue > 1e-3


@pytest.mark.parametrize("n", [1, 4, 23])
def test_the_mode_of_a_multinomial_is_the_best_of_all_counts(n: int) -> None:
    rng = np.random.default_rng(n)
    p = rng.dirichlet(np.ones(3), size=20)
    modes = mode(make_distribution("multinomial", total_count=n, probs=p))
    x = np.array([(a, b, n - a - b) for a in range(n + 1) for b in range(n + 1 - a)])
    for row, at in zip(p, modes, strict=True):
        assert stats.multinomial(n, row).logpmf(at) >= stats.multinomial(n, row).logpmf(x).max() - 1e-12


def test_dirichlet() -> None:
    a = np.array([2.0, 3.5, 1.5])
    peer = stats.dirichlet(a)
    make = partial(make_distribution, "dirichlet", concentration=a)
    d = make()
    x = np.random.default_rng(0).dirichlet(a, size=4)
    np.testing.assert_allclose(log_prob(make, x), peer.logpdf(x.T), rtol=1e-9)
    np.testing.assert_allclose(mean(d), peer.mean(), rtol=1e-12)
    np.testing.assert_allclose(covariance(d), peer.cov(), rtol=1e-12)
    np.testing.assert_allclose(variance(d), peer.var(), rtol=1e-12)
    best = peer.logpdf(mode(d))
    assert all(best >= peer.logpdf(at) for at in x)
    draws = np.asarray(sample(d, jax.random.key(3), 3000), np.float64)
    assert stats.kstest(draws[:, 0], stats.beta(2.0, 5.0).cdf).pvalue > 1e-3
