"""The most probable values of any distribution; of mixtures, all local maxima of the density."""

from __future__ import annotations

import math
from functools import singledispatch
from typing import Any

import numpy as np
import numpyro.distributions as dist

from thalweg.core.errors import ArgumentError
from thalweg.probability.empirical import Empirical
from thalweg.probability.families import class_probabilities, parameter
from thalweg.probability.mean_shift import climb
from thalweg.probability.mixtures import MixtureView
from thalweg.probability.structures import AffineView
from thalweg.probability.view import Numbers, view


def mode(d: Any) -> Numbers:
    r"""Return the value of greatest density or probability, x* = argmax p(x).

    Closed form for the families that have one. Of a mixture, the greatest of its :func:`modes`.

    Args:
        d: a NumPyro distribution; batches of them are answered at once.

    Returns:
        Float64 array (\*batch, \*event). Of several values that are equal in density the smallest; the middle for
        uniform distributions.

    Raises:
        ArgumentError: the mode of a distribution of this class is not known.

    Example:
        >>> float(mode(dist.Gamma(3.0, 2.0)))  # (a - 1) / rate
        1.0
        >>> mode(dist.Multinomial(10, np.array([0.2, 0.7, 0.1])))
        array([2., 7., 1.])

    Source: Forbes et al., *Statistical Distributions* (2011).
    """
    # A vector of one component is a number.
    if math.prod(d.event_shape) == 1:
        return np.array(view(d).mode()).reshape(d.batch_shape + d.event_shape)
    return np.array(_mode(d))


def modes(d: Any) -> Numbers:
    r"""Return all local maxima of the density of a mixture.

    Of numbers, maxima are bracketed on a grid around the components, whose steps are fractions of their scales, and
    refined by golden section to about 1e-8 of the scale. Of vectors with normal components, mean shift from all
    component means, x ← (Σ r_k C_k⁻¹)⁻¹ Σ r_k C_k⁻¹ μ_k with r_k the share of component k at x, then Newton's method.

    Args:
        d: a mixture, or a batch of mixtures; of other distributions the one mode.

    Returns:
        Float64 array (\*batch, M, \*event), the greatest density first; rows with fewer than M modes end in NaN.

    Raises:
        ArgumentError: a mixture of vectors whose components are not normal.

    Example:
        >>> two = dist.Mixture(dist.Categorical(np.array([0.3, 0.7])), dist.Normal(np.array([-2.0, 2.0]), 0.5))
        >>> modes(two).round(3)
        array([ 2., -2.])

    Source: Carreira-Perpiñán, Mode-finding for mixtures of Gaussian distributions (2000), IEEE TPAMI 22(11).
    """
    axis = len(d.batch_shape)
    if math.prod(d.event_shape) == 1:
        v = view(d)
        base, forward = v.unwrapped() if isinstance(v, AffineView) else (v, np.asarray)
        if not isinstance(base, MixtureView):
            return np.expand_dims(mode(d), axis)
        x, value = base.modes()
        order = np.argsort(-value, axis=0, kind="stable")
        x = forward(np.take_along_axis(x, order, axis=0))
        return np.moveaxis(x.reshape(len(x), *d.batch_shape, *d.event_shape), 0, axis)
    if isinstance(d, dist.MixtureSameFamily | dist.MixtureGeneral):
        return climb(d)
    return np.expand_dims(mode(d), axis)


@singledispatch
def _mode(d: Any) -> Numbers:
    raise ArgumentError("d", "a distribution whose mode is known", type(d).__name__)


@_mode.register(dist.Independent)
def _(d: Any) -> Numbers:
    # The modes of independent components, together.
    return mode(d.base_dist)


@_mode.register(dist.ExpandedDistribution)
def _(d: Any) -> Numbers:
    return np.broadcast_to(mode(d.base_dist), d.shape())


@_mode.register(dist.TransformedDistribution)
def _(d: Any) -> Numbers:
    x = mode(d.base_dist)
    for t in d.transforms:
        x = parameter(t, "loc") + parameter(t, "scale") * x
    return x


@_mode.register(dist.MultivariateNormal)
@_mode.register(dist.LowRankMultivariateNormal)
@_mode.register(dist.MultivariateStudentT)
def _(d: Any) -> Numbers:
    return np.broadcast_to(parameter(d, "loc"), d.shape())


@_mode.register(dist.Delta)
def _(d: Any) -> Numbers:
    return parameter(d, "v")


@_mode.register(dist.Dirichlet)
def _(d: Any) -> Numbers:
    a = parameter(d, "concentration")
    if (a < 1).any():
        raise ArgumentError(
            "d", "concentrations of at least 1", f"{a.min():g}", "The density is infinite at the border."
        )
    total = a.sum(axis=-1, keepdims=True) - a.shape[-1]
    # All equal to 1 is the uniform density on the simplex: its middle.
    return np.where(total > 0, (a - 1) / np.where(total > 0, total, 1.0), 1 / a.shape[-1])


@_mode.register(dist.MultinomialProbs)
@_mode.register(dist.MultinomialLogits)
def _(d: Any) -> Numbers:
    # Raising count i by one multiplies the probability by p_i / (x_i + 1) up to a constant: raise where that is
    # greatest. The mode is never below ⌊n p⌋, so that fewer than C steps are left.
    p = np.broadcast_to(class_probabilities(d), d.shape())
    n = np.broadcast_to(parameter(d, "total_count"), d.batch_shape)
    counts = np.floor(n[..., None] * p)
    for _ in range(int((n - counts.sum(axis=-1)).max(initial=0))):
        best = (p / (counts + 1)).argmax(axis=-1)[..., None]
        left = (n > counts.sum(axis=-1))[..., None]
        np.put_along_axis(counts, best, np.take_along_axis(counts, best, -1) + left, -1)
    return counts


@_mode.register(Empirical)
def _(d: Any) -> Numbers:
    if d.batch_shape:
        raise ArgumentError("d", "one empirical distribution", f"a batch of shape {d.batch_shape}")
    points, index = np.unique(d.points, axis=0, return_inverse=True)
    return np.asarray(points[np.bincount(index.ravel(), d.weights).argmax()])


@_mode.register(dist.MixtureSameFamily)
@_mode.register(dist.MixtureGeneral)
def _(d: Any) -> Numbers:
    return np.asarray(np.take(climb(d), 0, axis=len(d.batch_shape)))
