"""E_p[g] in the plane by the trapezoidal rule, which converges exponentially for smooth integrands that die out.

Each axis is x = c + s·sinh t, or a + s·eᵗ from an end a, or a + (b - a) / (1 + e^{-t}) between two. The grid in t is
halved until the value stands.

Source: Trefethen, Weideman, *The Exponentially Convergent Trapezoidal Rule* (2014).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from thalweg.probability.quadrature import check_mass
from thalweg.probability.view import Numbers, View

Integrand = Callable[[Numbers], tuple[Numbers, Numbers]]
BLOCK = 2**14
"""Points for which densities are asked at a time."""
FIRST, LAST = 64, 2048
"""Points on an axis of the first grid and of the last."""
TAIL = 1e-12
RELATIVE = 1e-8


@dataclass
class Axis:
    """An axis as a function of t between two ends.

    Args:
        lower: least value, may be infinite.
        upper: greatest value, may be infinite.
        center: x at t = 0.
        scale: s.
        ends: range of t.
    """

    lower: float
    upper: float
    center: float
    scale: float
    ends: list[float]

    def point(self, t: Numbers) -> tuple[Numbers, Numbers]:
        """Return x(t) and its slope."""
        if math.isinf(self.lower) and math.isinf(self.upper):
            return self.center + self.scale * np.sinh(t), self.scale * np.cosh(t)
        if math.isinf(self.upper):
            away = (self.center - self.lower) * np.exp(t)
            return self.lower + away, away
        if math.isinf(self.lower):
            away = (self.upper - self.center) * np.exp(-t)
            return self.upper - away, away
        width = self.upper - self.lower
        share = 1 / (1 + np.exp(-t))
        return self.lower + width * share, width * share / (1 + np.exp(t))

    def place(self, x: float) -> float:
        """Return t(x)."""
        if math.isinf(self.lower) and math.isinf(self.upper):
            return math.asinh((x - self.center) / self.scale)
        if math.isinf(self.upper):
            return math.log((x - self.lower) / (self.center - self.lower))
        if math.isinf(self.lower):
            return -math.log((self.upper - x) / (self.upper - self.center))
        return math.log((x - self.lower) / (self.upper - x))


def in_the_plane(p: View, g: Integrand, entry: tuple[int, ...]) -> tuple[float, float] | None:
    """Return E_p[g] of a random vector with two components and a bound on its error, or None if it is not reached.

    Args:
        p: view of the distribution.
        g: x (n, 2) ↦ p(x) and p(x)·g(x).
        entry: the entry of the batch.

    Raises:
        ArgumentError: p does not integrate to one.
    """
    axes = [_axis(p, (*entry, k)) for k in range(2)]
    n, former = FIRST, math.nan
    widened = 0
    while n <= LAST:
        value, mass, edges = _trapezoid(axes, g, n)
        if not math.isfinite(value):
            return (value, 0.0) if value == math.inf else None
        far = [(k, side) for k, side in edges if edges[k, side] > 1e-11 * max(abs(value), 1e-3)]
        if far and widened < 12:
            for k, side in far:
                axes[k].ends[side] *= 1.3
            widened, former = widened + 1, math.nan
            continue
        if abs(value - former) <= RELATIVE * max(abs(value), 1e-4):
            check_mass(mass)
            return value, abs(value - former) + 1e-15 * abs(value)
        n, former = 2 * n, value
    return None


def _axis(p: View, index: tuple[int, ...]) -> Axis:
    def at(x: Numbers) -> float:
        return float(np.broadcast_to(x, p.shape)[index])

    low, first, center, third = (at(p.quantile(np.asarray(q))) for q in (TAIL, 0.25, 0.5, 0.75))
    axis = Axis(at(p.lower), at(p.upper), center, (third - first) / 2 or 1.0, [0.0, 0.0])
    axis.ends = [axis.place(low), axis.place(at(p.upper_quantile(np.asarray(TAIL))))]
    return axis


def _trapezoid(axes: list[Axis], g: Integrand, n: int) -> tuple[float, float, dict[tuple[int, int], float]]:
    """Return the integrals of p·g and of p, and how much of the former lies on each edge of the grid."""
    grids = [np.linspace(axis.ends[0], axis.ends[1], n) for axis in axes]
    steps = [(grid[-1] - grid[0]) / (n - 1) for grid in grids]
    (x, dx), (y, dy) = (axis.point(grid) for axis, grid in zip(axes, grids, strict=True))
    weight = np.outer(dx, dy) * steps[0] * steps[1]
    points = np.stack(np.meshgrid(x, y, indexing="ij"), axis=-1).reshape(-1, 2)
    product, density = np.empty(n * n), np.empty(n * n)
    for begin in range(0, n * n, BLOCK):
        part = slice(begin, begin + BLOCK)
        density[part], product[part] = g(points[part])
    both = [np.where(a == 0, 0.0, a) * weight for a in (product.reshape(n, n), density.reshape(n, n))]
    size = np.abs(both[0])
    edges = {(0, 0): size[0], (0, 1): size[-1], (1, 0): size[:, 0], (1, 1): size[:, -1]}
    return float(both[0].sum()), float(both[1].sum()), {k: float(v.sum()) for k, v in edges.items()}
