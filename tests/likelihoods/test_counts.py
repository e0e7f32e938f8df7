"""Likelihoods of counts against SciPy's probabilities."""

from __future__ import annotations

import jax
import numpy as np
import pytest
import scipy.stats

from thalweg.core.errors import ArgumentError
from thalweg.likelihoods import NegativeBinomial, Poisson

RNG = np.random.default_rng(0)
OUTPUTS = RNG.normal(size=(40, 2)) * 2
Y = RNG.poisson(np.exp(OUTPUTS)).astype(np.float64)


def test_poisson_cost_is_the_negative_log_probability() -> None:
    expected = -scipy.stats.poisson.logpmf(Y, np.exp(OUTPUTS)).sum(axis=1)
    np.testing.assert_allclose(Poisson().cost(OUTPUTS, Y), expected, rtol=1e-5)
    np.testing.assert_array_equal(Poisson().cost(OUTPUTS, Y.astype(np.int32)), Poisson().cost(OUTPUTS, Y))


@pytest.mark.parametrize("dispersion", [1e-6, 0.01, 0.5, 3.0])
def test_negative_binomial_cost_is_the_negative_log_probability(dispersion) -> None:
    mean, r = np.exp(OUTPUTS), 1 / dispersion
    expected = -scipy.stats.nbinom.logpmf(Y, r, r / (r + mean)).sum(axis=1)
    with jax.enable_x64(True):
        np.testing.assert_allclose(NegativeBinomial(dispersion).cost(OUTPUTS, Y), expected, rtol=1e-8)
    single = NegativeBinomial(dispersion).cost(OUTPUTS.astype(np.float32), Y.astype(np.float32))
    np.testing.assert_allclose(single, expected, rtol=1e-4)


def test_negative_binomial_variance_against_scipy() -> None:
    mean, r = np.exp(OUTPUTS), 4.0
    np.testing.assert_allclose(NegativeBinomial(0.25).std(OUTPUTS), scipy.stats.nbinom.std(r, r / (r + mean)))


def test_dispersion_of_greatest_likelihood() -> None:
    rng = np.random.default_rng(1)
    outputs = rng.normal(size=(4000, 1))
    y = rng.negative_binomial(2.5, 2.5 / (2.5 + np.exp(outputs))).astype(float)
    fitted = NegativeBinomial().with_noise(outputs, y)

    def cost(dispersion):
        r = 1 / dispersion
        return -scipy.stats.nbinom.logpmf(y, r, r / (r + np.exp(outputs))).mean()

    assert fitted.dispersion == pytest.approx(0.4, rel=0.15)
    assert all(cost(fitted.dispersion) < cost(factor * fitted.dispersion) for factor in (0.98, 1.02))
    # Counts that scatter less than Poisson's come as near to it as the family can.
    even = NegativeBinomial().with_noise(np.zeros((50, 1)), np.ones((50, 1)))
    assert even.dispersion == pytest.approx(1e-6, rel=0.05)


@pytest.mark.parametrize("dispersion", [0, -1, 1e7, "wide"])
def test_dispersion_out_of_bounds(dispersion) -> None:
    with pytest.raises(ArgumentError, match="dispersion: expected a number of at least 1e-06"):
        NegativeBinomial(dispersion)


def test_nothing_counted_has_a_finite_start() -> None:
    y = np.zeros((50, 1))
    np.testing.assert_allclose(Poisson().output_bias(y), np.log(0.01), rtol=1e-6)


@pytest.mark.parametrize(("value", "shown"), [(-1.0, "-1"), (0.5, "0.5")])
def test_what_is_no_count(value, shown) -> None:
    y = Y.copy()
    y[3, 1] = value
    with pytest.raises(ArgumentError, match=rf"y: expected counts, .* got 1 other value\(s\), such as {shown}"):
        Poisson().check(2, y)
    y[3, 1] = np.nan
    with pytest.raises(ArgumentError, match="y: expected finite targets"):
        Poisson().check(2, y)
