"""Mixtures, affine maps, truncation, empirical distributions and densities, against SciPy and sums written out."""

from __future__ import annotations

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from scipy import integrate, optimize, special, stats

from thalweg.core.errors import ArgumentError
from thalweg.probability import (
    Density,
    Empirical,
    affine,
    cdf,
    check_covariance,
    covariance,
    expectation,
    make_distribution,
    marginal_cdf,
    mean,
    mode,
    modes,
    quantile,
    sample,
    std,
    support,
    variance,
)

RNG = np.random.default_rng(5)
WEIGHTS, LOCS, SCALES = np.array([0.2, 0.5, 0.3]), np.array([-2.0, 0.5, 4.0]), np.array([0.5, 1.0, 0.8])


def mixture_cdf(x: np.ndarray) -> np.ndarray:
    return (WEIGHTS * stats.norm.cdf(np.asarray(x)[..., None], LOCS, SCALES)).sum(-1)


def mixture_pdf(x: np.ndarray) -> np.ndarray:
    return (WEIGHTS * stats.norm.pdf(np.asarray(x)[..., None], LOCS, SCALES)).sum(-1)


def same_family() -> Any:
    return dist.MixtureSameFamily(dist.Categorical(probs=WEIGHTS), dist.Normal(LOCS, SCALES))


def general() -> Any:
    parts = [dist.Normal(loc, scale) for loc, scale in zip(LOCS, SCALES, strict=True)]
    return dist.MixtureGeneral(dist.Categorical(probs=WEIGHTS), parts)


@pytest.mark.parametrize("make", [same_family, general])
def test_mixtures_of_numbers(make: Any) -> None:
    d = make()
    x = np.linspace(-4, 7, 23)
    np.testing.assert_allclose(cdf(d, x), mixture_cdf(x), rtol=1e-12)
    q = np.array([1e-9, 0.05, 0.2, 0.5, 0.9, 1 - 1e-9])
    expected = [optimize.brentq(lambda t, level=level: mixture_cdf(t) - level, -20, 20, xtol=1e-13) for level in q]
    np.testing.assert_allclose(quantile(d, q)[:-1], expected[:-1], rtol=1e-9)
    # At 1 - 1e-9 the last digit of F stands for 1e-7 of the tail.
    np.testing.assert_allclose(quantile(d, q)[-1], expected[-1], rtol=1e-7)
    np.testing.assert_array_equal(quantile(d, [0.0, 1.0]), [-np.inf, np.inf])
    center = WEIGHTS @ LOCS
    np.testing.assert_allclose(mean(d), center, rtol=1e-12)
    np.testing.assert_allclose(variance(d), WEIGHTS @ (SCALES**2 + LOCS**2) - center**2, rtol=1e-12)
    # Every maximum of the density, by brute force.
    grid = np.linspace(-5, 7, 1_200_001)
    p = mixture_pdf(grid)
    tops = grid[1:-1][(p[1:-1] > p[:-2]) & (p[1:-1] > p[2:])]
    tops = tops[np.argsort(-mixture_pdf(tops))]
    np.testing.assert_allclose(modes(d), tops, atol=2e-5)
    np.testing.assert_allclose(mode(d), tops[0], atol=2e-5)
    answer = expectation(np.tanh, d)
    np.testing.assert_allclose(
        answer.value, integrate.quad(lambda t: np.tanh(t) * mixture_pdf(t), -9, 12)[0], atol=1e-9
    )
    assert answer.error < 1e-7


def test_rows_of_mixtures_are_answered_together() -> None:
    rows, parts = 40, 4
    logits, loc, scale = (
        RNG.normal(size=(rows, parts)),
        3 * RNG.normal(size=(rows, parts)),
        RNG.gamma(2, size=(rows, parts)),
    )
    together = dist.MixtureSameFamily(
        dist.Categorical(logits=logits), dist.Normal(loc[..., None], scale[..., None]).to_event(1)
    )
    assert mode(together).shape == mean(together).shape == (rows, 1)
    for i in range(0, rows, 7):
        one = dist.MixtureSameFamily(dist.Categorical(logits=logits[i]), dist.Normal(loc[i], scale[i]))
        for answer in (mean, variance, mode, lambda d: quantile(d, 0.8)):
            np.testing.assert_allclose(answer(together)[i, 0], answer(one), rtol=1e-7, atol=1e-8)
        np.testing.assert_allclose(cdf(together, np.ones(1))[i], cdf(one, 1.0), rtol=1e-12)
        found = modes(together)[i, :, 0]
        np.testing.assert_allclose(found[~np.isnan(found)], modes(one), rtol=1e-6, atol=1e-6)


def test_mixtures_of_counts() -> None:
    d = dist.MixtureSameFamily(dist.Categorical(probs=np.array([0.6, 0.4])), dist.Poisson(np.array([2.5, 15.0])))
    k = np.arange(80)
    p = 0.6 * stats.poisson.pmf(k, 2.5) + 0.4 * stats.poisson.pmf(k, 15.0)
    np.testing.assert_allclose(cdf(d, k), np.cumsum(p), rtol=1e-12)
    q = np.array([0.001, 0.1, 0.5, 0.8, 0.999])
    np.testing.assert_array_equal(quantile(d, q), np.searchsorted(np.cumsum(p), q))
    assert mode(d) == p.argmax()
    np.testing.assert_array_equal(modes(d), [2, 14])
    np.testing.assert_allclose(expectation(np.sqrt, d).value, (p * np.sqrt(k)).sum(), rtol=1e-10)


def test_mixtures_of_normal_vectors() -> None:
    loc = np.array([[0.0, 0.0], [2.5, 1.0], [-1.0, 3.0]])
    matrices = np.array([[[1.0, 0.3], [0.3, 0.5]], [[0.4, -0.1], [-0.1, 0.3]], [[0.5, 0.0], [0.0, 1.5]]])
    d = dist.MixtureSameFamily(dist.Categorical(probs=WEIGHTS), dist.MultivariateNormal(loc, matrices))
    center = WEIGHTS @ loc
    np.testing.assert_allclose(mean(d), center, rtol=1e-6)
    second = np.einsum("k,kij->ij", WEIGHTS, matrices + loc[:, :, None] * loc[:, None])
    np.testing.assert_allclose(covariance(d), second - np.outer(center, center), rtol=1e-5)
    np.testing.assert_allclose(variance(d), np.diag(second) - center**2, rtol=1e-5)

    def cost(x: np.ndarray) -> float:
        parts = zip(WEIGHTS, loc, matrices, strict=True)
        return -sum(w * stats.multivariate_normal.pdf(x, m, c) for w, m, c in parts)

    tops = [
        optimize.minimize(cost, start, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-15}).x for start in loc
    ]
    tops.sort(key=cost)
    np.testing.assert_allclose(modes(d), tops, atol=1e-5)
    np.testing.assert_allclose(mode(d), tops[0], atol=1e-5)
    x = np.array([0.5, 1.0])
    joint = sum(w * stats.multivariate_normal.cdf(x, m, c) for w, m, c in zip(WEIGHTS, loc, matrices, strict=True))
    np.testing.assert_allclose(cdf(d, x), joint, atol=1e-4)
    each = (WEIGHTS[:, None] * stats.norm.cdf(x, loc, np.sqrt(np.diagonal(matrices, axis1=1, axis2=2)))).sum(0)
    np.testing.assert_allclose(marginal_cdf(d, x), each, rtol=1e-6)
    np.testing.assert_allclose(marginal_cdf(d, quantile(d, 0.3)), [0.3, 0.3], rtol=1e-9)


def test_three_equal_normals_in_the_plane_with_one_mode() -> None:
    corners = np.array([[np.cos(t), np.sin(t)] for t in (0, 2 * np.pi / 3, 4 * np.pi / 3)])
    d = dist.MixtureSameFamily(dist.Categorical(probs=np.ones(3) / 3), dist.Normal(corners, 2.0).to_event(1))
    np.testing.assert_allclose(modes(d), np.zeros((1, 2)), atol=1e-6)


AFFINE = [
    dist.Normal(0.3, 2.0),
    dist.Laplace(0.3, 2.0),
    dist.StudentT(5.0, 0.3, 2.0),
    dist.Logistic(0.3, 2.0),
    dist.Uniform(-1.0, 2.0),
    dist.Gamma(3.0, 2.0),
    dist.Beta(2.0, 5.0),
    dist.LogNormal(0.1, 0.4),
    dist.InverseGamma(5.0, 2.0),
    dist.TruncatedNormal(0.0, 1.0, low=-0.5),
    same_family(),
    general(),
    dist.MixtureSameFamily(dist.Categorical(probs=np.array([0.3, 0.7])), dist.Gamma(np.array([2.0, 9.0]), 1.0)),
    Density(lambda x: -(jnp.abs(x) ** 3)),
    Empirical([1.0, 2.0, 5.0], [0.2, 0.5, 0.3]),
    dist.Normal(np.zeros(3), np.arange(1.0, 4)).to_event(1),
    dist.Normal(0.0, 1.0).expand((3,)),
]


@pytest.mark.parametrize(("scale", "d"), list(itertools.product([2.5, -0.7], AFFINE)), ids=lambda x: type(x).__name__)
def test_affine_maps_carry_everything_along(scale: float, d: Any) -> None:
    mapped = affine(d, 1.5, scale)
    assert mapped.batch_shape == d.batch_shape
    assert mapped.event_shape == d.event_shape
    np.testing.assert_allclose(mean(mapped), 1.5 + scale * mean(d), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(std(mapped), abs(scale) * std(d), rtol=1e-6)
    np.testing.assert_allclose(mode(mapped), 1.5 + scale * mode(d), rtol=1e-5, atol=1e-6)
    q = np.array([0.15, 0.4, 0.85]).reshape(-1, *(1,) * len(d.shape()))
    there = quantile(d, q if scale > 0 else 1 - q)
    np.testing.assert_allclose(quantile(mapped, q), 1.5 + scale * there, rtol=1e-5, atol=1e-6)
    if not isinstance(d, Empirical):
        np.testing.assert_allclose(
            marginal_cdf(mapped, quantile(mapped, q)), np.broadcast_to(q, (3, *d.shape())), rtol=1e-6
        )
    low, high, _ = support(d)
    expected = np.sort([1.5 + scale * low, 1.5 + scale * high], axis=0)
    np.testing.assert_allclose(support(mapped)[:2], expected, rtol=1e-6)
    assert np.shape(sample(mapped, jax.random.key(0), 4)) == (4, *d.shape())


def test_affine_maps_of_vectors_and_counts() -> None:
    c = np.array([[2.0, 0.5], [0.5, 1.0]])
    scale = np.array([2.0, -3.0])
    mapped = affine(dist.MultivariateNormal(np.ones(2), c), [1.0, 0.0], scale)
    np.testing.assert_allclose(covariance(mapped), np.outer(scale, scale) * c, rtol=1e-6)
    np.testing.assert_allclose(mean(mapped), [3, -3], rtol=1e-6)
    counts = affine(dist.Poisson(4.0), 10.0, -2.0)
    k = np.arange(6)
    np.testing.assert_allclose(counts.log_prob(10.0 - 2 * k), stats.poisson.logpmf(k, 4.0), rtol=1e-5)
    np.testing.assert_allclose(cdf(counts, 10.0 - 2 * k), stats.poisson.sf(k - 1, 4.0), rtol=1e-10)
    rows = affine(dist.Normal(np.zeros((4, 2)), 1.0).to_event(1), np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    np.testing.assert_allclose(mean(rows), np.tile([1.0, 2.0], (4, 1)))
    with pytest.raises(ArgumentError, match="scale: expected finite numbers other than 0"):
        affine(dist.Normal(0.0, 1.0), 0.0, 0.0)
    with pytest.raises(ArgumentError, match="shift: expected finite numbers"):
        affine(dist.Normal(0.0, 1.0), np.nan)


@pytest.mark.parametrize(
    ("low", "high"), [(0.5, None), (None, -1.0), (-0.3, 2.0), (6.0, None), (6.0, 7.0), (None, -6.0)]
)
def test_truncated_normals_equal_scipys(low: float | None, high: float | None) -> None:
    d = dist.TruncatedNormal(0.2, 1.5, low=low, high=high)
    ends = [(-np.inf if low is None else (low - 0.2) / 1.5), (np.inf if high is None else (high - 0.2) / 1.5)]
    peer = stats.truncnorm(*ends, loc=0.2, scale=1.5)
    np.testing.assert_allclose(mean(d), peer.mean(), rtol=1e-6)
    np.testing.assert_allclose(variance(d), peer.var(), rtol=1e-5)
    q = np.array([0.01, 0.3, 0.7, 0.99])
    np.testing.assert_allclose(quantile(d, q), peer.ppf(q), rtol=1e-6)
    np.testing.assert_allclose(cdf(d, peer.ppf(q)), q, rtol=1e-5)
    np.testing.assert_allclose(
        mode(d), np.clip(0.2, low if low is not None else -np.inf, high if high is not None else np.inf)
    )


def test_empirical_distributions_are_sample_means() -> None:
    points, weights = RNG.normal(size=(50, 3)), RNG.random(50)
    d = Empirical(points, weights)
    np.testing.assert_allclose(mean(d), np.average(points, axis=0, weights=weights), rtol=1e-12)
    np.testing.assert_allclose(covariance(d), np.cov(points.T, aweights=weights, bias=True), rtol=1e-12)
    answer = expectation(lambda x: x[:, 0] * x[:, 2], d)
    np.testing.assert_allclose(answer.value, np.average(points[:, 0] * points[:, 2], weights=weights), rtol=1e-12)
    assert answer.method == "sum"
    np.testing.assert_array_equal(mode(d), points[weights.argmax()])
    at = np.array([0.2, 0.5, -0.1])
    np.testing.assert_allclose(cdf(d, at), weights[(points <= at).all(1)].sum() / weights.sum(), rtol=1e-12)
    np.testing.assert_allclose(d.log_prob(points[3]), np.log(weights[3] / weights.sum()), rtol=1e-5)
    assert d.log_prob(np.zeros(3)) == -np.inf
    peer = np.quantile(points[:, 0], [0.1, 0.5, 0.93], method="inverted_cdf", weights=weights)
    np.testing.assert_array_equal(quantile(d, np.array([0.1, 0.5, 0.93])[:, None])[:, 0], peer)
    draws = np.asarray(sample(d, jax.random.key(0), 5000))
    counts = (np.abs(draws[:, None, 0] - points[:, 0].astype(np.float32)) < 1e-7).sum(0)
    assert stats.chisquare(counts, 5000 * weights / weights.sum()).pvalue > 1e-3


def test_batches_of_empirical_distributions() -> None:
    members = RNG.normal(size=(6, 20, 2))
    d = Empirical(members, event_dim=1)
    assert d.batch_shape == (6,)
    np.testing.assert_allclose(mean(d), members.mean(1), rtol=1e-12)
    np.testing.assert_array_equal(quantile(d, 0.5), np.quantile(members, 0.5, axis=1, method="inverted_cdf"))
    assert sample(d, jax.random.key(0), 3).shape == (3, 6, 2)
    each = np.asarray(sample(d, jax.random.key(0), 30))
    assert all(np.isin(each[:, i], members[i].astype(np.float32)).all() for i in range(6))


@pytest.mark.parametrize("shift", [0.0, -1e4, 3e6])
@pytest.mark.parametrize("width", [1e-3, 1.0, 1e3])
def test_densities_are_found_wherever_they_are(shift: float, width: float) -> None:
    d = Density(lambda x: -0.5 * ((x - shift) / width) ** 2 - 7)
    np.testing.assert_allclose((mean(d) - shift) / width, 0, atol=1e-5)
    np.testing.assert_allclose(std(d), width, rtol=1e-6)
    np.testing.assert_allclose((quantile(d, 0.9) - shift) / width, stats.norm.ppf(0.9), atol=1e-5)


def test_densities_with_two_modes_poles_heavy_tails_and_edges() -> None:
    two = Density(lambda x: np.logaddexp(-0.5 * ((x + 40) / 0.1) ** 2, -0.5 * (x - 30) ** 2))
    lower = 0.1 / 1.1  # share of the narrow one
    np.testing.assert_allclose(cdf(two, 0.0), lower, rtol=1e-9)
    np.testing.assert_allclose(mean(two), -40 * lower + 30 * (1 - lower), rtol=1e-9)
    pole = Density(lambda x: -0.5 * np.log(x) - x, (0, np.inf))
    np.testing.assert_allclose(cdf(pole, [1e-4, 0.3, 5]), stats.gamma(0.5).cdf([1e-4, 0.3, 5]), rtol=1e-9)
    np.testing.assert_allclose([mean(pole), variance(pole)], [0.5, 0.5], rtol=1e-9)
    heavy = Density(lambda x: -np.log1p(x**2))
    np.testing.assert_allclose(quantile(heavy, [0.001, 0.25, 0.99]), stats.cauchy.ppf([0.001, 0.25, 0.99]), rtol=1e-9)
    step = Density(lambda x: np.where(x < 0.3, np.log(2.0), 0.0), (0, 1))
    np.testing.assert_allclose(cdf(step, [0.15, 0.3, 1]), [0.3 / 1.3, 0.6 / 1.3, 1], rtol=1e-9)
    jax_one = Density(lambda x: jax.scipy.stats.norm.logpdf(x, 2.0, 3.0))
    np.testing.assert_allclose([mean(jax_one), std(jax_one)], [2, 3], rtol=1e-9)
    np.testing.assert_allclose(jax_one.log_prob(2.0), stats.norm(2, 3).logpdf(2.0), rtol=1e-6)
    assert pole.log_prob(-1.0) == -np.inf
    np.testing.assert_allclose(expectation(np.log, pole).value, special.digamma(0.5), rtol=1e-6)


@pytest.mark.parametrize(
    ("log_density", "bounds", "message"),
    [
        (lambda x: 0 * x, (-np.inf, np.inf), "integral is finite"),
        (lambda x: -np.log(x), (0, 1), "infinite towards 0"),
        (lambda x: -np.log(x), (1, np.inf), "infinite towards inf"),
        (lambda x: x, (0, np.inf), "integral is finite"),
        (lambda x: np.full_like(x, -np.inf), (0, 1), "positive somewhere"),
        (lambda x: x * np.nan, (0, 1), "finite numbers or minus infinity"),
        (lambda x: -x, (1, 0), "a lower end below the upper"),
        (lambda _: 0.0, (0, 1), "an elementwise function"),
    ],
)
def test_densities_that_do_not_integrate_are_refused(log_density: Any, bounds: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        Density(log_density, bounds)


def test_expectations_of_vectors_are_sampled_with_their_error() -> None:
    c = np.array([[2.0, 0.5], [0.5, 1.0]])
    d = dist.MultivariateNormal(np.array([[1.0, 2.0], [0.0, 0.0]]), c)
    answer = expectation(lambda x: x[..., 0] * x[..., 1], d, key=jax.random.key(4), samples=40_000)
    assert answer.method == "Monte Carlo"
    assert answer.value.shape == (2,)
    exact = np.array([2.5, 0.5])
    assert (np.abs(answer.value - exact) < 4 * answer.error).all()
    # Var(x y) = C_xx C_yy + C_xy² + μ_x² C_yy + μ_y² C_xx + 2 μ_x μ_y C_xy
    spread = np.sqrt(np.array([2.25 + 1 + 8 + 2, 2.25]) / 40_000)
    np.testing.assert_allclose(answer.error, spread, rtol=0.1)
    with pytest.raises(ArgumentError, match="g: expected values of shape"):
        expectation(lambda x: x, d, samples=10)
    with pytest.raises(ArgumentError, match="samples"):
        expectation(lambda x: x, dist.Normal(0.0, 1.0), samples=1)


@pytest.mark.parametrize(
    ("d", "g", "exists"),
    [
        (dist.Cauchy(0.0, 1.0), lambda x: x, False),
        (dist.Cauchy(0.0, 1.0), lambda x: np.abs(x) ** 0.8, True),
        (dist.StudentT(2.5, 0.0, 1.0), lambda x: x**2, True),
        (Density(lambda x: -jnp.log1p(x**2)), lambda x: x, False),
        (Density(lambda x: -jnp.log1p(x**2)), lambda x: np.abs(x) ** 0.8, True),
        (Density(lambda x: -(x**2)), lambda x: x**2, True),
        (Density(lambda x: 0 * x, (0, 1)), lambda x: x**2, True),
        (dist.Uniform(0.0, 1.0), lambda x: 1 / x, False),
        (dist.Uniform(0.0, 1.0), lambda x: x**-0.5, True),
        (dist.Normal(0.0, 1.0), lambda x: np.exp(15 * x), True),
        (dist.Normal(0.0, 1.0), lambda x: np.exp(x**2), False),
    ],
)
def test_expectations_that_do_not_exist_have_no_error_bound(d: Any, g: Any, exists: bool) -> None:
    with np.errstate(over="ignore"):
        answer = expectation(g, d)
    assert np.isfinite(answer.error) == exists
    assert (answer.note == "") == exists


def test_expectations_of_rows() -> None:
    loc, at = np.random.default_rng(1).normal(size=(2, 200))
    d = dist.Normal(loc, 1.3)
    answer = expectation(lambda x: np.abs(x - at), d)
    z = (at - loc) / 1.3
    exact = 1.3 * (2 * stats.norm.pdf(z) + z * (2 * stats.norm.cdf(z) - 1))
    # The cost has a kink, whose place within a panel is chance: so is the error, which is an estimate then.
    assert np.mean(np.abs(answer.value - exact) <= answer.error) >= 0.9
    np.testing.assert_allclose(answer.value, exact, atol=1e-4)
    assert answer.error.max() < 1e-3


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: make_distribution("nomal"), "Did you mean 'normal'"),
        (lambda: make_distribution("normal", mu=1.0), "parameters: expected those of normal"),
        (lambda: make_distribution("normal", loc=0.0, scale=-1.0), "scale"),
        (lambda: make_distribution("gamma", rate=1.0), "expected concentration, which gamma needs, got rate"),
        (lambda: make_distribution("gamma", concentraton=1.0), "Did you mean 'concentration'"),
        (lambda: make_distribution("categorical", probs=[0.5, 0.6]), "invalid probs"),
        (lambda: make_distribution("uniform", low=1.0, high=[2.0, 0.0]), "low: expected less than high, got 1"),
        (
            lambda: make_distribution("multivariate_normal", loc=np.zeros(2), covariance_matrix=[[1.0, 2], [2, 1]]),
            "covariance_matrix: expected a positive definite matrix, got one whose smallest eigenvalue is -1",
        ),
        (lambda: check_covariance("c", [[1.0, 0.5], [0.0, 1.0]]), "c: expected a symmetric matrix"),
        (lambda: check_covariance("c", [1.0, 2.0]), "c: expected a square matrix"),
        (lambda: check_covariance("c", [[np.nan]]), "c: expected finite numbers"),
        (lambda: check_covariance("c", "word"), "c: expected a covariance matrix"),
        (lambda: Empirical([]), "points: expected at least one point"),
        (lambda: Empirical([1.0, np.inf]), "points: expected finite numbers"),
        (lambda: Empirical([1.0, 2.0], [1.0]), "weights: expected one for each point"),
        (lambda: Empirical([1.0, 2.0], [1.0, -1.0]), "weights: expected weights of at least 0, got -1"),
        (lambda: Empirical([1.0, 2.0], [0.0, 0.0]), "weights that are not all 0"),
        (lambda: quantile(dist.Normal(0.0, 1.0), 1.2), "q: expected probabilities between 0 and 1, got 1.2"),
        (lambda: mean("normal"), "d: expected a NumPyro distribution"),
        (lambda: covariance(dist.Normal(np.zeros((2, 2)), 1.0).to_event(2)), "d: expected a distribution of numbers"),
        (lambda: sample(dist.Normal(0.0, 1.0), jax.random.key(0), 0), "n: expected a whole number of at least 1"),
    ],
)
def test_bad_input_is_named(call: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        call()
