"""Expectations of functions of a random variable."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jaxtyping import Array

from thalweg.core.errors import ArgumentError
from thalweg.core.validate import number
from thalweg.probability.empirical import Empirical
from thalweg.probability.estimate import Estimate
from thalweg.probability.view import Numbers, TooManyAtomsError, view

_MOST_NUMBERS = 2**24  # of one array: 128 MB in float64
_FAR = 1e-80  # nodes in a tail go on to weights far below this; what still counts at the last of them goes on as well


def expectation(
    g: Callable[[Any], Any], d: Any, *, key: Array | None = None, samples: int = 100_000, exact: bool = True
) -> Estimate:
    r"""Return E[g(X)] with its error.

    Numbers are summed over their values if discrete, and integrated by Gauss–Legendre panels if continuous; the error
    is the greatest difference to half and a quarter as many panels, and infinite where the last nodes still count,
    since E|g(X)| then need not be finite. The points of an empirical distribution are
    summed, random vectors are sampled: the value is the mean of g over draws, and the error its standard error, s /
    √n (no bound, if g has no variance).

    Args:
        g: maps points (n, \*batch, \*event) to values (n, \*batch).
        d: a NumPyro distribution, or a batch of them.
        key: JAX random key for sampling; ``jax.random.key(0)`` if none is given.
        samples: number of draws, where it is sampled.
        exact: False samples in any case.

    Returns:
        Value, method and error, each value of shape (\*batch).

    Raises:
        ArgumentError: ``g`` returns another shape, or ``samples`` is below 2.

    Example:
        >>> import numpyro.distributions as dist
        >>> answer = expectation(lambda x: x**2, dist.Normal(1.0, 2.0))  # μ² + σ²
        >>> float(answer.value.round(9)), answer.method
        (5.0, 'quadrature')

    Source: Davis, Rabinowitz, *Methods of Numerical Integration* (1984), chapters 2 and 5.
    """
    samples = number("samples", samples, at_least=2, integer=True)
    if exact and math.prod(d.event_shape) == 1:
        try:
            return _summed(g, d)
        except TooManyAtomsError:
            pass
    if exact and isinstance(d, Empirical) and not d.batch_shape:
        values = _values(g, d.points, ())
        return Estimate(np.asarray(d.weights @ values), "sum", np.zeros(()))
    return _sampled(g, d, jax.random.key(0) if key is None else key, samples)


def _values(g: Callable[[Any], Any], x: Any, batch: tuple[int, ...]) -> Numbers:
    values = np.asarray(g(x), np.float64)
    if values.shape != (len(x), *batch):
        raise ArgumentError("g", f"values of shape {(len(x), *batch)} from points {np.shape(x)}", f"{values.shape}")
    return values


def _summed(g: Callable[[Any], Any], d: Any) -> Estimate:
    v = view(d)
    rows = max(1, math.prod(d.batch_shape))
    # As fine as memory allows; kinks of g, such as that of |x - a|, need many panels.
    level = 1 if v.discrete else max(1, min(8, _MOST_NUMBERS // (500 * rows)))

    def at(level: int) -> tuple[Numbers, Numbers]:
        x, weight = v.nodes(level)
        x, weight = x.reshape(len(x), *d.batch_shape, *d.event_shape), weight.reshape(len(x), *d.batch_shape)
        with np.errstate(all="ignore"):
            terms = np.where(weight > 0, weight * _values(g, x, d.batch_shape), 0.0)
            size = np.abs(terms)
            least = np.where(weight > 0, weight, np.inf).min(axis=0)
            last = (weight < 1e20 * least) & (least < 1e-20 * _FAR)
            far = np.where(last, size, 0.0).sum(axis=0)
            return np.asarray(terms.sum(axis=0)), np.asarray(~(far <= 1e-9 * size.sum(axis=0)) | np.isinf(far))

    value, endless = at(level)
    if v.discrete:
        return Estimate(value, "sum", np.zeros(d.batch_shape))
    # With a kink, one coarser answer may be right by chance; two of them hardly.
    coarse = [at(n)[0] for n in ((level // 2, max(1, level // 4)) if level > 1 else (2, 3))]
    with np.errstate(invalid="ignore"):
        error = np.abs(value - np.stack(coarse)).max(axis=0) + 1e-13 * np.abs(value)
    note = "g(X) need not have an expectation: the last of its values still count" if endless.any() else ""
    return Estimate(value, "quadrature", np.where(endless, np.inf, error)[()], note)


def _sampled(g: Callable[[Any], Any], d: Any, key: Array, samples: int) -> Estimate:
    size = max(1, math.prod(d.batch_shape + d.event_shape))
    piece = max(1, min(samples, _MOST_NUMBERS // size))
    # Sums about the first mean, so that large means lose no digits of the variance.
    center, total, squares, count = np.zeros(d.batch_shape), np.zeros(d.batch_shape), np.zeros(d.batch_shape), 0
    while count < samples:
        key, now = jax.random.split(key)
        n = min(piece, samples - count)
        values = _values(g, np.asarray(d.sample(now, (n,))), d.batch_shape)
        center = values.mean(axis=0) if count == 0 else center
        total = total + (values - center).sum(axis=0)
        squares = squares + ((values - center) ** 2).sum(axis=0)
        count += n
    shift = total / samples
    spread = np.maximum(squares / samples - shift**2, 0) * samples / (samples - 1)
    return Estimate(center + shift, "Monte Carlo", np.sqrt(spread / samples))


def support(d: Any) -> tuple[Numbers, Numbers, bool]:
    r"""Return the least and the greatest value of each component, and whether values are discrete.

    Args:
        d: a NumPyro distribution, or a batch of them.

    Returns:
        Lower and upper bounds (\*batch, \*event), infinite where there are none, and True for discrete distributions.

    Raises:
        ArgumentError: nothing is known about a distribution of this class.

    Example:
        >>> import numpyro.distributions as dist
        >>> lower, upper, discrete = support(dist.Binomial(5, 0.5))
        >>> float(lower), float(upper), discrete
        (0.0, 5.0, True)
    """
    v = view(d)
    shape = d.batch_shape + d.event_shape
    return np.broadcast_to(v.lower, shape), np.broadcast_to(v.upper, shape), v.discrete
