"""Gaussian noise with a learned deviation, against SciPy's density."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from thalweg.core.errors import ArgumentError
from thalweg.likelihoods import Gaussian, Heteroscedastic

RNG = np.random.default_rng(0)
OUTPUTS, Y = RNG.normal(size=(20, 6)).astype(np.float32), RNG.normal(size=(20, 3)).astype(np.float32)


def test_cost_is_the_negative_log_density() -> None:
    likelihood = Heteroscedastic()
    scale = likelihood.std(OUTPUTS)
    # Near 0 the raw output is the logarithm of the deviation.
    np.testing.assert_allclose(np.log(scale), OUTPUTS[:, 3:], atol=0.02, rtol=0.02)
    expected = -scipy.stats.norm.logpdf(Y.astype(float), OUTPUTS[:, :3], scale).sum(axis=1)
    np.testing.assert_allclose(likelihood.cost(OUTPUTS, Y), expected, rtol=1e-5)


def test_level_deviation_is_gaussian() -> None:
    outputs = np.concatenate([OUTPUTS[:, :3], np.zeros((20, 3), np.float32)], axis=1)
    np.testing.assert_allclose(Heteroscedastic().cost(outputs, Y), Gaussian().cost(OUTPUTS[:, :3], Y), rtol=1e-6)


def test_beta_weighs_the_error_vectors_of_each_target() -> None:
    weight = jnp.full(20, 0.05)
    loss, error = Heteroscedastic().loss_and_error(OUTPUTS, Y, weight)
    same, weighed = Heteroscedastic(beta=0.5).loss_and_error(OUTPUTS, Y, weight)
    assert loss == same
    scale = Heteroscedastic().std(OUTPUTS)
    np.testing.assert_allclose(weighed, error * np.concatenate([scale, scale], axis=1), rtol=1e-5)
    # β = 1 moves the means as a squared error does.
    _, squared = Heteroscedastic(beta=1.0).loss_and_error(OUTPUTS, Y, weight)
    np.testing.assert_allclose(squared[:, :3], 0.05 * (OUTPUTS[:, :3] - Y), rtol=2e-5, atol=1e-7)


def test_what_cannot_be() -> None:
    with pytest.raises(ArgumentError, match="beta: expected a number of at least 0 and at most 1, got 2"):
        Heteroscedastic(beta=2)
    with pytest.raises(ArgumentError, match=r"likelihood: expected 2 outputs for each target .* 3 output"):
        Heteroscedastic().check(3, Y[:, :1])
    with pytest.raises(ArgumentError, match=r"y: expected 2 value\(s\) per row, .* 4 output.*outputs=6"):
        Heteroscedastic().check(4, Y)
    assert np.isfinite(Heteroscedastic().output_bias(np.ones((5, 2)))).all()
