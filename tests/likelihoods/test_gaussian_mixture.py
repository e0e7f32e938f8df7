"""Mixture density outputs against SciPy's densities."""

from __future__ import annotations

import jax
import numpy as np
import pytest
import scipy.special
import scipy.stats

from thalweg.core.errors import ArgumentError
from thalweg.likelihoods import Gaussian, GaussianMixture

RNG = np.random.default_rng(0)
M, K = 3, 2
OUTPUTS, Y = RNG.normal(size=(20, M * (1 + 2 * K))), RNG.normal(size=(20, K))


def test_cost_is_the_negative_log_density() -> None:
    weights = scipy.special.softmax(OUTPUTS[:, :M], axis=1)
    means, raw = OUTPUTS[:, M : M + M * K].reshape(-1, M, K), OUTPUTS[:, M + M * K :].reshape(-1, M, K)
    scales = np.exp(14 * np.tanh(raw / 14))
    density = (weights * scipy.stats.norm.pdf(Y[:, None], means, scales).prod(axis=2)).sum(axis=1)
    with jax.enable_x64(True):
        np.testing.assert_allclose(GaussianMixture(M).cost(OUTPUTS, Y), -np.log(density), rtol=1e-10)
    mean = (weights[..., None] * means).sum(axis=1)
    second = (weights[..., None] * (scales**2 + means**2)).sum(axis=1)
    np.testing.assert_allclose(GaussianMixture(M).mean(OUTPUTS), mean, rtol=1e-10)
    np.testing.assert_allclose(GaussianMixture(M).std(OUTPUTS) ** 2, second - mean**2, rtol=1e-8)


def test_one_component_is_gaussian() -> None:
    outputs = np.concatenate([np.zeros((20, 1)), OUTPUTS[:, :K], np.zeros((20, K))], axis=1)
    with jax.enable_x64(True):
        ours, theirs = GaussianMixture(1).cost(outputs, Y), Gaussian().cost(OUTPUTS[:, :K], Y)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_start_places_components_apart() -> None:
    y = np.concatenate([RNG.normal(-3, 0.3, (500, 1)), RNG.normal(3, 0.3, (500, 1))])
    bias = GaussianMixture(2).output_bias(y)
    np.testing.assert_allclose(bias[:2], 0)
    np.testing.assert_allclose(bias[2:4], [-3, 3], atol=0.1)
    tiled = np.tile(bias, (1000, 1))
    gaussian = scipy.stats.norm.logpdf(y, y.mean(), y.std()).mean()
    assert -np.mean(GaussianMixture(2).cost(tiled, y.astype(np.float32))) > gaussian + 0.5
    # Components get different error vectors from the start.
    error = np.asarray(GaussianMixture(2).error(tiled, y.astype(np.float32)))
    assert np.abs(error[:, 2] - error[:, 3]).mean() > 1


@pytest.mark.parametrize("y", [np.ones((5, 2)), np.zeros((2, 1)), np.repeat([[0.0], [1.0]], [50, 1], axis=0)])
def test_start_is_finite_for_few_and_equal_targets(y) -> None:
    bias = GaussianMixture(4).output_bias(y)
    assert np.isfinite(bias).all()
    assert np.isfinite(GaussianMixture(4).cost(np.tile(bias, (len(y), 1)), y)).all()


def test_samples_follow_the_density() -> None:
    outputs = np.array([[0.5, -0.5, -2.0, 1.0, 0.0, -1.0]], np.float32)
    sample = np.asarray(GaussianMixture(2).predictive(outputs).sample(jax.random.key(0), (4000,))).ravel()
    weights = scipy.special.softmax([0.5, -0.5])
    parts = [scipy.stats.norm(-2, 1), scipy.stats.norm(1, np.exp(14 * np.tanh(-1 / 14)))]

    def cdf(x):
        return sum(w * part.cdf(x) for w, part in zip(weights, parts, strict=True))

    assert scipy.stats.kstest(sample, cdf).pvalue > 0.01


def test_what_cannot_be() -> None:
    with pytest.raises(
        ArgumentError, match="components: expected a whole number of at least 1 and at most 1000, got 0"
    ):
        GaussianMixture(0)
    with pytest.raises(ArgumentError, match=r"likelihood: expected 3 \(1 \+ 2K\) outputs .* 14 output"):
        GaussianMixture(3).check(14, Y)
