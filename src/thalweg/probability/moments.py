"""Mean vector, variance, standard deviation and covariance matrix of any distribution."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import numpy as np
import numpyro.distributions as dist

from thalweg.core.errors import ArgumentError
from thalweg.probability.empirical import Empirical
from thalweg.probability.families import class_probabilities, parameter
from thalweg.probability.mixtures import mixture_weights
from thalweg.probability.structures import normal_covariance
from thalweg.probability.view import Numbers, view


def mean(d: Any) -> Numbers:
    r"""Return E[X], of random vectors the mean vector.

    Args:
        d: a NumPyro distribution; batches of them are answered at once.

    Returns:
        Float64 array (\*batch, \*event); infinite or NaN where the mean is infinite or does not exist.

    Raises:
        ArgumentError: nothing is known about a distribution of this class.

    Example:
        >>> float(mean(dist.Gamma(3.0, 2.0)))
        1.5

    Source: Wasserman, *All of Statistics* (2004), chapter 3.
    """
    return np.asarray(view(d).mean())


def variance(d: Any) -> Numbers:
    r"""Return E[(X - E X)²], of random vectors for each component.

    Args:
        d: a NumPyro distribution; batches of them are answered at once.

    Returns:
        Float64 array (\*batch, \*event).

    Raises:
        ArgumentError: nothing is known about a distribution of this class.

    Example:
        >>> float(variance(dist.Laplace(0.0, 2.0)))  # 2 b²
        8.0

    Source: Wasserman, *All of Statistics* (2004), chapter 3.
    """
    return np.asarray(view(d).variance())


def std(d: Any) -> Numbers:
    r"""Return the standard deviation, √variance.

    Args:
        d: a NumPyro distribution; batches of them are answered at once.

    Returns:
        Float64 array (\*batch, \*event).

    Raises:
        ArgumentError: nothing is known about a distribution of this class.

    Example:
        >>> float(std(dist.Normal(0.0, 3.0)))
        3.0

    Source: Wasserman, *All of Statistics* (2004), chapter 3.
    """
    return np.asarray(np.sqrt(variance(d)))


def covariance(d: Any) -> Numbers:
    r"""Return the covariance matrix, C = E[(X - E X)(X - E X)ᵀ].

    Args:
        d: a NumPyro distribution of vectors (\*event is (k,)), or of numbers, which count as vectors of one component.

    Returns:
        Float64 array (\*batch, k, k); diagonal for independent components.

    Raises:
        ArgumentError: events that are matrices, or a distribution of vectors of a class that nothing is known about.

    Example:
        >>> covariance(dist.Multinomial(4, np.array([0.5, 0.5])))
        array([[ 1., -1.],
               [-1.,  1.]])

    Source: Wasserman, *All of Statistics* (2004), chapter 3.
    """
    if len(d.event_shape) > 1:
        raise ArgumentError("d", "a distribution of numbers or vectors", f"events of shape {d.event_shape}")
    if not d.event_shape:
        return variance(d)[..., None, None]
    return _covariance(d)


@singledispatch
def _covariance(d: Any) -> Numbers:
    raise ArgumentError("d", "a distribution whose covariance is known", type(d).__name__, "Take that of its samples.")


def _diagonal(values: Numbers) -> Numbers:
    return np.asarray(values[..., None] * np.eye(values.shape[-1]))


@_covariance.register(dist.Independent)
def _(d: Any) -> Numbers:
    # Components are independent, unless they were vectors already, whose components then are the only event axis.
    return _diagonal(variance(d)) if not d.base_dist.event_shape else covariance(d.base_dist)


@_covariance.register(dist.MultivariateNormal)
@_covariance.register(dist.LowRankMultivariateNormal)
def _(d: Any) -> Numbers:
    matrix = normal_covariance(d)
    return np.broadcast_to(matrix, (*d.batch_shape, *matrix.shape[-2:]))


@_covariance.register(dist.MultivariateStudentT)
def _(d: Any) -> Numbers:
    factor, df = parameter(d, "scale_tril"), parameter(d, "df")[..., None, None]
    with np.errstate(divide="ignore"):
        ratio = np.where(df > 2, df / (df - 2), np.where(df > 1, np.inf, np.nan))
    return np.asarray(ratio * (factor @ np.swapaxes(factor, -1, -2)))


def _counts_covariance(p: Numbers) -> Numbers:
    """Return the covariance of a one-hot vector with probabilities p."""
    return np.asarray(_diagonal(p) - p[..., None] * p[..., None, :])


@_covariance.register(dist.MultinomialProbs)
@_covariance.register(dist.MultinomialLogits)
def _(d: Any) -> Numbers:
    return np.asarray(parameter(d, "total_count")[..., None, None] * _counts_covariance(class_probabilities(d)))


@_covariance.register(dist.Dirichlet)
def _(d: Any) -> Numbers:
    a = parameter(d, "concentration")
    total = a.sum(axis=-1, keepdims=True)
    return np.asarray(_counts_covariance(a / total) / (total[..., None] + 1))


@_covariance.register(dist.DirichletMultinomial)
def _(d: Any) -> Numbers:
    a, n = parameter(d, "concentration"), parameter(d, "total_count")[..., None, None]
    total = a.sum(axis=-1, keepdims=True)
    return np.asarray(n * (n + total[..., None]) / (1 + total[..., None]) * _counts_covariance(a / total))


@_covariance.register(Empirical)
def _(d: Any) -> Numbers:
    centered = d.points - mean(d)[..., None, :]
    return np.asarray(np.swapaxes(d.weights[..., None] * centered, -1, -2) @ centered)


@_covariance.register(dist.Delta)
def _(d: Any) -> Numbers:
    return _diagonal(np.zeros(d.batch_shape + d.event_shape))


@_covariance.register(dist.ExpandedDistribution)
def _(d: Any) -> Numbers:
    matrix = covariance(d.base_dist)
    return np.broadcast_to(matrix, (*d.batch_shape, *matrix.shape[-2:]))


@_covariance.register(dist.TransformedDistribution)
def _(d: Any) -> Numbers:
    matrix = covariance(d.base_dist) if d.base_dist.event_shape else _diagonal(variance(d.base_dist))
    for transform in d.transforms:
        scale = np.broadcast_to(parameter(transform, "scale"), d.batch_shape + d.event_shape)
        matrix = scale[..., :, None] * matrix * scale[..., None, :]
    return np.asarray(matrix)


@_covariance.register(dist.MixtureSameFamily)
@_covariance.register(dist.MixtureGeneral)
def _(d: Any) -> Numbers:
    # The law of total covariance, Σ w_k (C_k + (μ_k - μ)(μ_k - μ)ᵀ), components on axis -3.
    weights = mixture_weights(d)[..., None]
    means, matrices = component_moments(d)
    away = means - mean(d)[..., None, :]
    return np.asarray((weights * (matrices + away[..., :, None] * away[..., None, :])).sum(axis=-3))


def component_moments(d: Any) -> tuple[Numbers, Numbers]:
    """Return the mean vectors (..., K, k) and the covariance matrices (..., K, k, k) of a mixture's components."""
    if isinstance(d, dist.MixtureSameFamily):
        return mean(d.component_distribution), covariance(d.component_distribution)
    parts = d.component_distributions
    means = np.stack(np.broadcast_arrays(*map(mean, parts)), axis=-2)
    return means, np.stack(np.broadcast_arrays(*map(covariance, parts)), axis=-3)
