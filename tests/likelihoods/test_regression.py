"""Gaussian and Laplace against SciPy's densities."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from thalweg.core.errors import ArgumentError
from thalweg.likelihoods import Gaussian, Laplace

RNG = np.random.default_rng(0)
OUTPUTS, Y = RNG.normal(size=(20, 3)).astype(np.float32), RNG.normal(size=(20, 3)).astype(np.float32)
DENSITIES = [(Gaussian, scipy.stats.norm), (Laplace, scipy.stats.laplace)]


@pytest.mark.parametrize(("family", "density"), DENSITIES)
@pytest.mark.parametrize("scale", [0.01, 1.0, 30.0])
@pytest.mark.parametrize("array", [np.asarray, jnp.asarray])
def test_cost_is_the_negative_log_density(family, density, scale, array) -> None:
    expected = -density.logpdf(Y.astype(float), OUTPUTS.astype(float), scale).sum(axis=1)
    np.testing.assert_allclose(family(scale).cost(array(OUTPUTS), array(Y)), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("family", "density"), DENSITIES)
def test_noise_scale_is_the_maximum_likelihood_fit(family, density) -> None:
    fitted = family().with_noise(OUTPUTS, Y)
    _, scale = density.fit((Y.astype(float) - OUTPUTS).ravel(), floc=0)
    np.testing.assert_allclose(fitted.scale, scale, rtol=1e-6)


@pytest.mark.parametrize("family", [Gaussian, Laplace])
def test_perfect_predictions_keep_a_finite_density(family) -> None:
    fitted = family().with_noise(Y, Y)
    assert fitted.scale > 0
    assert np.isfinite(fitted.cost(Y, Y)).all()


def test_error_of_laplace_is_zero_at_the_target() -> None:
    np.testing.assert_array_equal(Laplace().error(Y, Y), 0)


@pytest.mark.parametrize("family", [Gaussian, Laplace])
@pytest.mark.parametrize("scale", [0, -1, float("nan"), float("inf"), "wide", True, None])
def test_scale_out_of_bounds(family, scale) -> None:
    with pytest.raises(ArgumentError, match=r"scale: expected a number above 0, got"):
        family(scale=scale)


def test_targets_that_cannot_be_learned() -> None:
    y = Y.copy()
    y[3, 1] = np.nan
    with pytest.raises(ArgumentError, match=r"y: expected finite targets, got 1 row\(s\)"):
        Gaussian().check(3, y)
    with pytest.raises(ArgumentError, match=r"y: expected 2 value\(s\) per row, .* got 3 per row. .*outputs=3"):
        Gaussian().check(2, Y)
    with pytest.raises(ArgumentError, match=r"reshape\(-1, 1\)"):
        Gaussian().check(1, Y[:, 0])
