"""The distribution of shift + scale · z."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array
from numpyro.distributions import constraints
from numpyro.distributions.transforms import AffineTransform

from thalweg.core.errors import ArgumentError
from thalweg.probability.empirical import Empirical
from thalweg.probability.view import Numbers, rows


def affine(d: Any, shift: Any = 0.0, scale: Any = 1.0) -> Any:
    r"""Return the distribution of x = shift + scale · z for z from d.

    Families of location and scale stay what they are, N(μ, σ²) becomes N(shift + scale μ, scale² σ²); independent
    components and mixtures are mapped part by part. Anything else becomes a NumPyro ``TransformedDistribution``.
    Moments, CDF, quantiles and modes are known for the result as they are for d.

    Args:
        d: a NumPyro distribution, or a batch of them.
        shift: in units of x; its shape broadcasts against (\*batch, \*event).
        scale: units of x for one of z, of either sign and not 0; broadcasts likewise.

    Returns:
        A NumPyro distribution.

    Raises:
        ArgumentError: a shift that is not finite, or a scale that is 0 or not finite.

    Example:
        >>> celsius = dist.Normal(20.0, 5.0)
        >>> fahrenheit = affine(celsius, 32.0, 1.8)
        >>> type(fahrenheit).__name__, float(fahrenheit.loc), float(fahrenheit.scale)
        ('Normal', 68.0, 9.0)

    Source: Wasserman, *All of Statistics* (2004), section 2.11.
    """
    shift, scale = np.asarray(shift, np.float64), np.asarray(scale, np.float64)
    if not np.isfinite(shift).all():
        raise ArgumentError("shift", "finite numbers", "NaN or infinity")
    if not np.isfinite(scale).all() or (scale == 0).any():
        raise ArgumentError("scale", "finite numbers other than 0", "0, NaN or infinity")
    return _affine(d, shift, scale)


class AffineCounts(dist.TransformedDistribution):  # type: ignore[misc] # NumPyro ships no types
    """A discrete variable, shifted and scaled: probabilities stay as they are, unlike densities."""

    def log_prob(self, value: Any, intermediates: Any = None) -> Array:
        """Return ln P(X = value)."""
        del intermediates
        for transform in reversed(self.transforms):
            value = transform.inv(value)
        return jnp.asarray(self.base_dist.log_prob(jnp.round(value)))

    @property
    def is_discrete(self) -> bool:
        """True."""
        return True


@singledispatch
def _affine(d: Any, shift: Numbers, scale: Numbers) -> Any:
    kind = AffineCounts if d.is_discrete else dist.TransformedDistribution
    return kind(d, AffineTransform(shift, scale))


@_affine.register(dist.Normal)
@_affine.register(dist.Laplace)
@_affine.register(dist.Cauchy)
@_affine.register(dist.Logistic)
def _(d: Any, shift: Numbers, scale: Numbers) -> Any:
    return type(d)(d.loc * scale + shift, d.scale * np.abs(scale))


@_affine.register(dist.StudentT)
def _(d: Any, shift: Numbers, scale: Numbers) -> Any:
    return dist.StudentT(d.df, d.loc * scale + shift, d.scale * np.abs(scale))


@_affine.register(dist.Uniform)
def _(d: Any, shift: Numbers, scale: Numbers) -> Any:
    a, b = d.low * scale + shift, d.high * scale + shift
    return dist.Uniform(np.minimum(a, b), np.maximum(a, b))


@_affine.register(dist.MultivariateNormal)
@_affine.register(dist.MultivariateStudentT)
def _(d: Any, shift: Numbers, scale: Numbers) -> Any:
    scale = np.broadcast_to(scale, np.broadcast_shapes(scale.shape, d.event_shape))
    # S L has negative entries on its diagonal for negative scales; turning those columns round leaves S L Lᵀ S as it
    # is.
    factor = scale[..., :, None] * d.scale_tril * np.sign(scale)[..., None, :]
    loc = d.loc * scale + shift
    if isinstance(d, dist.MultivariateStudentT):
        return dist.MultivariateStudentT(d.df, loc, factor)
    return dist.MultivariateNormal(loc, scale_tril=factor)


@_affine.register(dist.Delta)
def _(d: Any, shift: Numbers, scale: Numbers) -> Any:
    return dist.Delta(d.v * scale + shift, event_dim=d.event_dim)


@_affine.register(Empirical)
def _(d: Any, shift: Numbers, scale: Numbers) -> Any:
    shift, scale = (np.expand_dims(rows(a, d.shape()), -1 - d.event_dim) for a in (shift, scale))
    return Empirical(d.points * scale + shift, d.weights, event_dim=d.event_dim)


@_affine.register(dist.Independent)
def _(d: Any, shift: Numbers, scale: Numbers) -> Any:
    return _affine(d.base_dist, shift, scale).to_event(d.reinterpreted_batch_ndims)


@_affine.register(dist.ExpandedDistribution)
def _(d: Any, shift: Numbers, scale: Numbers) -> Any:
    return _affine(d.base_dist, shift, scale).expand(d.batch_shape)


def _is_real(d: Any) -> bool:
    support = d.support
    while hasattr(support, "base_constraint"):
        support = support.base_constraint
    return support is constraints.real


@_affine.register(dist.MixtureSameFamily)
def _(d: Any, shift: Numbers, scale: Numbers) -> Any:
    part = d.component_distribution
    if not _is_real(part) or d.is_discrete:  # the components' support would move with their parameters
        return _affine.dispatch(object)(d, shift, scale)
    shift, scale = (np.expand_dims(rows(a, d.batch_shape + d.event_shape), -1 - d.event_dim) for a in (shift, scale))
    return dist.MixtureSameFamily(d.mixing_distribution, _affine(part, shift, scale))


@_affine.register(dist.MixtureGeneral)
def _(d: Any, shift: Numbers, scale: Numbers) -> Any:
    if not all(map(_is_real, d.component_distributions)) or d.is_discrete:
        return _affine.dispatch(object)(d, shift, scale)
    parts = [_affine(part, shift, scale) for part in d.component_distributions]
    return dist.MixtureGeneral(d.mixing_distribution, parts, support=d.support)
