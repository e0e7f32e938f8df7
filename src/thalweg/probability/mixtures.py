"""The view of a mixture: sums over its components, quantiles by inversion, and all its modes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpyro.distributions as dist
from scipy.special import logsumexp

from thalweg.probability.families import class_probabilities
from thalweg.probability.view import Numbers, View, golden, invert, rows, view

# Between two neighbors of such a grid, in units of a component's scale around its mode, there is one maximum at most.
_AROUND = np.array([-4.0, -3, -2.5, -2, -1.5, -1, -0.7, -0.4, -0.2, 0, 0.2, 0.4, 0.7, 1, 1.5, 2, 2.5, 3, 4])


class MixtureView(View):
    """Σ_k w_k p_k(x) for random variables, or the components of random vectors.

    Args:
        weights: probabilities w of the components (..., K, 1 … 1), along ``axis``.
        parts: a view for each component, or a single one that holds all of them along ``axis``.
        axis: negative number of the axis of the components.
        shape: of the mixture.
    """

    def __init__(self, weights: Numbers, parts: Sequence[View], axis: int, shape: tuple[int, ...]) -> None:
        self._weights, self._parts, self._axis, self.shape = weights, parts, axis, shape
        self.discrete = parts[0].discrete
        low, high = self._least_and_greatest(self._each(lambda v, _: v.lower), self._each(lambda v, _: v.upper))
        self.lower, self.upper = np.broadcast_to(low, shape), np.broadcast_to(high, shape)

    def _each(self, ask: Callable[[View, Any], Numbers], x: Any = 0.0) -> Numbers:
        """Return the answers of all components along the axis."""
        x = rows(x, self.shape)
        if len(self._parts) == 1:
            return rows(ask(self._parts[0], np.expand_dims(x, self._axis)), (1, *self.shape))
        answers = [rows(ask(part, x), self.shape) for part in self._parts]
        return np.stack(np.broadcast_arrays(*answers), axis=self._axis)

    def _least_and_greatest(self, low: Numbers, high: Numbers) -> tuple[Numbers, Numbers]:
        """Return the least and the greatest among the components that have weight."""
        used = self._weights > 0
        return (
            np.where(used, low, np.inf).min(axis=self._axis),
            np.where(used, high, -np.inf).max(axis=self._axis),
        )

    def _sum(self, values: Numbers) -> Numbers:
        # A component without weight does not count, not even with infinite moments.
        return np.asarray(np.where(self._weights > 0, self._weights * values, 0.0).sum(axis=self._axis))

    def log_density(self, x: Numbers) -> Numbers:
        log_densities = self._each(lambda v, at: v.log_density(at), x)
        with np.errstate(divide="ignore"):
            return np.asarray(logsumexp(log_densities + np.log(self._weights), axis=self._axis))

    def cdf(self, x: Numbers) -> Numbers:
        return self._sum(self._each(lambda v, at: v.cdf(at), x))

    def survival(self, x: Numbers) -> Numbers:
        return self._sum(self._each(lambda v, at: v.survival(at), x))

    def quantile(self, q: Numbers) -> Numbers:
        # The quantile of the mixture lies between the least and the greatest of its components.
        each = self._each(lambda v, at: v.quantile(at), q)
        return self._between(rows(q, self.shape), *self._least_and_greatest(each, each))

    def upper_quantile(self, q: Numbers) -> Numbers:
        each = self._each(lambda v, at: v.upper_quantile(at), q)
        return self._between(1 - rows(q, self.shape), *self._least_and_greatest(each, each))

    def _between(self, q: Numbers, low: Numbers, high: Numbers) -> Numbers:
        finite = np.isfinite(low) & np.isfinite(high)
        inside = invert(self, q, np.where(finite, low, 0.0), np.where(finite, high, 0.0))
        # At q = 0 and q = 1 these are the bounds of the support.
        return np.where(finite, inside, np.where(q < 0.5, low, high))

    def mean(self) -> Numbers:
        return np.broadcast_to(self._sum(self._each(lambda v, _: v.mean())), self.shape)

    def variance(self) -> Numbers:
        means = self._each(lambda v, _: v.mean())
        spread = (means - np.expand_dims(self._sum(means), self._axis)) ** 2
        return np.broadcast_to(self._sum(self._each(lambda v, _: v.variance()) + spread), self.shape)

    def nodes(self, level: int) -> tuple[Numbers, Numbers]:
        if self.discrete:
            return self._atoms()
        if len(self._parts) == 1:
            x, weight = self._parts[0].nodes(level)
            align = (len(x), *np.broadcast_shapes((1,) * (len(self.shape) + 1), x.shape[1:]))
            x, weight = x.reshape(align), weight.reshape(align)
        else:
            pairs = [part.nodes(level) for part in self._parts]
            x, weight = (self._aligned([pair[i] for pair in pairs]) for i in range(2))
        weight = weight * self._weights
        x = np.broadcast_to(x, weight.shape)
        return _flat(x, self._axis, self.shape), _flat(weight, self._axis, self.shape)

    def _aligned(self, pieces: Sequence[Numbers]) -> Numbers:
        """Return nodes (n, …, K, …), those of components with fewer nodes filled up with 0."""
        most = max(len(a) for a in pieces)
        full = []
        for piece in pieces:
            a = piece.reshape(len(piece), *(1,) * (len(self.shape) - piece.ndim + 1), *piece.shape[1:])
            a = np.broadcast_to(a, (len(a), *self.shape))
            full.append(np.concatenate([a, np.zeros((most - len(a), *self.shape))]))
        return np.stack(full, axis=self._axis)

    def mode(self) -> Numbers:
        x, density = self.modes()
        return np.asarray(np.take_along_axis(x, density.argmax(axis=0)[None], axis=0)[0])

    def modes(self) -> tuple[Numbers, Numbers]:
        r"""Return all local maxima (M, \*shape), ascending, and their ln p; rows with fewer end in NaN and -inf."""
        centers = self._each(lambda v, _: v.mode())
        full = np.broadcast_shapes(
            centers.shape, self._weights.shape, np.expand_dims(np.empty(self.shape), self._axis).shape
        )
        centers = np.broadcast_to(centers, full)
        if self.discrete:
            return self._whole_modes(centers)
        quartiles = [self._each(lambda v, at: v.quantile(at), q) for q in (0.25, 0.75)]
        # The standard deviation of normal components; unlike it, this exists for all families.
        scale = np.broadcast_to((quartiles[1] - quartiles[0]) / 1.349, full)
        grid = np.moveaxis(centers[..., None] + scale[..., None] * _AROUND, (self._axis - 1, -1), (0, 1))
        grid = np.sort(np.clip(grid.reshape(-1, *self.shape), self.lower, self.upper), axis=0)
        value = np.stack([self.log_density(x) for x in grid])
        return self._climb(grid, value, scale.min(axis=self._axis))

    def _climb(self, grid: Numbers, value: Numbers, scale: Numbers) -> tuple[Numbers, Numbers]:
        """Refine every maximum of a grid by golden section; drop what was a step of the grid and not a maximum."""
        count = len(grid)
        padded = np.concatenate([np.full_like(value[:1], -np.inf), value, np.full_like(value[:1], -np.inf)])
        is_top = (value >= padded[:-2]) & (value >= padded[2:])
        most = int(is_top.sum(axis=0).max())
        top = np.argsort(~is_top, axis=0, kind="stable")[:most]  # rows with fewer maxima take other points as well
        low = np.take_along_axis(grid, np.maximum(top - 2, 0), axis=0)
        high = np.take_along_axis(grid, np.minimum(top + 2, count - 1), axis=0)
        start = np.take_along_axis(grid, top, axis=0)
        x, at_x = golden(self.log_density, low, high)
        at_start = self.log_density(start)
        x = np.where(at_start >= at_x, start, x)  # the density may be infinite, or have its edge, right there
        best = np.maximum(at_start, at_x)
        step = 1e-4 * scale
        lower_near = (self.log_density(x - step) <= best) & (self.log_density(x + step) <= best)
        order = np.argsort(np.where(lower_near, x, np.inf), axis=0)
        x, best, keep = (np.take_along_axis(a, order, axis=0) for a in (x, best, lower_near))
        keep[1:] &= ~(keep[:-1] & (x[1:] - x[:-1] < 2 * step))
        return _pack(x, best, keep)

    def _whole_modes(self, centers: Numbers) -> tuple[Numbers, Numbers]:
        """Look at every whole number from the least to the greatest mode of a component."""
        first, last = centers.min(axis=self._axis), centers.max(axis=self._axis)
        count = int((last - first).max()) + 3
        x = first - 1 + np.arange(count).reshape(-1, *(1,) * len(self.shape))
        value = np.stack([self.log_density(at) for at in x])
        inside = (x >= first) & (x <= last)
        padded = np.concatenate([np.full_like(value[:1], -np.inf), value, np.full_like(value[:1], -np.inf)])
        # Of equal neighbors, the first counts.
        keep = inside & (value > padded[:-2]) & (value >= padded[2:])
        return _pack(np.broadcast_to(x, value.shape), value, keep)


def _pack(x: Numbers, value: Numbers, keep: Any) -> tuple[Numbers, Numbers]:
    most = max(1, int(keep.sum(axis=0).max()))
    order = np.argsort(~keep, axis=0, kind="stable")[:most]
    x, value, keep = (np.take_along_axis(a, order, axis=0) for a in (x, value, keep))
    return np.where(keep, x, np.nan), np.where(keep, value, -np.inf)


def _flat(a: Numbers, axis: int, shape: tuple[int, ...]) -> Numbers:
    """Return (n, …, K, …) as (n·K, *shape)."""
    a = np.moveaxis(a, axis, 1)
    a = np.broadcast_to(a, (*a.shape[:2], *shape))
    return a.reshape(-1, *shape)


def mixture_weights(d: Any) -> Numbers:
    """Return the component probabilities (..., K, 1 … 1) with a 1 for each event axis."""
    weights = class_probabilities(d.mixing_distribution)
    return weights.reshape(weights.shape + (1,) * d.event_dim)


@view.register(dist.MixtureSameFamily)
@view.register(dist.MixtureGeneral)
def _mixture(d: Any) -> View:
    same = isinstance(d, dist.MixtureSameFamily)
    parts = [view(d.component_distribution)] if same else [view(part) for part in d.component_distributions]
    return MixtureView(mixture_weights(d), parts, -1 - d.event_dim, d.batch_shape + d.event_shape)
