"""Quantile regression against scikit-learn's pinball loss, NumPy's quantiles and quadrature."""

from __future__ import annotations

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import mean_pinball_loss

from thalweg.core.errors import ArgumentError
from thalweg.likelihoods import Quantile

RNG = np.random.default_rng(0)
LEVELS = (0.1, 0.5, 0.8)
OUTPUTS, Y = RNG.normal(size=(30, 6)).astype(np.float32), RNG.normal(size=(30, 2)).astype(np.float32)


def test_cost_is_the_pinball_loss_of_every_level() -> None:
    likelihood = Quantile(LEVELS)
    quantiles = likelihood.quantiles(OUTPUTS)
    expected = sum(
        len(Y) * mean_pinball_loss(Y[:, k], quantiles[:, k, j], alpha=level)
        for k in range(2)
        for j, level in enumerate(LEVELS)
    )
    np.testing.assert_allclose(likelihood.cost(OUTPUTS, Y).sum(), expected, rtol=1e-5)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(-1e4, 1e4, width=32), min_size=6, max_size=6))
def test_quantiles_never_cross(raw) -> None:
    assert (np.diff(Quantile(LEVELS).quantiles(np.array([raw], np.float32))) >= 0).all()


def test_start_is_the_quantiles_of_the_targets() -> None:
    y = RNG.gamma(2.0, size=(500, 2))
    likelihood = Quantile(LEVELS)
    bias = likelihood.output_bias(y)
    np.testing.assert_allclose(likelihood.quantiles(bias[None])[0].T, np.quantile(y, LEVELS, axis=0), rtol=1e-5)
    assert np.isfinite(likelihood.output_bias(np.ones((5, 2)))).all()


def test_density_is_one_and_has_its_moments_and_quantiles() -> None:
    with jax.enable_x64(True):
        knots = np.array([-1.0, 0.5, 0.7, 3.0])
        raw = np.concatenate([knots[:1], np.log(np.expm1(np.diff(knots)))])[None]
        likelihood = Quantile((0.1, 0.4, 0.5, 0.95))
        density = likelihood.predictive(jnp.asarray(raw)).base_dist
        pdf = jax.jit(lambda x: jnp.exp(density.log_prob(x))[0, 0])

        def integral(g, high=np.inf):
            edges = [-np.inf, *knots[knots < high], high]
            return sum(scipy.integrate.quad(lambda x: g(x) * float(pdf(x)), a, b)[0] for a, b in pairwise(edges))

        assert integral(lambda _: 1.0) == pytest.approx(1, rel=1e-7)
        mean = integral(lambda x: x)
        np.testing.assert_allclose(likelihood.mean(raw), mean, rtol=1e-7)
        np.testing.assert_allclose(likelihood.std(raw) ** 2, integral(lambda x: (x - mean) ** 2), rtol=1e-6)
        for x in (-4.0, 0.1, 2.0, 5.0):
            np.testing.assert_allclose(density.cdf(x), integral(lambda _: 1.0, x), rtol=1e-7)
        np.testing.assert_allclose([density.icdf(level)[0, 0] for level in likelihood.levels], knots, rtol=1e-12)
        q = jnp.linspace(0.001, 0.999, 50)[:, None, None]
        np.testing.assert_allclose(density.cdf(density.icdf(q)), q, rtol=1e-10)


def test_samples_follow_the_density() -> None:
    density = Quantile(LEVELS).predictive(OUTPUTS[:1, :3]).base_dist
    sample = np.asarray(density.sample(jax.random.key(0), (4000,))).ravel()
    cdf = np.asarray(density.cdf(np.sort(sample)[:, None, None])).ravel()
    assert scipy.stats.kstest(cdf, "uniform").pvalue > 0.01


@pytest.mark.parametrize("levels", [(0.5,), (0.9, 0.1), (0.1, 0.1), 0.5])
def test_levels_out_of_order(levels) -> None:
    with pytest.raises(ArgumentError, match="levels: expected at least two increasing numbers"):
        Quantile(levels)


def test_what_cannot_be() -> None:
    with pytest.raises(ArgumentError, match="levels: expected a number above 0 and below 1, got 1"):
        Quantile((0.5, 1))
    with pytest.raises(ArgumentError, match=r"likelihood: expected 3 outputs for each target of 'quantile'"):
        Quantile(LEVELS).check(4, Y)
