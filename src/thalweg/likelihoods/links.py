"""Links from raw outputs to parameters, in NumPy or JAX, bounded so that no output up to ±1e4 overflows float32."""

from __future__ import annotations

import numpy as np
from jaxtyping import Array, Float

from thalweg.likelihoods.likelihood import array_library

LOG_SCALE_BOUND = 14.0
"""Learned scales stay between e^-14 and e^14, about 1e-6 and 1e6: squares of residuals over them stay finite."""

LOG_LINK_END = 30.0
"""The log link of counts holds up to a mean of e^30, about 1e13, and goes on in a straight line."""


def sigmoid(a: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Return σ(a) = 1 / (1 + e^-a), with full relative accuracy on both sides.

    Example:
        >>> sigmoid(np.array([0.0, -800.0]))
        array([0.5, 0. ])
    """
    xp = array_library(a)
    power = xp.exp(-xp.abs(a))
    value: Array = xp.where(a > 0, 1, power) / (1 + power)
    return value


def softplus(a: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Return ln(1 + e^a); its derivative is :func:`sigmoid`.

    Example:
        >>> softplus(np.array([0.0, 800.0])).round(4).tolist()
        [0.6931, 800.0]
    """
    xp = array_library(a)
    value: Array = xp.log1p(xp.exp(-xp.abs(a))) + xp.maximum(a, 0)
    return value


def inverse_softplus(value: np.ndarray) -> np.ndarray:
    """Return a with softplus(a) = ``value`` > 0.

    Example:
        >>> softplus(inverse_softplus(np.array([2.5]))).round(6)
        array([2.5])
    """
    return np.asarray(value + np.log(-np.expm1(-value)))


def log_scale(a: Float[Array, "*shape"]) -> tuple[Float[Array, "*shape"], Float[Array, "*shape"]]:
    """Return ln s = 14 tanh(a / 14) and its derivative by a: the identity near 0, bounded far from it.

    Example:
        >>> [float(value[0]) for value in log_scale(np.array([1e4]))]
        [14.0, 0.0]
    """
    bend = array_library(a).tanh(a * (1 / LOG_SCALE_BOUND))
    return LOG_SCALE_BOUND * bend, 1 - bend * bend


def inverse_log_scale(scale: np.ndarray) -> np.ndarray:
    """Return the raw output a that stands for the scale s.

    Example:
        >>> np.exp(log_scale(inverse_log_scale(np.array([0.3])))[0]).round(6)
        array([0.3])
    """
    share = np.clip(np.log(scale) / LOG_SCALE_BOUND, -0.999, 0.999)
    return np.asarray(LOG_SCALE_BOUND * np.arctanh(share))


def log_mean(a: Float[Array, "*shape"]) -> tuple[Float[Array, "*shape"], Float[Array, "*shape"]]:
    """Return ln m of the mean m of counts and its derivative by a: m = e^a, and beyond e^30 m = e^30 (a - 29).

    Example:
        >>> [float(value[0]) for value in log_mean(np.array([2.0]))]
        [2.0, 1.0]
    """
    xp = array_library(a)
    beyond = xp.maximum(a - LOG_LINK_END, 0)
    return xp.minimum(a, LOG_LINK_END) + xp.log1p(beyond), 1 / (1 + beyond)


def inverse_log_mean(mean: np.ndarray) -> np.ndarray:
    """Return the raw output a that stands for the mean m > 0 of counts.

    Example:
        >>> inverse_log_mean(np.array([1.0]))
        array([0.])
    """
    logarithm = np.log(mean)
    return np.asarray(np.where(logarithm <= LOG_LINK_END, logarithm, LOG_LINK_END - 1 + mean * np.exp(-LOG_LINK_END)))
