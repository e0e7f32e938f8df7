"""Step size, condition number, Nesterov, saddle and plateau: ways down against recursions and closed forms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pictures import run_lesson
from scipy.integrate import quad

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


def test_nesterov_damps_by_curvature_and_momentum_does_not(tmp_path: Path) -> None:
    numbers = run_lesson("nesterov", tmp_path)
    beta = numbers.beta
    for name, products in numbers.products.items():
        # The state (θ_{t+1}, θ_t) goes from step to step by a matrix: its largest eigenvalue is the rate.
        slow = [(1 + beta) * (1 - p) if name == "nesterov" else 1 + beta - p for p in products]
        last = [beta * (1 - p) if name == "nesterov" else beta for p in products]
        expected = [np.abs(np.linalg.eigvals([[a, -b], [1, 0]])).max() for a, b in zip(slow, last, strict=True)]
        np.testing.assert_allclose(numbers.rates[name], expected, atol=0.01)
        # The ways of the recursions, in both directions.
        rate, curvature = numbers.product / 20, np.array([1.0, 20.0])
        theta, velocity = np.ones(2), np.zeros(2)
        for point in numbers.ways[name][1:]:
            ahead = theta + (beta * velocity if name == "nesterov" else 0)
            velocity = beta * velocity - rate * curvature * ahead
            theta = theta + velocity
            np.testing.assert_allclose(point, theta, atol=1e-5)


def test_a_saddle_is_left_exponentially_and_a_plateau_by_gradient_flow(tmp_path: Path) -> None:
    numbers = run_lesson("saddle-and-plateau", tmp_path)
    for name, steps in numbers.escapes.items():
        beta = numbers.beta if name == "momentum" else 0.0
        growth = np.abs(np.linalg.eigvals([[1 + beta + 0.05, -beta], [1, 0]])).max()
        assert numbers.growth[name] == pytest.approx(growth)
        # From one start to the next, ten times closer: whole steps, so within one; the first is not small any more.
        np.testing.assert_allclose(np.diff(steps)[1:], np.log(10) / np.log(growth), atol=1)
        crossed = [_cross(radius, beta) for radius in numbers.radii]
        np.testing.assert_allclose(numbers.crossings[name], crossed, atol=1, rtol=0.01)
    flow = [quad(lambda r: 1 / (r * np.exp(-(r**2) / 2) + 0.002 * r), 1, radius)[0] / 0.05 for radius in numbers.radii]
    np.testing.assert_allclose(numbers.flow, flow, rtol=1e-3)
    np.testing.assert_allclose(numbers.crossings["sgd"], flow, rtol=0.02, atol=1.5)
    quiet, noisy = numbers.ridge
    np.testing.assert_allclose(quiet[-1], 0, atol=1e-6)
    np.testing.assert_allclose([noisy[-1, 0], abs(noisy[-1, 1])], [0, 1], atol=0.05)
    np.testing.assert_allclose(numbers.curvatures["saddle"], [-1, 1], atol=1e-6)
    np.testing.assert_allclose(numbers.curvatures["minimum"], [1, 2], atol=1e-6)
    r = 3.4
    np.testing.assert_allclose(
        numbers.curvatures["plateau"],
        [(1 - r**2) * np.exp(-(r**2) / 2) + 0.002, np.exp(-(r**2) / 2) + 0.002],
        rtol=1e-3,
    )


def _cross(radius: float, beta: float) -> int:
    velocity, steps = 0.0, 0
    while radius >= 1:
        velocity = beta * velocity - 0.05 * (radius * np.exp(-(radius**2) / 2) + 0.002 * radius)
        radius, steps = radius + velocity, steps + 1
    return steps


def test_adaptive_ways_follow_their_formulas_and_ignore_the_scale(tmp_path: Path) -> None:
    numbers = run_lesson("adaptive", tmp_path)
    turn = np.array([[1, -1], [1, 1]]) / np.sqrt(2)
    hessian = np.diag([1.0, 100.0])
    forms = [hessian, turn @ hessian @ turn.T, 0.01 * hessian]
    for name, ways in numbers.ways.items():
        for form, curvature in enumerate(forms):
            expected = _adaptive(name, ways[0, form], curvature, numbers.chosen[name], 30)
            np.testing.assert_allclose(ways[:31, form], expected, atol=2e-3, err_msg=f"{name} {form}")
    # Plain descent goes the same way in both, and no faster than its best rate, 1 - 2 / (κ + 1), allows.
    plain = numbers.ways["sgd"]
    np.testing.assert_allclose(plain[:, 1] @ turn, plain[:, 0], atol=1e-4)
    assert numbers.best["sgd"][0] == numbers.best["sgd"][1] > np.log(0.01) / np.log(99 / 101)
    for name in ("adagrad", "rmsprop", "adam"):
        np.testing.assert_allclose(numbers.ways[name][:, 0], numbers.ways[name][:, 2], atol=1e-3)
        assert numbers.best[name][0] < min(numbers.best[name][1], numbers.best["sgd"][0])


def _adaptive(
    name: str, theta: NDArray[np.float64], hessian: NDArray[np.float64], rate: float, steps: int
) -> NDArray[np.float64]:
    """Return the way by the formulas, in double precision."""
    way, first, second = [theta], np.zeros(2), np.zeros(2)
    for t in range(1, steps + 1):
        g = hessian @ theta
        first = 0.9 * first + 0.1 * g
        if name == "sgd":
            update = g
        elif name == "adagrad":
            second = second + g**2
            update = g / (np.sqrt(second) + 1e-10)
        elif name == "rmsprop":
            second = 0.99 * second + 0.01 * g**2
            update = g / (np.sqrt(second) + 1e-8)
        else:
            second = 0.999 * second + 0.001 * g**2
            update = first / (1 - 0.9**t) / (np.sqrt(second / (1 - 0.999**t)) + 1e-8)
        theta = theta - rate * update
        way.append(theta)
    return np.array(way)
