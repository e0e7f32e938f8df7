"""CRPS against scoringrules, and against its definition by integration."""

import numpy as np
import numpyro.distributions as dist
import pytest
import scoringrules as sr
from scipy import integrate, stats

from thalweg.decisions.calibration import crps

Y = np.array([-2.5, 0.0, 0.3, 8.0])
LOC, SCALE = np.array([0.0, 1.0, 0.3, -2.0]), np.array([1.0, 0.5, 2.0, 3.0])


def test_closed_forms_equal_scoringrules() -> None:
    np.testing.assert_allclose(crps(dist.Normal(LOC, SCALE), Y), sr.crps_normal(Y, LOC, SCALE), rtol=1e-6)
    np.testing.assert_allclose(crps(dist.Laplace(LOC, SCALE), Y), sr.crps_laplace(Y, LOC, SCALE), rtol=1e-6)
    np.testing.assert_allclose(crps(dist.StudentT(3.5, LOC, SCALE), Y), sr.crps_t(Y, 3.5, LOC, SCALE), rtol=1e-6)


@pytest.mark.parametrize("event", [False, True])
def test_mixtures_of_normals_equal_scoringrules(event: bool) -> None:
    rng = np.random.default_rng(0)
    w, loc, scale = rng.dirichlet(np.ones(3), 4), rng.normal(size=(4, 3)), rng.uniform(0.5, 2, (4, 3))
    part = dist.Normal(loc[..., None], scale[..., None]).to_event(1) if event else dist.Normal(loc, scale)
    mixture = dist.MixtureSameFamily(dist.Categorical(probs=w), part)
    found = crps(mixture, Y[:, None] if event else Y)
    np.testing.assert_allclose(found.ravel(), sr.crps_mixnorm(Y, loc, scale, w), rtol=1e-5)


def test_counts_equal_scoringrules() -> None:
    y, rate = np.array([0.0, 3.0, 20.0]), np.array([0.5, 4.0, 11.0])
    np.testing.assert_allclose(crps(dist.Poisson(rate), y), sr.crps_poisson(y, rate), rtol=1e-5)


def test_other_densities_equal_the_integral() -> None:
    found = crps(dist.Gamma(np.array([2.0, 3.0]), 1.5), np.array([0.4, 5.0]))
    for value, shape, y in zip(found, (2.0, 3.0), (0.4, 5.0), strict=True):
        F = stats.gamma(shape, scale=1 / 1.5).cdf
        low, _ = integrate.quad(lambda t, F=F: F(t) ** 2, 0, y)
        high, _ = integrate.quad(lambda t, F=F: (1 - F(t)) ** 2, y, np.inf)
        assert value == pytest.approx(low + high, rel=2e-3)


def test_draws_equal_the_ensemble_score() -> None:
    draws = np.random.default_rng(0).normal(size=(50, 4))
    np.testing.assert_allclose(crps(draws, Y), sr.crps_ensemble(Y, draws.T, estimator="nrg"), rtol=1e-10)
    sampled = crps(dist.Normal(LOC, SCALE), Y, samples=4000, seed=1)
    np.testing.assert_allclose(sampled, sr.crps_normal(Y, LOC, SCALE), rtol=0.1)
    np.testing.assert_array_equal(sampled, crps(dist.Normal(LOC, SCALE), Y, samples=4000, seed=1))


def test_a_distribution_without_mean_has_no_finite_score() -> None:
    assert crps(dist.StudentT(1.0, np.zeros(2), 1.0), np.zeros(2)).tolist() == [np.inf, np.inf]
