"""Norms of vectors: how long a vector is, and how many of its entries count."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalweg.core.errors import ArgumentError
from thalweg.core.validate import number


def norm(x: Any, p: float = 2) -> NDArray[np.float64]:
    r"""Return the l_p norm of vectors, ‖x‖_p = (Σ |x_i|^p)^{1/p}.

    ‖x‖_∞ = max |x_i| is the limit of large p, and ‖x‖_0 counts the entries that are not 0. Below p = 1 the triangle
    inequality fails, so that these are norms in name only.

    Args:
        x: vectors (\*batch, d).
        p: at least 0, or ``math.inf``.

    Returns:
        Float64 array (\*batch). Entries up to the largest float64 number do not overflow.

    Raises:
        ArgumentError: ``p`` is negative or not a number, or ``x`` is not made of vectors.

    Example:
        >>> [float(norm([3.0, -4.0, 0.0], p).round(4)) for p in (0, 1, 2, float("inf"))]
        [2.0, 7.0, 5.0, 4.0]

    Source: Golub, Van Loan, *Matrix Computations* (2013), section 2.2.
    """
    vectors = _vectors(x)
    size = np.abs(vectors)
    if p == np.inf:
        return np.asarray(size.max(axis=-1, initial=0.0))
    p = number("p", p, at_least=0, hint="The maximum norm is p = math.inf.")
    if p == 0:
        return np.asarray(np.count_nonzero(vectors, axis=-1), np.float64)
    largest = size.max(axis=-1, keepdims=True, initial=0.0)
    unit = np.divide(size, largest, out=np.zeros_like(size), where=largest > 0)
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(largest[..., 0] * (unit**p).sum(axis=-1) ** (1 / p))


def energy(x: Any) -> NDArray[np.float64]:
    r"""Return the energy of vectors, ‖x‖₂² = Σ x_i².

    Args:
        x: vectors (\*batch, d).

    Returns:
        Float64 array (\*batch).

    Raises:
        ArgumentError: ``x`` is not made of vectors.

    Example:
        >>> float(energy([3.0, -4.0]))
        25.0
    """
    return np.asarray(np.square(_vectors(x)).sum(axis=-1))


def sparsity(x: Any) -> NDArray[np.int64]:
    r"""Return how many entries of a vector are not 0, ‖x‖₀.

    Args:
        x: vectors (\*batch, d).

    Returns:
        Whole numbers (\*batch).

    Raises:
        ArgumentError: ``x`` is not made of vectors.

    Example:
        >>> sparsity([[0.0, 2.0, 0.0], [1.0, 0.0, -1.0]])
        array([1, 2])
    """
    return np.asarray(np.count_nonzero(_vectors(x), axis=-1))


def unit_contour(p: float, n: int = 400) -> NDArray[np.float64]:
    r"""Return points of the plane with ‖x‖_p = 1, once around.

    With cos t and sin t of an angle t, x = (±|cos t|^{2/p}, ±|sin t|^{2/p}); for p = ∞ the square.

    Args:
        p: above 0, or ``math.inf``.
        n: number of points, a multiple of 4 puts the corners on the axes among them.

    Returns:
        Points (n + 1, 2); the last is the first, so that a line through them closes.

    Raises:
        ArgumentError: ``p`` is not above 0, or ``n`` is below 4.

    Example:
        >>> unit_contour(1, 4) + 0.0
        array([[ 1.,  0.],
               [ 0.,  1.],
               [-1.,  0.],
               [ 0., -1.],
               [ 1.,  0.]])
    """
    if p != np.inf:
        p = number("p", p, above=0, hint="‖x‖₀ = 1 are the axes.")
    n = number("n", n, at_least=4, integer=True)
    t = 2 * np.pi * np.arange(n + 1) / n
    # Cosine and sine of multiples of π/2 to the last digit, and the last point on the first.
    circle = np.stack([np.cos(t), np.sin(t)], axis=-1)
    circle[np.abs(circle) < 1e-15 * n] = 0.0
    circle[-1] = circle[0]
    if p == np.inf:
        return np.asarray(circle / np.abs(circle).max(axis=-1, keepdims=True))
    return np.asarray(np.sign(circle) * np.abs(circle) ** (2 / p))


def _vectors(x: Any) -> NDArray[np.float64]:
    try:
        array = np.asarray(x, np.float64)
    except (TypeError, ValueError):
        raise ArgumentError("x", "vectors of numbers", type(x).__name__) from None
    if array.ndim == 0:
        raise ArgumentError("x", "vectors (..., d)", "a single number")
    return array
