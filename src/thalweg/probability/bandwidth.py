"""How wide the bumps of a kernel density estimate are: rules, cross-validation, and what the user says."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from scipy.linalg import solve_triangular
from scipy.optimize import minimize_scalar

from thalweg.core.errors import ArgumentError
from thalweg.core.validate import number
from thalweg.probability.kernel_sums import log_kernel_sum
from thalweg.probability.kernels import KERNELS

LEFT_OUT = 2000
"""Points that cross-validation leaves out, each in its turn; of larger sets an even selection."""


def scott(n: float, d: int) -> float:
    """Return Scott's factor n^{-1/(d+4)}.

    Example:
        >>> round(scott(100_000.0, 1), 6)
        0.1
    """
    return float(n ** (-1 / (d + 4)))


def silverman(n: float, d: int) -> float:
    """Return Silverman's factor (n (d+2) / 4)^{-1/(d+4)}.

    Example:
        >>> silverman(100_000.0, 2) == scott(100_000.0, 2)
        True
    """
    return float((n * (d + 2) / 4) ** (-1 / (d + 4)))


def cross_validated(points: np.ndarray, shares: np.ndarray, spread_tril: np.ndarray, kernel: str) -> float:
    r"""Return the factor h with the largest leave-one-out likelihood Σ_i w_i ln p̂_{-i}(x(i)).

    A grid around Scott's factor, and then Brent's method between the neighbors of its best.

    Args:
        points: (n, d).
        shares: (n,) weights that sum to 1.
        spread_tril: Cholesky factor of the covariance of the points.
        kernel: a name in ``KERNELS``.

    Raises:
        ArgumentError: the likelihood grows without bound as h → 0, because points are repeated.
    """
    n, d = points.shape
    left_out = np.unique(np.linspace(0, n - 1, min(n, LEFT_OUT)).round().astype(int))
    white = solve_triangular(spread_tril, (points - points.mean(axis=0)).T, lower=True).T
    with np.errstate(divide="ignore"):
        log_weights = np.log(shares)
    middle = scott(1 / float(np.sum(shares**2)), d)

    def loss(log_factor: float) -> float:
        with jax.enable_x64(True):
            logs = _left_out_logs(float(np.exp(log_factor)), white, log_weights, left_out, kernel)
        each = np.asarray(logs) - d * log_factor - np.log1p(-shares[left_out])
        used = shares[left_out] > 0
        return -float(shares[left_out][used] @ each[used])

    grid = np.log(middle) + np.linspace(np.log(1e-3), np.log(30), 32)
    losses = [loss(point) for point in grid]
    best = int(np.argmin(losses))
    if best == 0:
        raise ArgumentError(
            "bandwidth",
            "a rule or a number for points that are repeated",
            "'cv'",
            "The leave-one-out likelihood grows without bound as the bandwidth shrinks. Use 'scott'.",
        )
    bounds = grid[best - 1], grid[min(best + 1, len(grid) - 1)]
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-4}).x))


@partial(jax.jit, static_argnames="kernel")
def _left_out_logs(factor: float, white: Array, log_weights: Array, left_out: Array, kernel: str) -> Array:
    scaled = jnp.asarray(white) / factor
    return log_kernel_sum(KERNELS[kernel], scaled[left_out], scaled, log_weights, left_out)


BANDWIDTHS: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray, str], float]] = {
    "scott": lambda points, shares, _, kernel: scott(1 / float(np.sum(shares**2)), points.shape[1]),
    "silverman": lambda points, shares, _, kernel: silverman(1 / float(np.sum(shares**2)), points.shape[1]),
    "cv": cross_validated,
}
"""Rules by name: (points, shares, Cholesky factor of the points' covariance, kernel) ↦ factor h."""


def choose_bandwidth(bandwidth: str | float | Any, points: np.ndarray, shares: np.ndarray, kernel: str) -> np.ndarray:
    """Return the lower triangular L with which distances are measured: ‖L⁻¹(x - x(n))‖.

    Args:
        bandwidth: a name in ``BANDWIDTHS``, a number h for L = h·I, or a matrix L Lᵀ.
        points: (n, d).
        shares: (n,) weights that sum to 1.
        kernel: a name in ``KERNELS``.

    Raises:
        ArgumentError: a bandwidth of 0 or below, a matrix that is not positive definite, or too few points for a rule.

    Example:
        >>> choose_bandwidth(0.5, np.zeros((3, 1)), np.full(3, 1 / 3), "gaussian")
        array([[0.5]])
    """
    d = points.shape[1]
    if isinstance(bandwidth, str):
        used = int(np.count_nonzero(shares))
        if used <= d:
            raise ArgumentError(
                "points",
                f"more than {d} points in {d} dimension{'s' * (d > 1)} for the bandwidth {bandwidth!r}",
                f"{used}",
                "Give the bandwidth as a number.",
            )
        covariance = np.atleast_2d(np.cov(points, rowvar=False, bias=False, aweights=shares))
        spread = _cholesky(
            "points",
            covariance,
            "points whose covariance is positive definite",
            "They lie in a subspace: leave out coordinates that follow from others, or give the bandwidth.",
        )
        return BANDWIDTHS[bandwidth](points, shares, spread, kernel) * spread
    if np.ndim(bandwidth) == 0:
        return np.asarray(number("bandwidth", bandwidth, above=0) * np.eye(d))
    matrix = np.asarray(bandwidth, np.float64)
    if matrix.shape != (d, d) or not np.allclose(matrix, matrix.T):
        raise ArgumentError(
            "bandwidth", f"a number or a symmetric {d} × {d} matrix", f"an array of shape {matrix.shape}"
        )
    return _cholesky("bandwidth", matrix, "a positive definite matrix")


def _cholesky(argument: str, matrix: np.ndarray, expected: str, hint: str = "") -> np.ndarray:
    smallest, *_, largest = np.linalg.eigvalsh(matrix) if len(matrix) > 1 else [matrix[0, 0]] * 2
    if not smallest > len(matrix) * np.finfo(float).eps * max(largest, 0):
        raise ArgumentError(argument, expected, f"a smallest eigenvalue of {smallest:.3g}", hint)
    return np.linalg.cholesky(matrix)
