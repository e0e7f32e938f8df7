"""Colored Gaussian noise, fixed and learned, against SciPy's multivariate normal density."""

from __future__ import annotations

import jax
import numpy as np
import pytest
import scipy.stats

from thalweg.core.errors import ArgumentError
from thalweg.likelihoods import ColoredGaussian, Gaussian, MultivariateGaussian

RNG = np.random.default_rng(0)
C = np.array([[2.0, 0.6, -0.3], [0.6, 1.0, 0.2], [-0.3, 0.2, 0.5]])
OUTPUTS, Y = RNG.normal(size=(20, 3)), RNG.normal(size=(20, 3))
NOISE = RNG.multivariate_normal(np.zeros(3), C, 4000)


def test_fixed_covariance_cost_and_error() -> None:
    likelihood = ColoredGaussian(C)
    expected = [-scipy.stats.multivariate_normal.logpdf(y, f, C) for y, f in zip(Y, OUTPUTS, strict=True)]
    with jax.enable_x64(True):
        cost, error = likelihood.cost_and_error(OUTPUTS, Y)
    np.testing.assert_allclose(cost, expected, rtol=1e-12)
    np.testing.assert_allclose(error, np.linalg.solve(C, (OUTPUTS - Y).T).T, rtol=1e-10)
    np.testing.assert_allclose(likelihood.std(OUTPUTS)[0], np.sqrt(np.diag(C)))


def test_without_covariance_it_is_white() -> None:
    outputs, y = OUTPUTS.astype(np.float32), Y.astype(np.float32)
    np.testing.assert_allclose(ColoredGaussian().cost(outputs, y), Gaussian().cost(outputs, y), rtol=1e-6)


def test_fitted_covariance_is_the_maximum_likelihood_one() -> None:
    fitted = ColoredGaussian().with_noise(np.zeros_like(NOISE), NOISE)
    np.testing.assert_allclose(fitted.covariance, NOISE.T @ NOISE / len(NOISE), rtol=1e-10)
    assert hash(fitted)
    # As many residuals as targets, or none that is not 0: still a density.
    for y in (NOISE[:2], np.ones((5, 3))):
        fitted = ColoredGaussian().with_noise(y * 0.999999, y)
        assert np.isfinite(fitted.cost(y.astype(np.float32), y.astype(np.float32))).all()


@pytest.mark.parametrize(
    ("covariance", "message"),
    [
        (((1.0, 2.0), (2.0, 1.0)), r"positive definite matrix, got one whose smallest eigenvalue is -1"),
        (((1.0, 0.5), (0.0, 1.0)), r"symmetric"),
        (((1.0, 0.5),), r"square"),
    ],
)
def test_what_is_no_covariance(covariance, message) -> None:
    with pytest.raises(ArgumentError, match=rf"covariance: expected .*{message}"):
        ColoredGaussian(covariance)


def test_covariance_of_another_size() -> None:
    with pytest.raises(ArgumentError, match="covariance: expected 2 × 2 numbers, one row a target, got 3 rows"):
        ColoredGaussian(C).check(2, Y[:, :2])


def learned_outputs() -> np.ndarray:
    """Means, and the factor of C's inverse for each of the rows scaled."""
    whitening = np.linalg.inv(np.linalg.cholesky(C))
    diagonal = 14 * np.arctanh(np.log(np.diag(whitening)) / 14)
    return np.concatenate([OUTPUTS, np.tile([*diagonal, *whitening[np.tril_indices(3, -1)]], (20, 1))], axis=1)


def test_learned_covariance_cost() -> None:
    likelihood, outputs = MultivariateGaussian(), learned_outputs()
    with jax.enable_x64(True):
        cost, error = likelihood.cost_and_error(outputs, Y)
        density = likelihood.predictive(outputs)
        np.testing.assert_allclose(density.covariance_matrix[3], C, rtol=1e-10)
        fixed = ColoredGaussian(C).cost_and_error(OUTPUTS, Y)
    expected = [-scipy.stats.multivariate_normal.logpdf(y, f, C) for y, f in zip(Y, OUTPUTS, strict=True)]
    np.testing.assert_allclose(cost, expected, rtol=1e-10)
    np.testing.assert_allclose(error[:, :3], fixed[1], rtol=1e-8)
    np.testing.assert_allclose(likelihood.std(outputs), np.tile(np.sqrt(np.diag(C)), (20, 1)), rtol=1e-10)


def test_learned_covariance_starts_at_that_of_the_targets() -> None:
    bias = MultivariateGaussian().output_bias(NOISE + 3)
    with jax.enable_x64(True):
        density = MultivariateGaussian().predictive(bias[None].astype(np.float64))
        np.testing.assert_allclose(density.covariance_matrix[0], np.cov(NOISE.T, bias=True), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(density.mean[0], (NOISE + 3).mean(axis=0), rtol=1e-5)


def test_widths_of_learned_covariances() -> None:
    likelihood = MultivariateGaussian()
    assert [likelihood.output_width(Y[:, :k]) for k in (1, 2, 3)] == [2, 5, 9]
    assert [likelihood.target_width(width) for width in (2, 5, 9, 14)] == [1, 2, 3, 4]
    with pytest.raises(ArgumentError, match=r"likelihood: expected K \+ K\(K\+1\)/2 outputs .* 8 output"):
        likelihood.check(8, Y)
