"""Step size, condition number, Nesterov, saddle and plateau: ways down against recursions and closed forms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pictures import run_lesson

from thalweg.core.errors import ArgumentError
from thalweg.lessons import condition_number


def test_step_sizes_shrink_the_distance_as_theory_says_and_diverge_beyond_the_edge(tmp_path: Path) -> None:
    numbers = run_lesson("step-size", tmp_path)
    for product, way in numbers.ways.items():
        np.testing.assert_allclose(way, (1 - product) ** np.arange(21.0), atol=1e-6, rtol=1e-5)
    np.testing.assert_allclose(numbers.losses, (1 - numbers.products) ** 40, atol=1e-12, rtol=1e-4)
    # The line: least squares and its Hessian another way, and gradient descent written out.
    columns = np.stack([numbers.x, np.ones_like(numbers.x)], axis=1)
    hessian, slope = columns.T @ columns / len(columns), columns.T @ numbers.y / len(columns)
    best = np.linalg.solve(hessian, slope)
    np.testing.assert_allclose(numbers.curvatures, np.linalg.svd(hessian)[1], rtol=1e-9)
    excess = []
    for rate in numbers.rates:
        theta = np.zeros(2)
        for _ in range(numbers.line_steps):
            theta = theta - rate * (hessian @ theta - slope)
        excess.append((theta - best) @ hessian @ (theta - best) / (best @ hessian @ best))
    np.testing.assert_allclose(numbers.fits, excess, rtol=0.01, atol=1e-10)
    edge = numbers.rates * numbers.curvatures[0] > 2
    assert edge.any()
    assert (numbers.fits[edge] > numbers.fits[~edge].max()).all()


def test_best_settings_reach_their_rates(tmp_path: Path) -> None:
    numbers = run_lesson("condition-number", tmp_path)
    for kappa, plain in numbers.plain.items():
        fast = numbers.momentum[kappa]
        t = np.arange(len(plain))
        # Plain descent: both directions shrink by the same factor.
        near = plain > 1e-6
        np.testing.assert_allclose(plain[near], ((kappa - 1) / (kappa + 1)) ** t[near], rtol=0.01)
        # Momentum: the recursion of each direction, in double precision and by itself.
        gamma, beta = (2 / (1 + np.sqrt(kappa))) ** 2, ((np.sqrt(kappa) - 1) / (np.sqrt(kappa) + 1)) ** 2
        theta, velocity, distances = np.ones(2), np.zeros(2), [1.0]
        for _ in t[1:]:
            velocity = beta * velocity - gamma * np.array([1.0, kappa]) * theta
            theta = theta + velocity
            distances.append(float(np.linalg.norm(theta) / np.sqrt(2)))
        expected = np.array(distances)
        near = expected > 1e-6
        np.testing.assert_allclose(condition_number.theory(kappa, len(t) - 1)[1][near], expected[near], rtol=1e-6)
        # A double root feels roundings by their square root: √10⁻⁷ over some hundred steps.
        np.testing.assert_allclose(np.log(fast[near]), np.log(expected[near]), atol=0.1)
        assert numbers.beta[kappa] == pytest.approx(beta)
        # No other pair does better in the long run.
        gammas, betas = np.meshgrid(gamma * np.linspace(0.7, 1.3, 61), np.linspace(0, 0.99, 100))
        rates = np.maximum(_rate(gammas, betas), _rate(gammas * kappa, betas))
        assert np.sqrt(beta) <= rates.min() + 1e-6
    with pytest.raises(ArgumentError, match="kappas"):
        condition_number.compute(kappas=(7,))


def _rate(product: NDArray[np.float64], beta: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the larger root, in modulus, of r² - (1 + β - γλ) r + β."""
    middle = (1 + beta - product).astype(complex) / 2
    root = np.sqrt(middle**2 - beta)
    return np.maximum(abs(middle + root), abs(middle - root))
