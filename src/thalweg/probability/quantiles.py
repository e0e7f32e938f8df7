"""The cumulative distribution function of any distribution, and its inverse."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import numpy as np
import numpyro.distributions as dist
from scipy import stats

from thalweg.core.errors import ArgumentError
from thalweg.probability.empirical import Empirical
from thalweg.probability.families import parameter
from thalweg.probability.mixtures import mixture_weights
from thalweg.probability.structures import normal_covariance
from thalweg.probability.view import Numbers, rows, view


def cdf(d: Any, x: Any) -> Numbers:
    r"""Return F(x) = P(X ≤ x), of random vectors P(X_1 ≤ x_1, …, X_k ≤ x_k).

    Args:
        d: a NumPyro distribution, or a batch of them.
        x: values, whose shape broadcasts against (\*batch, \*event).

    Returns:
        Float64 array, the broadcast shape without the event axes.

    Raises:
        ArgumentError: nothing is known about a distribution of this class.

    Example:
        >>> cdf(dist.Poisson(2.0), [0, 1, 2]).round(3)
        array([0.135, 0.406, 0.677])
        >>> float(cdf(dist.Normal(np.zeros(2), 1.0).to_event(1), [0.0, 0.0]))
        0.25

    Source: Wasserman, *All of Statistics* (2004), chapter 2.
    """
    return np.asarray(_joint(d, rows(x, d.batch_shape + d.event_shape)))


def marginal_cdf(d: Any, x: Any) -> Numbers:
    r"""Return P(X_i ≤ x_i) of each component of a random vector by itself.

    Args:
        d: a NumPyro distribution, or a batch of them.
        x: values, whose shape broadcasts against (\*batch, \*event).

    Returns:
        Float64 array of the broadcast shape. For distributions of numbers, :func:`cdf`.

    Raises:
        ArgumentError: nothing is known about a distribution of this class.

    Example:
        >>> marginal_cdf(dist.Normal(np.zeros(2), 1.0).to_event(1), [0.0, 0.0])
        array([0.5, 0.5])

    Source: Wasserman, *All of Statistics* (2004), chapter 2.
    """
    shape = d.batch_shape + d.event_shape
    values = rows(x, shape)
    return np.broadcast_to(view(d).cdf(values), np.broadcast_shapes(values.shape, shape))


def quantile(d: Any, q: Any) -> Numbers:
    r"""Return the smallest x with F(x) ≥ q, of random vectors for each component by itself.

    By the family's formula where there is one, else by Newton's method kept in a bracket, or for counts by bisection.

    Args:
        d: a NumPyro distribution, or a batch of them.
        q: probabilities, whose shape broadcasts against (\*batch, \*event): several levels for N rows are ``q[:,
            None]``.

    Returns:
        Float64 array of the broadcast shape.

    Raises:
        ArgumentError: probabilities outside [0, 1], or nothing is known about a distribution of this class.

    Example:
        >>> quantile(dist.Exponential(1.0), [0.5, 0.95]).round(3)
        array([0.693, 2.996])

    Source: Wasserman, *All of Statistics* (2004), chapter 2.
    """
    shape = d.batch_shape + d.event_shape
    levels = rows(q, shape)
    if not ((levels >= 0) & (levels <= 1)).all():
        raise ArgumentError("q", "probabilities between 0 and 1", f"{levels[~((levels >= 0) & (levels <= 1))][0]:g}")
    return np.broadcast_to(view(d).quantile(levels), np.broadcast_shapes(levels.shape, shape)).copy()


@singledispatch
def _joint(d: Any, x: Numbers) -> Numbers:
    if not d.event_shape:
        return marginal_cdf(d, x)
    if d.event_shape == (1,):
        return marginal_cdf(d, x)[..., 0]
    raise ArgumentError("d", "a distribution whose joint CDF is known", type(d).__name__, "Use marginal_cdf.")


@_joint.register(dist.Independent)
def _(d: Any, x: Numbers) -> Numbers:
    each = _joint(d.base_dist, x)
    return np.asarray(each.prod(axis=tuple(range(-d.reinterpreted_batch_ndims, 0))))


@_joint.register(dist.ExpandedDistribution)
def _(d: Any, x: Numbers) -> Numbers:
    batch = np.broadcast_shapes(x.shape[: x.ndim - d.event_dim], d.batch_shape)
    return np.broadcast_to(_joint(d.base_dist, x), batch)


@_joint.register(dist.MixtureSameFamily)
@_joint.register(dist.MixtureGeneral)
def _(d: Any, x: Numbers) -> Numbers:
    weights = mixture_weights(d).reshape(mixture_weights(d).shape[: mixture_weights(d).ndim - d.event_dim])
    if isinstance(d, dist.MixtureSameFamily):
        each = _joint(d.component_distribution, np.expand_dims(x, -1 - d.event_dim))
    else:
        each = np.stack(np.broadcast_arrays(*(_joint(part, x) for part in d.component_distributions)), axis=-1)
    return np.asarray((weights * each).sum(axis=-1))


@_joint.register(dist.TransformedDistribution)
def _(d: Any, x: Numbers) -> Numbers:
    if d.event_dim == 0:
        return marginal_cdf(d, x)
    scale = [parameter(t, "scale") for t in d.transforms if hasattr(t, "scale")]
    if len(scale) < len(d.transforms) or any((s < 0).any() for s in scale):
        raise ArgumentError(
            "d", "a vector transformed by maps of positive scale", type(d).__name__, "Use marginal_cdf."
        )
    for t in reversed(d.transforms):
        x = (x - parameter(t, "loc")) / parameter(t, "scale")
    base = d.base_dist
    return _joint(base if base.event_dim else base.to_event(d.event_dim), x)


@_joint.register(Empirical)
def _(d: Any, x: Numbers) -> Numbers:
    if d.event_dim == 0:
        return marginal_cdf(d, x)
    below = (d.points <= np.expand_dims(x, -1 - d.event_dim)).all(axis=tuple(range(-d.event_dim, 0)))
    return np.asarray((d.weights * below).sum(axis=-1))


@_joint.register(dist.Delta)
def _(d: Any, x: Numbers) -> Numbers:
    below = parameter(d, "v") <= x
    return np.asarray(below.all(axis=tuple(range(-d.event_dim, 0))), np.float64)


@_joint.register(dist.MultivariateNormal)
@_joint.register(dist.LowRankMultivariateNormal)
def _(d: Any, x: Numbers) -> Numbers:
    loc = parameter(d, "loc")
    z = x - loc
    matrix = normal_covariance(d)
    batch = np.broadcast_shapes(z.shape[:-1], matrix.shape[:-2])
    z, matrix = np.broadcast_to(z, (*batch, z.shape[-1])), np.broadcast_to(matrix, (*batch, *matrix.shape[-2:]))
    answer = np.empty(batch)
    for at in np.ndindex(batch):  # SciPy integrates one normal at a time
        answer[at] = stats.multivariate_normal.cdf(z[at], cov=matrix[at])
    return answer
