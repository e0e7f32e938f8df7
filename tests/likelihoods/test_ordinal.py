"""Cumulative logits against differences of SciPy's logistic distribution."""

from __future__ import annotations

import jax
import numpy as np
import pytest
import scipy.special
import scipy.stats

from thalweg.core.errors import ArgumentError
from thalweg.likelihoods import Bernoulli, Ordinal

RNG = np.random.default_rng(0)
OUTPUTS = 2 * RNG.normal(size=(50, 4))
Y = RNG.integers(0, 5, 50).astype(np.int32)


def test_cost_is_the_difference_of_cumulative_probabilities() -> None:
    """The latent form: y counts the thresholds below score + logistic noise."""
    thresholds = np.cumsum(np.concatenate([[[0.0]] * 50, np.logaddexp(0, OUTPUTS[:, 1:])], axis=1), axis=1)
    edges = np.concatenate([np.full((50, 1), -np.inf), thresholds, np.full((50, 1), np.inf)], axis=1)
    probabilities = np.diff(scipy.stats.logistic.cdf(edges, loc=OUTPUTS[:, :1]), axis=1)
    np.testing.assert_allclose(Ordinal().mean(OUTPUTS), probabilities, rtol=1e-9)
    with jax.enable_x64(True):
        np.testing.assert_allclose(Ordinal().cost(OUTPUTS, Y), -np.log(probabilities[np.arange(50), Y]), rtol=1e-9)


def test_two_classes_are_bernoulli() -> None:
    outputs, y = OUTPUTS[:, :1].astype(np.float32), Y % 2
    np.testing.assert_allclose(Ordinal().cost(outputs, y), Bernoulli().cost(outputs, y), rtol=1e-6)
    np.testing.assert_allclose(Ordinal().mean(outputs), Bernoulli().mean(outputs), rtol=1e-6)


def test_start_is_the_frequencies_of_the_classes() -> None:
    y = np.minimum(RNG.geometric(0.4, 20_000) - 1, 4).astype(np.int32)
    probabilities = Ordinal().mean(Ordinal().output_bias(y)[None])[0]
    np.testing.assert_allclose(probabilities, np.bincount(y) / len(y), atol=3e-4)
    absent = Ordinal().output_bias(np.array([0, 3, 3], np.int32), 4)
    assert absent.shape == (4,)
    assert np.isfinite(absent).all()


def test_weights_multiply_the_cost_of_a_class() -> None:
    weights = (1.0, 2.0, 0.5, 0.0, 3.0)
    outputs = OUTPUTS.astype(np.float32)
    np.testing.assert_allclose(
        Ordinal(weights).cost(outputs, Y), np.array(weights)[Y] * np.asarray(Ordinal().cost(outputs, Y)), rtol=1e-6
    )
    with pytest.raises(ArgumentError, match="class_weights: expected 4 numbers, one a class, got 5"):
        Ordinal(weights).check(3, np.array([0, 1]))
