"""One-hot, divergence, Laplace for normal: their numbers against SciPy and closed forms."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import scipy.integrate
import scipy.optimize
import scipy.special
import scipy.stats
from pictures import run_lesson


def test_one_hot_draws_average_to_their_probabilities(tmp_path: Path) -> None:
    numbers = run_lesson("one-hot", tmp_path)
    p = np.array([0.6, 0.3, 0.1])
    assert (numbers.x.sum(axis=1) == 1).all()
    np.testing.assert_allclose(numbers.log_probability, np.log(p), rtol=1e-6)
    # Within four standard errors of the mean.
    np.testing.assert_array_less(np.abs(numbers.mean - p), 4 * np.sqrt(p * (1 - p) / len(numbers.x)))
    np.testing.assert_allclose(numbers.covariance, np.diag(numbers.mean) - np.outer(numbers.mean, numbers.mean))
    assert numbers.entropy == pytest.approx(scipy.stats.entropy(p), rel=1e-5)
    assert numbers.surprise == pytest.approx(-numbers.mean @ np.log(p))
    assert numbers.uniform > numbers.entropy


def test_forward_covers_and_backward_seeks(tmp_path: Path) -> None:
    numbers = run_lesson("divergence", tmp_path)
    x = np.linspace(-12, 12, 20001)
    p = 0.6 * scipy.stats.norm.pdf(x, -2, 0.8) + 0.4 * scipy.stats.norm.pdf(x, 2, 0.6)
    mean = np.trapezoid(p * x, x)
    deviation = math.sqrt(np.trapezoid(p * x**2, x) - mean**2)
    assert (numbers.means[0], numbers.deviations[0]) == pytest.approx((mean, deviation), rel=1e-3)

    def backward(at: np.ndarray) -> float:
        q, log_q = scipy.stats.norm.pdf(x, *at), scipy.stats.norm.logpdf(x, *at)
        hills = np.log([0.6, 0.4])[:, None] + scipy.stats.norm.logpdf(x, [[-2], [2]], [[0.8], [0.6]])
        return float(np.trapezoid(q * (log_q - scipy.special.logsumexp(hills, axis=0)), x))

    best = scipy.optimize.minimize(backward, [-2, 0.8], method="Nelder-Mead", bounds=[(-4, 4), (0.2, 4)])
    assert (numbers.means[1], numbers.deviations[1]) == pytest.approx(tuple(best.x), abs=0.01)
    assert numbers.reverse[1] == pytest.approx(best.fun, abs=1e-4)
    # Forward has mass on both hills, backward on one.
    at = [np.abs(numbers.x - hill).argmin() for hill in (-2, 2)]
    assert (numbers.fits[0][at] > 0.05).all()
    assert numbers.fits[1][at[0]] > 0.3
    assert numbers.fits[1][at[1]] < 1e-3
    # Each is the better one by its own measure.
    assert numbers.divergence[0] < numbers.divergence[1]
    assert numbers.reverse[1] < numbers.reverse[0]
    # By the mean of q, forward has one minimum and backward two.
    minima = [int(((v[1:-1] < v[:-2]) & (v[1:-1] < v[2:])).sum()) for v in numbers.by_center]
    assert minima == [1, 2]


def test_the_best_laplace_for_a_normal(tmp_path: Path) -> None:
    numbers = run_lesson("laplace-for-normal", tmp_path)
    assert numbers.best == pytest.approx(math.sqrt(2 / math.pi), abs=1e-4)
    assert round(numbers.best, 3) == 0.798
    assert numbers.least == pytest.approx(0.5 - math.log(math.pi / 2), abs=1e-6)
    assert round(numbers.least, 4) == 0.0484
    assert numbers.best_backward == pytest.approx(math.sqrt(0.5), abs=1e-3)
    assert numbers.drawn == pytest.approx(math.sqrt(2 / math.pi), abs=4 * math.sqrt((1 - 2 / math.pi) / 10_000))
    for b, value in list(zip(numbers.b, numbers.forward, strict=True))[::40]:
        log_ratio = lambda x, b=b: scipy.stats.norm.logpdf(x) - scipy.stats.laplace.logpdf(x, 0, b)  # noqa: E731
        exact = scipy.integrate.quad(lambda x, f=log_ratio: scipy.stats.norm.pdf(x) * f(x), -12, 12, points=[0])[0]
        assert value == pytest.approx(exact, abs=1e-7)
