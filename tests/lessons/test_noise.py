"""Gradient noise and schedules: scatter against formulas, with the standard errors that so many draws have."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pictures import run_lesson
from scipy.optimize import minimize_scalar


def test_scatter_follows_batch_and_step_size_and_leaves_local_minima(tmp_path: Path) -> None:
    numbers = run_lesson("gradient-noise", tmp_path)
    rows = len(numbers.gradients)
    total = np.trace(np.cov(numbers.gradients.T))  # over N - 1: without replacement the rest is (N - B) / N
    for size, found, cloud in zip(numbers.batches, numbers.scatter, numbers.clouds.values(), strict=True):
        squares = np.sum((cloud - numbers.gradients.mean(axis=0)) ** 2, axis=1)
        error = squares.std() / np.sqrt(len(squares))
        assert abs(found - total / size * (rows - size) / rows) < 4 * error
    # Stationary variance of θ ← (1 - γ) θ - γ ε from its own equation v = (1 - γ)² v + γ².
    expected = numbers.rates**2 / (1 - (1 - numbers.rates) ** 2)
    walkers, half = len(numbers.starts), numbers.steps // 2
    memory = (1 + (1 - numbers.rates) ** 2) / (1 - (1 - numbers.rates) ** 2)  # of θ², in steps
    error = np.sqrt(2 * memory / (walkers * half))
    assert (np.abs(numbers.variance / expected - 1) < 4 * error).all()
    # The mean: a variance 1/T less what the ends of the way take, of relative size 1/(γT).
    allowed = 4 * np.sqrt(2 / walkers) + 2 / (numbers.rates * half)
    assert (np.abs(numbers.averaged * half - 1) < allowed).all()
    # Without noise everyone ends in the minimum of the well it started in.
    quiet, noisy = numbers.ends.values()

    def loss(theta: float) -> float:
        return 0.25 * theta**2 + 0.5 * (1 - np.cos(2 * np.pi * theta))

    tops = [minimize_scalar(lambda t: -loss(t), bounds=(k + 0.2, k + 0.8), method="bounded").x for k in range(-4, 4)]
    wells = np.searchsorted(tops, numbers.starts)
    for start_well, end in zip(wells, quiet, strict=True):
        low, high = (tops[start_well - 1] if start_well else -5), (tops[start_well] if start_well < 8 else 5)
        assert abs(end - minimize_scalar(loss, bounds=(low, high), method="bounded").x) < 1e-3
    assert np.mean(np.abs(noisy) < 0.5) > 2 * np.mean(np.abs(quiet) < 0.5)


def test_schedules_follow_their_recursion_and_none_beats_the_best(tmp_path: Path) -> None:
    numbers = run_lesson("schedules", tmp_path)
    t, steps, rate = np.arange(numbers.steps), numbers.steps, numbers.rate
    plans = {
        "constant": np.full(steps, rate),
        "step": rate * 0.1 ** (t // (steps // 3)),
        "cosine": rate * 0.5 * (1 + np.cos(np.pi * t / steps)),
        "inverse time": rate / (1 + rate * t),
    }
    for name, sizes in plans.items():
        np.testing.assert_allclose(numbers.sizes[name], sizes, rtol=1e-4, atol=1e-6)
        # θ_T = 5 Π (1 - γ_t) + noise: mean and variance as products and sums, in closed form.
        later = np.append(np.cumprod((1 - sizes)[::-1])[::-1][1:], 1.0)
        variance, mean = np.sum((sizes * later) ** 2), 5 * np.prod(1 - sizes)
        error = np.sqrt(2 * variance**2 + 4 * variance * mean**2) / np.sqrt(400)
        assert abs(numbers.squares[name][-1] - mean**2 - variance) < 4 * error
        assert np.isclose(numbers.expected[name][-1], mean**2 + variance, rtol=1e-4)
        assert (numbers.best <= numbers.expected[name] + 1e-9).all()
    # The best: the precision 1/v grows by λ²/σ² a step.
    np.testing.assert_allclose(1 / numbers.best, 1 / 25 + np.arange(steps + 1), rtol=1e-9)
