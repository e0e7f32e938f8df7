"""Likelihoods of counts against SciPy's probabilities."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from thalweg.core.errors import ArgumentError
from thalweg.likelihoods import Poisson

RNG = np.random.default_rng(0)
OUTPUTS = RNG.normal(size=(40, 2)) * 2
Y = RNG.poisson(np.exp(OUTPUTS)).astype(np.float64)


def test_poisson_cost_is_the_negative_log_probability() -> None:
    expected = -scipy.stats.poisson.logpmf(Y, np.exp(OUTPUTS)).sum(axis=1)
    np.testing.assert_allclose(Poisson().cost(OUTPUTS, Y), expected, rtol=1e-5)
    np.testing.assert_array_equal(Poisson().cost(OUTPUTS, Y.astype(np.int32)), Poisson().cost(OUTPUTS, Y))


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
