"""E_p of ln p and ln q by the first of sum, quadrature and Monte Carlo that fits: divergences without a closed form."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import jax
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array

from thalweg.core.errors import ArgumentError
from thalweg.core.validate import number
from thalweg.probability import mixtures  # noqa: F401 - the view of a mixture registers itself
from thalweg.probability.empirical import Empirical
from thalweg.probability.estimate import Estimate
from thalweg.probability.exact_density import double, log_density
from thalweg.probability.expectations import expectation
from thalweg.probability.families import parameter
from thalweg.probability.plane import in_the_plane
from thalweg.probability.quadrature import on_the_line
from thalweg.probability.sums import over_values
from thalweg.probability.view import Numbers, View, view

Quantity = Literal["divergence", "entropy", "cross entropy"]


class Sampling:
    """How Monte Carlo draws, if it comes to that."""

    def __init__(self, key: Array | None, samples: int) -> None:
        self.key, self.samples = key, number("samples", samples, at_least=2, integer=True)


def numeric(quantity: Quantity, p: Any, q: Any, sampling: Sampling) -> Estimate:
    """Sum, integrate or sample, whichever comes first."""
    points = atoms(p)
    if points is not None:
        x, weights = points
        with np.errstate(divide="ignore"):
            terms = terms_of(quantity, np.log(weights), None if q is None else log_density(q, x))
        return exact(terms.sum(), "sum", 1e-15)
    shape = p.batch_shape if q is None else np.broadcast_shapes(p.batch_shape, q.batch_shape)
    p, q = (d if d is None or d.batch_shape == shape else d.expand(shape) for d in (p, q))
    size = math.prod(p.event_shape)
    if size == 1 or (size == 2 and kind(p) == "continuous" and len(p.event_shape) == 1):
        answer = _integrated(quantity, p, q, shape)
        if answer is not None:
            return answer
    return _sampled(quantity, p, q, sampling)


def _integrated(quantity: Quantity, p: Any, q: Any, shape: tuple[int, ...]) -> Estimate | None:
    """Sum or integrate for each entry of the batch, or return None if that cannot be done."""
    try:
        of_p, others = view(p), [] if q is None else [view(q)]
    except ArgumentError:  # a random vector whose components are not known one by one
        if p.event_shape:
            return None
        raise
    values, errors = np.full(shape, math.inf), np.zeros(shape)
    inside = [entry for entry in np.ndindex(shape) if not others or _within(of_p, others[0], entry)]
    if not inside and values.size:
        return exact(values, "closed form")
    for entry in inside:
        scalar = math.prod(p.event_shape) == 1
        index = (*entry, *(0,) * len(p.event_shape)) if scalar else entry
        joint = None if scalar else (p, q)
        g = _integrand(quantity, of_p, others, index, joint)
        if of_p.discrete:
            found = over_values(of_p, g, index)
        else:
            found = on_the_line(of_p, others, g, index) if scalar else in_the_plane(of_p, g, index)
            _check_masses(others if scalar else [], index)
        if found is None:
            return None
        values[entry], errors[entry] = found
    method: Literal["sum", "quadrature"] = "sum" if of_p.discrete else "quadrature"
    if quantity == "divergence":
        values = np.maximum(values, 0.0)
    return Estimate(values[()], method, errors[()], _why(bool(np.isinf(values).any()), quantity))


def _check_masses(others: list[View], index: tuple[int, ...]) -> None:
    """Refuse a q that does not integrate to one."""
    for v in others:
        try:
            on_the_line(v, [], _integrand("mass", v, [], index, None), index)
        except ArgumentError as error:
            raise ArgumentError("q", error.expected, error.got, error.hint) from None


def _integrand(
    quantity: Quantity | Literal["mass"], p: View, others: list[View], index: tuple[int, ...], joint: Any
) -> Callable[[Numbers], tuple[Numbers, Numbers]]:
    """Return x ↦ p(x) and p(x)·g(x)."""
    every: Any = (slice(None), *index)

    def at(v: View, x: Numbers) -> Numbers:
        x = np.broadcast_to(x.reshape(-1, *(1,) * len(v.shape)), (len(x), *v.shape))
        logs: Numbers = np.broadcast_to(v.log_density(x), x.shape)[every]
        return logs

    def both(d: Any, x: Numbers) -> Numbers:
        x = x.reshape(len(x), *(1,) * len(d.batch_shape), 2)
        logs: Numbers = np.broadcast_to(log_density(d, x), (len(x), *d.batch_shape))[every]
        return logs

    def g(x: Numbers) -> tuple[Numbers, Numbers]:
        with np.errstate(all="ignore"):
            if joint is None:
                log_p, log_q = at(p, x), (at(others[0], x) if others else None)
            else:
                log_p, log_q = both(joint[0], x), (None if joint[1] is None else both(joint[1], x))
            density = np.exp(log_p)
            return density, density if quantity == "mass" else terms_of(quantity, log_p, log_q)

    return g


def terms_of(quantity: Quantity, log_p: Numbers, log_q: Numbers | None) -> Numbers:
    """Return p·g, where p = 0 counts 0 and q = 0 < p counts infinity."""
    density = np.exp(log_p)
    here = density > 0
    log_p = np.where(here, log_p, 0.0)
    if quantity == "entropy" or log_q is None:
        return np.asarray(-density * log_p)
    log_q = np.where(here, log_q, 0.0)
    return np.asarray(density * (log_p - log_q if quantity == "divergence" else -log_q))


def _sampled(quantity: Quantity, p: Any, q: Any, sampling: Sampling) -> Estimate:
    infinite = np.zeros(p.batch_shape, bool)

    def g(x: Numbers) -> Numbers:
        nonlocal infinite
        values = np.zeros((len(x), *p.batch_shape))
        if quantity != "cross entropy":
            values = values + log_density(p, x)
        if quantity != "divergence":
            values = -values
        if q is not None:
            values = values - log_density(q, x)
        infinite = infinite | np.isposinf(values).any(axis=0)
        return np.where(np.isposinf(values), 0.0, values)

    with jax.enable_x64(True):
        # In float64, draws near the ends of the support do not fall on them.
        answer = expectation(g, double(p), key=sampling.key, samples=sampling.samples, exact=False)
    value, error = np.where(infinite, math.inf, answer.value), np.where(infinite, 0.0, answer.error)
    return Estimate(value[()], answer.method, error[()], _why(bool(infinite.any()), quantity))


def atoms(d: Any) -> tuple[Numbers, Numbers] | None:
    """Return the different points of an empirical distribution and their probabilities."""
    if d.batch_shape:
        return None
    if isinstance(d, dist.Delta):
        return parameter(d, "v")[None], np.ones(1)
    if not isinstance(d, Empirical):
        return None
    points, where = np.unique(d.points, axis=0, return_inverse=True)
    weights = np.asarray(np.bincount(where.ravel(), d.weights, len(points)), np.float64)
    return points[weights > 0], weights[weights > 0]


def _within(p: View, q: View, entry: tuple[int, ...]) -> bool:
    """Whether the bounds of p lie within those of q."""
    low, high = (np.broadcast_to(end, p.shape)[entry] for end in (p.lower, p.upper))
    return bool(
        np.all(low >= np.broadcast_to(q.lower, q.shape)[entry])
        & np.all(high <= np.broadcast_to(q.upper, q.shape)[entry])
    )


def _why(infinite: bool, quantity: Quantity) -> str:
    if not infinite:
        return ""
    return "the integral is infinite" if quantity == "entropy" else "q is 0 at values that p takes, or far too small"


def exact(value: Any, method: Literal["closed form", "sum"], relative: float = 0.0) -> Estimate:
    """Return an estimate without error but for rounding, relative to the value."""
    value = np.asarray(value, np.float64)
    infinite = bool(np.isposinf(value).any())
    note = "q is 0 at values that p takes" if infinite else ""
    error = relative * np.abs(np.where(np.isfinite(value), value, 0.0))
    return Estimate(value[()], method, error[()], note)


def kind(d: Any) -> str:
    """Return "discrete" for isolated values, points included, and "continuous" for densities."""
    while isinstance(d, (dist.Independent, dist.ExpandedDistribution)):
        d = d.base_dist
    return "discrete" if d.is_discrete or isinstance(d, dist.Delta) else "continuous"
