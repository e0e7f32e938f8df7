"""What probabilities, weights and covariance matrices must be: checked once, with one form of message."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalweg.core.errors import ArgumentError


def check_covariance(argument: str, matrix: Any) -> NDArray[np.float64]:
    """Return a covariance matrix, or a batch of them, in float64.

    Args:
        argument: name of the argument, for the message.
        matrix: symmetric and positive definite, shape (..., d, d).

    Raises:
        ArgumentError: not square, not finite, not symmetric, or not positive definite; the last names the smallest
            eigenvalue.

    Example:
        >>> check_covariance("covariance", [[2.0, 1.0], [1.0, 2.0]]).shape
        (2, 2)
        >>> check_covariance("covariance", [[1.0, 2.0], [2.0, 1.0]])
        Traceback (most recent call last):
            ...
        thalweg.core.errors.ArgumentError: covariance: expected a positive definite matrix, got one whose smallest
        eigenvalue is -1. Add at least that much to its diagonal, or take more examples than dimensions.
    """
    array = _numbers(argument, matrix, "a covariance matrix")
    if array.ndim < 2 or array.shape[-1] != array.shape[-2] or array.shape[-1] == 0:
        raise ArgumentError(argument, "a square matrix (d, d)", f"shape {array.shape}")
    if not np.isfinite(array).all():
        raise ArgumentError(argument, "finite numbers", "NaN or infinity")
    scale = np.abs(array).max(axis=(-2, -1), keepdims=True)
    asymmetry = np.abs(array - np.swapaxes(array, -1, -2))
    if (asymmetry > 1e-5 * scale).any():
        raise ArgumentError(argument, "a symmetric matrix", f"entries that differ by {asymmetry.max():g}")
    array = (array + np.swapaxes(array, -1, -2)) / 2
    smallest = np.linalg.eigvalsh(array)[..., 0]
    # Below this, rounding alone can make it negative, and a Cholesky factor is noise.
    least = array.shape[-1] * np.finfo(np.float64).eps * scale[..., 0, 0]
    if (smallest <= least).any():
        raise ArgumentError(
            argument,
            "a positive definite matrix",
            f"one whose smallest eigenvalue is {smallest.min():.6g}",
            "Add at least that much to its diagonal, or take more examples than dimensions.",
        )
    return array


def check_probabilities(argument: str, values: Any, *, axis: int | None = -1) -> NDArray[np.float64]:
    """Return probabilities in float64, scaled so that they sum to one to the last digit.

    Args:
        argument: name of the argument, for the message.
        values: numbers of at least 0 that sum to one within 1e-5 along ``axis``.
        axis: along which they sum to one; None for all of them together.

    Raises:
        ArgumentError: negative, not finite, none at all, or another sum.

    Example:
        >>> check_probabilities("prior", [0.25, 0.75])
        array([0.25, 0.75])
        >>> check_probabilities("prior", [0.5, 0.6])
        Traceback (most recent call last):
            ...
        thalweg.core.errors.ArgumentError: prior: expected probabilities that sum to 1, got a sum of 1.1. Divide them by
        their sum.
    """
    array = check_weights(argument, values, axis=axis, expected="probabilities")
    total = array.sum(axis=axis, keepdims=True)
    wrong = np.abs(total - 1) > 1e-5  # float32 probabilities of many classes
    if wrong.any():
        raise ArgumentError(
            argument, "probabilities that sum to 1", f"a sum of {total[wrong][0]:g}", "Divide them by their sum."
        )
    return np.asarray(array / total)


def check_weights(
    argument: str, values: Any, *, axis: int | None = -1, expected: str = "weights"
) -> NDArray[np.float64]:
    """Return finite weights of at least 0 in float64, not all of them 0 along ``axis``.

    Raises:
        ArgumentError: negative, not finite, none at all, or all zero.

    Example:
        >>> check_weights("weights", [1, 3])
        array([1., 3.])
    """
    array = _numbers(argument, values, expected)
    if array.ndim == 0 or array.size == 0:
        raise ArgumentError(argument, f"{expected}, at least one", f"shape {array.shape}")
    if not np.isfinite(array).all() or (array < 0).any():
        bad = array[~np.isfinite(array) | (array < 0)][0]
        raise ArgumentError(argument, f"{expected} of at least 0", f"{bad:g}")
    if (array.sum(axis=axis) == 0).any():
        raise ArgumentError(argument, f"{expected} that are not all 0", "zeros only")
    return array


def _numbers(argument: str, values: Any, expected: str) -> NDArray[np.float64]:
    try:
        return np.asarray(values, np.float64)
    except (TypeError, ValueError):
        raise ArgumentError(argument, expected, f"{type(values).__name__} that is no array of numbers") from None
