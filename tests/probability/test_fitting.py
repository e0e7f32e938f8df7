"""Fits against maximum likelihood by SciPy, closed forms, and the optimum's own neighbors."""

from __future__ import annotations

import numpy as np
import numpyro.distributions as dist
import pytest
from scipy import stats

from thalweg.core.errors import ArgumentError
from thalweg.probability import divergence, fit

MIXTURE = dist.MixtureSameFamily(
    dist.Categorical(np.array([0.4, 0.6])), dist.Normal(np.array([-4.0, 3.0]), np.array([0.5, 1.0]))
)


@pytest.mark.parametrize("sigma", [0.5, 1.0, 7.0])
def test_best_laplace_for_a_normal(sigma):
    best = fit("laplace", dist.Normal(0.0, sigma))
    assert float(best.distribution.scale) == pytest.approx(sigma * np.sqrt(2 / np.pi), rel=1e-7)
    assert float(best.estimate) == pytest.approx(0.5 - np.log(np.pi / 2), rel=1e-7)
    assert best.estimate.method == "closed form"
    for factor in (0.99, 1.01):
        other = dist.Laplace(0.0, factor * best.distribution.scale)
        assert float(divergence(dist.Normal(0.0, sigma), other)) > float(best.estimate)


DATA = np.random.default_rng(0).gamma(2.5, 0.7, 399)
COUNTS = np.random.default_rng(1).geometric(0.3, 400) - 1
SCIPY = {
    "normal": (DATA, ("loc", "scale"), stats.norm.fit),
    "laplace": (DATA, ("loc", "scale"), stats.laplace.fit),
    "exponential": (DATA, ("rate",), lambda x: [1 / x.mean()]),
    "gamma": (DATA, ("concentration", "rate"), lambda x: np.array(stats.gamma.fit(x, floc=0))[[0, 2]] ** [1, -1]),
    "beta": (
        np.random.default_rng(2).beta(2, 0.7, 300),
        ("concentration1", "concentration0"),
        lambda x: stats.beta.fit(x, floc=0, fscale=1)[:2],
    ),
    "poisson": (COUNTS, ("rate",), lambda x: [x.mean()]),
    "geometric": (COUNTS, ("probs",), lambda x: [1 / (1 + x.mean())]),
    "bernoulli": (COUNTS > 1, ("probs",), lambda x: [np.mean(x)]),
    "categorical": (np.minimum(COUNTS, 3), ("probs",), lambda x: [np.bincount(x) / len(x)]),
    "uniform": (DATA, ("low", "high"), lambda x: (x.min(), x.max())),
    "multivariate_normal": (
        np.random.default_rng(3).normal(size=(200, 3)),
        ("loc", "covariance_matrix"),
        lambda x: (x.mean(axis=0), np.cov(x.T, bias=True)),
    ),
}


@pytest.mark.parametrize("name", SCIPY)
def test_forward_fit_to_data_is_maximum_likelihood(name):
    data, parameters, expected = SCIPY[name]
    best = fit(name, data)
    for parameter, value in zip(parameters, expected(data), strict=True):
        np.testing.assert_allclose(getattr(best.distribution, parameter), value, rtol=2e-5, atol=1e-8)


@pytest.mark.parametrize("family", [dist.Gamma, dist.Beta, dist.Poisson, dist.Geometric, dist.Exponential])
def test_a_family_finds_its_own_member(family):
    p = family(3.0, 2.0) if family in {dist.Gamma, dist.Beta} else family(0.4)
    best = fit(family, p)
    assert float(divergence(p, best.distribution)) == pytest.approx(0, abs=1e-10)


def test_forward_covers_and_backward_seeks_a_mode():
    forward, backward = fit("normal", MIXTURE), fit("normal", MIXTURE, "backward")
    assert float(forward.distribution.loc) == pytest.approx(0.2, abs=1e-6)
    assert float(forward.distribution.scale) > 3
    # At the heavier mode D(q‖p) is nearly -ln of its weight; the other mode is among the optima.
    assert float(backward.distribution.loc) == pytest.approx(3, abs=0.02)
    assert float(backward.estimate) == pytest.approx(-np.log(0.6), abs=0.01)
    places = [float(q.loc) for q, _ in backward.optima]
    assert any(abs(place + 4) < 0.05 for place in places)
    assert [value for _, value in backward.optima] == sorted(value for _, value in backward.optima)
    loc, scale = float(backward.distribution.loc), float(backward.distribution.scale)
    for other in (dist.Normal(loc + 0.05, scale), dist.Normal(loc - 0.05, scale), dist.Normal(loc, 1.05 * scale)):
        assert float(divergence(other, MIXTURE)) > float(backward.estimate)


def test_search_finds_the_shape_of_a_student_t():
    best = fit("student_t", dist.StudentT(4.0, 1.0, 2.0), starts=1)
    assert float(best.estimate) == pytest.approx(0, abs=1e-6)
    assert float(best.distribution.df) == pytest.approx(4, rel=0.01)


@pytest.mark.parametrize(
    ("family", "p", "direction", "message"),
    [
        ("nrmal", MIXTURE, "forward", "Did you mean 'normal'"),
        ("normal", MIXTURE, "sideways", "direction: expected 'forward' or 'backward'"),
        ("normal", np.array([1.0, 2.0]), "backward", "KernelDensity"),
        ("normal", np.array([1.0, 1.0]), "forward", "values that differ"),
        ("normal", dist.Cauchy(0.0, 1.0), "forward", "with a mean"),
        ("gamma", dist.Normal(0.0, 1.0), "forward", "values from 0 to inf"),
        ("mixture", MIXTURE, "forward", "q_family: expected one of"),
        ("normal", dist.Normal(np.zeros(2), 1.0), "forward", "a single distribution"),
    ],
)
def test_bad_input_is_named(family, p, direction, message):
    with pytest.raises(ArgumentError, match=message):
        fit(family, p, direction)
