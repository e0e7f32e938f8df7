"""Huber and Student t against SciPy: densities, quadrature and fits."""

from __future__ import annotations

import jax
import numpy as np
import pytest
import scipy.integrate
import scipy.special
import scipy.stats

from thalweg.core.errors import ArgumentError
from thalweg.likelihoods import Huber, StudentT

RNG = np.random.default_rng(0)
OUTPUTS, Y = RNG.normal(size=(20, 3)).astype(np.float32), RNG.normal(size=(20, 3)).astype(np.float32) * 3
NOISE = RNG.standard_t(3, size=(3000, 2)) * 0.7


@pytest.mark.parametrize(("df", "scale"), [(1.0, 1.0), (4.0, 0.3), (50.0, 8.0)])
def test_student_t_cost_is_the_negative_log_density(df, scale) -> None:
    expected = -scipy.stats.t.logpdf(Y.astype(float), df, OUTPUTS, scale).sum(axis=1)
    np.testing.assert_allclose(StudentT(df, scale).cost(OUTPUTS, Y), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("delta", "scale"), [(0.3, 1.0), (1.345, 0.4), (4.0, 3.0)])
def test_huber_cost_is_a_negative_log_density(delta, scale) -> None:
    integral, _ = scipy.integrate.quad(lambda z: np.exp(-scipy.special.huber(delta, z)), -np.inf, np.inf)
    z = (Y.astype(float) - OUTPUTS) / scale
    expected = (scipy.special.huber(delta, z) + np.log(integral * scale)).sum(axis=1)
    np.testing.assert_allclose(Huber(delta, scale).cost(OUTPUTS, Y), expected, rtol=1e-5)


@pytest.mark.parametrize("delta", [0.3, 1.345])
def test_huber_density_against_quadrature(delta) -> None:
    scale = 1.5
    density = Huber(delta, scale).predictive(np.array([[2.0]], np.float32)).base_dist

    def pdf(x):
        return np.exp(-scipy.special.huber(delta, (x - 2) / scale))

    total = scipy.integrate.quad(pdf, -np.inf, np.inf)[0]
    second = scipy.integrate.quad(lambda x: (x - 2) ** 2 * pdf(x), -np.inf, np.inf)[0]
    np.testing.assert_allclose(density.variance, second / total, rtol=1e-5)
    np.testing.assert_allclose(Huber(delta, scale).std(np.zeros((1, 1))) ** 2, second / total, rtol=1e-7)
    points = np.array([-40.0, -3.0, 0.5, 2.0, 2.4, 9.0])
    expected = [scipy.integrate.quad(pdf, -np.inf, x)[0] / total for x in points]
    np.testing.assert_allclose(density.cdf(points)[0], expected, rtol=2e-5)
    levels = np.array([1e-6, 0.02, 0.3, 0.5, 0.77, 0.999])
    np.testing.assert_allclose(density.cdf(density.icdf(levels))[0], levels, rtol=2e-5)


def test_huber_samples_follow_the_density() -> None:
    density = Huber(0.8, 2.0).predictive(np.array([[-1.0]], np.float32)).base_dist
    sample = np.asarray(density.sample(jax.random.key(0), (4000,))).ravel()
    assert scipy.stats.kstest(sample, lambda x: np.asarray(density.cdf(x.astype(np.float32)))[0]).pvalue > 0.01


def test_huber_scale_of_greatest_likelihood() -> None:
    fitted = Huber().with_noise(np.zeros_like(NOISE), NOISE)

    def cost(scale):
        return scipy.special.huber(1.345, NOISE / scale).mean() + np.log(scale)

    assert all(cost(fitted.scale) < cost(factor * fitted.scale) for factor in (0.99, 1.01))


def test_student_t_fits_scale_and_degrees_of_freedom() -> None:
    fitted = StudentT().with_noise(np.zeros_like(NOISE), NOISE)
    df, _, scale = scipy.stats.t.fit(NOISE.ravel(), floc=0)
    assert fitted.df == pytest.approx(df, rel=1e-2)
    assert fitted.scale == pytest.approx(scale, rel=1e-2)
    light = StudentT().with_noise(np.zeros((999, 1)), RNG.uniform(-1, 1, (999, 1)))
    assert light.df == pytest.approx(200, rel=1e-3)


@pytest.mark.parametrize("family", [Huber, StudentT])
def test_perfect_predictions_keep_a_finite_density(family) -> None:
    fitted = family().with_noise(Y, Y)
    assert fitted.scale > 0
    assert np.isfinite(fitted.cost(Y, Y)).all()


def test_deviation_of_heavy_tails_is_infinite() -> None:
    assert np.isinf(StudentT(df=2).std(OUTPUTS)).all()
    np.testing.assert_allclose(StudentT(df=5, scale=2).std(OUTPUTS), scipy.stats.t.std(5, scale=2), rtol=1e-6)


@pytest.mark.parametrize("settings", [{"scale": 0}, {"scale": "wide"}, {"scale": float("nan")}])
@pytest.mark.parametrize("family", [Huber, StudentT])
def test_scale_out_of_bounds(family, settings) -> None:
    with pytest.raises(ArgumentError, match=r"scale: expected a number above 0, got"):
        family(**settings)


def test_shape_out_of_bounds() -> None:
    with pytest.raises(ArgumentError, match=r"delta: expected a number above 0, got -1"):
        Huber(delta=-1)
    with pytest.raises(ArgumentError, match=r"df: expected a number above 0, got 0"):
        StudentT(df=0)
