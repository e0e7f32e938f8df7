"""Views of distributions that are built from others, or from a table of values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import constraints
from numpyro.distributions.transforms import AffineTransform, IdentityTransform
from scipy import stats

from thalweg.core.errors import ArgumentError
from thalweg.probability.families import binomial_view, class_probabilities, parameter, scipy_view
from thalweg.probability.monotone_maps import MonotoneView, TruncatedView
from thalweg.probability.view import Numbers, View, invert, view


class TableView(View):
    """Values with probabilities along a last axis: categorical, point mass, empirical."""

    discrete = True

    def __init__(self, points: Numbers, weights: Numbers) -> None:
        order = np.argsort(points, axis=-1, kind="stable")
        self.shape = np.broadcast_shapes(points.shape, weights.shape)[:-1]
        self._points = np.take_along_axis(points, order, axis=-1)
        self._weights = np.take_along_axis(np.broadcast_to(weights, (*self.shape, points.shape[-1])), order, axis=-1)
        self._sums = np.cumsum(self._weights, axis=-1)
        self._sums /= self._sums[..., -1:]
        positive = self._weights > 0
        self.lower = np.where(positive, self._points, np.inf).min(axis=-1)
        self.upper = np.where(positive, self._points, -np.inf).max(axis=-1)

    def log_density(self, x: Numbers) -> Numbers:
        if not self.shape:
            first, last = (np.searchsorted(self._points, x, side=side) for side in ("left", "right"))
            sums = np.concatenate([[0.0], np.cumsum(self._weights)])
            mass = sums[last] - sums[first]
        else:
            mass = (self._weights * (self._points == x[..., None])).sum(axis=-1)
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(mass))

    def cdf(self, x: Numbers) -> Numbers:
        if not self.shape:
            count = np.searchsorted(self._points, x, side="right")
            return np.asarray(np.concatenate([[0.0], self._sums])[count])
        return np.asarray((self._weights * (self._points <= x[..., None])).sum(axis=-1))

    def quantile(self, q: Numbers) -> Numbers:
        # A sum of weights that misses q by rounding alone reaches it.
        sums = self._sums * (1 + 1e-13)
        if not self.shape:
            index = np.searchsorted(sums, q)
            return np.maximum(self._points[np.minimum(index, len(sums) - 1)], self.lower)
        index = np.minimum((sums < q[..., None]).sum(axis=-1), sums.shape[-1] - 1)
        points = np.broadcast_to(self._points, (*index.shape, sums.shape[-1]))
        return np.maximum(np.take_along_axis(points, index[..., None], axis=-1)[..., 0], self.lower)

    def mean(self) -> Numbers:
        return np.asarray((self._weights * self._points).sum(axis=-1))

    def variance(self) -> Numbers:
        return np.asarray((self._weights * (self._points - self.mean()[..., None]) ** 2).sum(axis=-1))

    def mode(self) -> Numbers:
        # Equal points are one value: the mass of each run of them stands at its end.
        sums = np.cumsum(self._weights, axis=-1)
        is_end = np.diff(self._points, axis=-1, append=np.inf) > 0
        reached = np.maximum.accumulate(np.where(is_end, sums, 0.0), axis=-1)
        before = np.concatenate([np.zeros((*self.shape, 1)), reached[..., :-1]], axis=-1)
        best = np.where(is_end, sums - before, -1.0).argmax(axis=-1)
        return np.asarray(np.take_along_axis(self._points, best[..., None], axis=-1)[..., 0])

    def nodes(self, level: int) -> tuple[Numbers, Numbers]:
        del level
        points = np.broadcast_to(self._points, self._weights.shape)
        return np.moveaxis(points, -1, 0), np.moveaxis(self._weights, -1, 0)


class AffineView(View):
    """shift + scale · Z, for a scale of either sign; with shift 0 and scale 1 it broadcasts Z to a greater batch."""

    def __init__(self, base: View, shift: Numbers, scale: Numbers) -> None:
        if (scale == 0).any():
            raise ArgumentError("scale", "numbers other than 0", "0", "A constant is numpyro.distributions.Delta.")
        self._base, self.discrete = base, base.discrete
        self.shape = np.broadcast_shapes(base.shape, shift.shape, scale.shape)
        self._shift, self._scale = np.broadcast_to(shift, self.shape), np.broadcast_to(scale, self.shape)
        self._flipped = self._scale < 0
        low, high = (self._forward(np.broadcast_to(b, self.shape)) for b in (base.lower, base.upper))
        self.lower, self.upper = np.minimum(low, high), np.maximum(low, high)

    def _forward(self, z: Numbers) -> Numbers:
        return np.asarray(self._shift + self._scale * z)

    def unwrapped(self) -> tuple[View, Callable[[Numbers], Numbers]]:
        r"""Return what is mapped in the end, and the map of points (n, \*shape) of it."""
        base, inner = self._base.unwrapped() if isinstance(self._base, AffineView) else (self._base, np.asarray)

        def forward(z: Numbers) -> Numbers:
            z = inner(z)
            return self._forward(z.reshape(len(z), *(1,) * (len(self.shape) - z.ndim + 1), *z.shape[1:]))

        return base, forward

    def _backward(self, x: Numbers) -> Numbers:
        z = (x - self._shift) / self._scale
        # Whole numbers stay whole numbers, whatever the rounding of scale and shift.
        return np.where(np.abs(z - np.rint(z)) < 1e-6, np.rint(z), z) if self.discrete else np.asarray(z)

    def log_density(self, x: Numbers) -> Numbers:
        density = self._base.log_density(self._backward(x))
        return density if self.discrete else np.asarray(density - np.log(np.abs(self._scale)))

    def cdf(self, x: Numbers) -> Numbers:
        z = self._backward(x)
        if not self._flipped.any():
            return self._base.cdf(z)
        at_z = np.exp(self._base.log_density(z)) if self.discrete else 0.0
        return np.where(self._flipped, self._base.survival(z) + at_z, self._base.cdf(z))

    def survival(self, x: Numbers) -> Numbers:
        z = self._backward(x)
        if not self._flipped.any():
            return self._base.survival(z)
        at_z = np.exp(self._base.log_density(z)) if self.discrete else 0.0
        return np.where(self._flipped, self._base.cdf(z) - at_z, self._base.survival(z))

    def quantile(self, q: Numbers) -> Numbers:
        z = self._base.quantile(q)
        return self._forward(np.where(self._flipped, self._base.upper_quantile(q), z) if self._flipped.any() else z)

    def upper_quantile(self, q: Numbers) -> Numbers:
        z = self._base.upper_quantile(q)
        return self._forward(np.where(self._flipped, self._base.quantile(q), z) if self._flipped.any() else z)

    def mean(self) -> Numbers:
        return self._forward(self._base.mean())

    def variance(self) -> Numbers:
        return np.asarray(self._scale**2 * self._base.variance())

    def mode(self) -> Numbers:
        return self._forward(self._base.mode())

    def nodes(self, level: int) -> tuple[Numbers, Numbers]:
        z, weight = self._base.nodes(level)
        align = (len(z),) + (1,) * (len(self.shape) - len(self._base.shape)) + self._base.shape
        x = self._forward(z.reshape(align))
        return x, np.broadcast_to(weight.reshape(align), x.shape)


@view.register(dist.Delta)
def _delta(d: Any) -> View:
    points = parameter(d, "v")[..., None]
    return TableView(points, np.ones_like(points))


@view.register(dist.CategoricalProbs)
@view.register(dist.CategoricalLogits)
def _categorical(d: Any) -> View:
    p = class_probabilities(d)
    return TableView(np.broadcast_to(np.arange(p.shape[-1], dtype=np.float64), p.shape), p)


@view.register(dist.Independent)
def _independent(d: Any) -> View:
    return view(d.base_dist)


@view.register(dist.ExpandedDistribution)
def _expanded(d: Any) -> View:
    return AffineView(view(d.base_dist), np.zeros(d.shape()), np.ones(()))


@view.register(dist.TransformedDistribution)
def _transformed(d: Any) -> View:
    result = view(d.base_dist)
    for transform in d.transforms:
        if isinstance(transform, AffineTransform):
            result = AffineView(result, parameter(transform, "loc"), parameter(transform, "scale"))
        elif not isinstance(transform, IdentityTransform):
            result = MonotoneView(result, transform)
    return result


@view.register(dist.LeftTruncatedDistribution)
@view.register(dist.RightTruncatedDistribution)
@view.register(dist.TwoSidedTruncatedDistribution)
def _truncated(d: Any) -> View:
    lower, upper = (parameter(d, name) if hasattr(d, name) else np.asarray(inf) for name, inf in _ENDS)
    return TruncatedView(view(d.base_dist), lower, upper, d.batch_shape)


_ENDS = (("low", -np.inf), ("high", np.inf))


@view.register(dist.MultivariateNormal)
@view.register(dist.LowRankMultivariateNormal)
def _multivariate_normal(d: Any) -> View:
    loc = parameter(d, "loc")
    scale = np.sqrt(np.diagonal(normal_covariance(d), axis1=-2, axis2=-1))
    return scipy_view(stats.norm(loc, scale), loc, d.batch_shape + d.event_shape)


@view.register(dist.MultivariateStudentT)
def _multivariate_student(d: Any) -> View:
    loc = parameter(d, "loc")
    scale = np.linalg.norm(parameter(d, "scale_tril"), axis=-1)
    return scipy_view(stats.t(parameter(d, "df")[..., None], loc, scale), loc, d.batch_shape + d.event_shape)


@view.register(dist.Dirichlet)
def _dirichlet(d: Any) -> View:
    a = parameter(d, "concentration")
    rest = a.sum(axis=-1, keepdims=True) - a
    return view(dist.Beta(a, rest, validate_args=False))


@view.register(dist.MultinomialProbs)
@view.register(dist.MultinomialLogits)
def _multinomial(d: Any) -> View:
    n = parameter(d, "total_count")[..., None]
    return binomial_view(n, class_probabilities(d), d.batch_shape + d.event_shape)


@view.register(dist.DirichletMultinomial)
def _dirichlet_multinomial(d: Any) -> View:
    a = parameter(d, "concentration")
    rest = a.sum(axis=-1, keepdims=True) - a
    return view(dist.BetaBinomial(a, rest, parameter(d, "total_count")[..., None], validate_args=False))


def normal_covariance(d: Any) -> Numbers:
    """Return the covariance matrices (..., d, d) of a multivariate normal, from whatever it was made of."""
    if isinstance(d, dist.LowRankMultivariateNormal):
        factor = parameter(d, "cov_factor")
        diagonal = parameter(d, "cov_diag")[..., None] * np.eye(factor.shape[-2])
        return np.asarray(factor @ np.swapaxes(factor, -1, -2) + diagonal)
    if "covariance_matrix" in d.__dict__:
        return parameter(d, "covariance_matrix")
    if "precision_matrix" in d.__dict__:
        return np.asarray(np.linalg.inv(parameter(d, "precision_matrix")))
    factor = parameter(d, "scale_tril")
    return np.asarray(factor @ np.swapaxes(factor, -1, -2))


@view.register(dist.Distribution)
def _unknown(d: Any) -> View:
    return OwnView(d)


class OwnView(View):
    """A scalar distribution by its own methods, for classes without a formula here."""

    def __init__(self, d: Any) -> None:
        if d.event_shape:
            raise ArgumentError("d", "a distribution whose components are known one by one", type(d).__name__)
        self._d, self.shape, self.discrete = d, d.batch_shape, bool(d.is_discrete)
        low, high = bounds(d.support)
        self.lower, self.upper = np.broadcast_to(low, self.shape), np.broadcast_to(high, self.shape)

    def _ask(self, method: str, *x: Any) -> Numbers:
        import jax

        try:
            with jax.enable_x64(True):
                answer = getattr(self._d, method)
                return np.asarray(answer(*x) if x else answer, np.float64)
        except NotImplementedError:
            hint = "Give its density as thalweg.probability.Density."
            raise ArgumentError("d", f"a distribution with a {method}", type(self._d).__name__, hint) from None

    def log_density(self, x: Numbers) -> Numbers:
        inside = (x >= self.lower) & (x <= self.upper)
        safe = np.where(inside, x, self.mean())
        return np.where(inside, self._ask("log_prob", safe), -np.inf)

    def cdf(self, x: Numbers) -> Numbers:
        return self._ask("cdf", x)

    def quantile(self, q: Numbers) -> Numbers:
        try:
            return self._ask("icdf", q)
        except ArgumentError:
            return self._inverted(q)

    def _inverted(self, q: Numbers) -> Numbers:
        """Widen a bracket around the mean until it holds the quantile."""
        center, step = np.broadcast_to(self.mean(), self.shape), np.sqrt(self.variance()) + 1
        low, high = center - step, center + step
        for _ in range(60):
            step = 2 * step
            low = np.where(self.cdf(low) > q, np.maximum(low - step, self.lower), low)
            high = np.where(self.cdf(high) < q, np.minimum(high + step, self.upper), high)
        return invert(self, q, low, high)

    def mean(self) -> Numbers:
        return self._ask("mean")

    def variance(self) -> Numbers:
        return self._ask("variance")

    def mode(self) -> Numbers:
        return self._ask("mode")


def bounds(support: Any) -> tuple[Numbers, Numbers]:
    """Return the bounds of a NumPyro constraint on numbers; infinite where it has none.

    Example:
        >>> [float(b) for b in bounds(constraints.positive)]
        [0.0, inf]
    """
    while isinstance(support, constraints.independent(constraints.real, 1).__class__):
        support = support.base_constraint
    if support is constraints.boolean:
        return np.zeros(()), np.ones(())
    low = getattr(support, "lower_bound", -np.inf)
    high = getattr(support, "upper_bound", np.inf)
    return np.asarray(low, np.float64), np.asarray(high, np.float64)
