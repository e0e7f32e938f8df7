"""Mean and variance of the distribution that joins quantiles: uniform between them, exponential outside."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Array, Float

from thalweg.likelihoods.likelihood import array_library


def tail_scales(
    quantiles: Float[Array, "*shape levels"], levels: Sequence[float]
) -> tuple[Float[Array, "*shape"], Float[Array, "*shape"]]:
    """Return the mean excess of both exponential tails, with which the density goes on as high as it ends inside.

    Args:
        quantiles: increasing along the last axis.
        levels: their Q ≥ 2 levels.

    Example:
        >>> tail_scales(np.array([[0.0, 1.0]]), (0.1, 0.9))
        (array([0.125]), array([0.125]))
    """
    lower = (quantiles[..., 1] - quantiles[..., 0]) * (levels[0] / (levels[1] - levels[0]))
    upper = (quantiles[..., -1] - quantiles[..., -2]) * ((1 - levels[-1]) / (levels[-1] - levels[-2]))
    return lower, upper


def interpolated_mean(quantiles: Float[Array, "*shape levels"], levels: Sequence[float]) -> Float[Array, "*shape"]:
    """Return the mean, ∫ q(τ) dτ.

    Example:
        >>> interpolated_mean(np.array([[0.0, 1.0]]), (0.1, 0.9))
        array([0.5])
    """
    steps = np.diff(levels)
    lower, upper = tail_scales(quantiles, levels)
    middle = sum(0.5 * float(steps[j]) * (quantiles[..., j] + quantiles[..., j + 1]) for j in range(len(steps)))
    ends = levels[0] * (quantiles[..., 0] - lower) + (1 - levels[-1]) * (quantiles[..., -1] + upper)
    mean: Array = middle + ends
    return mean


def interpolated_variance(quantiles: Float[Array, "*shape levels"], levels: Sequence[float]) -> Float[Array, "*shape"]:
    """Return the variance, ∫ (q(τ) - mean)² dτ.

    Example:
        >>> interpolated_variance(np.array([[0.0, 1.0]]), (1e-9, 1 - 1e-9)).round(6)  # uniform
        array([0.083333])
    """
    steps = np.diff(levels)
    lower, upper = tail_scales(quantiles, levels)
    away = quantiles - interpolated_mean(quantiles, levels)[..., None]
    left, right = away[..., :-1], away[..., 1:]
    squares = (left * left + left * right + right * right) * (1 / 3)
    middle = sum(float(steps[j]) * squares[..., j] for j in range(len(steps)))
    # Of q ∓ e with e exponential: E (q ∓ e)² = (q ∓ b)² + b².
    below = array_library(quantiles).square(away[..., 0] - lower) + lower * lower
    above = array_library(quantiles).square(away[..., -1] + upper) + upper * upper
    variance: Array = middle + levels[0] * below + (1 - levels[-1]) * above
    return variance
