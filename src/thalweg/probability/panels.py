"""Quadrature of a density on the line, where neither its place nor its width is known.

The logarithm of a density tells where it is even where the density itself is 0 in floating point. Its maxima are found
on a wide grid; panels of doubling width go out from each of them, and towards a finite end panels of halving width, so
that heavy tails and integrable poles are met. A panel whose Gauss–Legendre sum differs from that of its halves is cut.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from thalweg.core.errors import ArgumentError
from thalweg.probability.view import Numbers

_NODE, _WEIGHT = np.polynomial.legendre.leggauss(20)
LogDensity = Callable[[Numbers], Numbers]


@dataclass(frozen=True)
class Panels:
    """A density cut into panels, each with its mass.

    Args:
        log_density: ln of the density, not normalized.
        edges: ascending ends of the panels (n + 1,).
        log_scale: greatest log density, taken out of all sums.
        mass: integral over each panel (n,), in units of exp(log_scale).
        peaks: places of the maxima, the greatest first.
    """

    log_density: LogDensity
    edges: Numbers
    log_scale: float
    mass: Numbers
    peaks: Numbers

    @property
    def log_total(self) -> float:
        """The logarithm of the integral."""
        return float(np.log(self.mass.sum()) + self.log_scale)

    def integral(self, a: Numbers, b: Numbers) -> Numbers:
        """Return the integral from a to b within one panel each, in units of exp(log_scale)."""
        half = (b - a) / 2
        x = (a + half)[..., None] + half[..., None] * _NODE
        with np.errstate(over="ignore"):  # an infinite integral is found out by its sum
            return np.asarray(half * (np.exp(self.log_density(x) - self.log_scale) @ _WEIGHT))

    def nodes(self) -> tuple[Numbers, Numbers]:
        """Return points and weights with E[g(X)] = Σ w g(x)."""
        half = np.diff(self.edges)[:, None] / 2
        x = self.edges[:-1, None] + half * (1 + _NODE)
        weight = half * _WEIGHT * np.exp(self.log_density(x) - self.log_scale)
        return x.ravel(), weight.ravel() / self.mass.sum()


def cut(log_density: LogDensity, lower: float, upper: float) -> Panels:
    """Return panels over [lower, upper] that integrate a density to about 1e-12 of its total.

    Raises:
        ArgumentError: the density is nowhere positive, not finite, or its integral is infinite.
    """
    peaks, values = _peaks(log_density, lower, upper)
    shifted = Panels(log_density, np.empty(0), float(values[0]), np.empty(0), peaks)
    edges = _edges(log_density, peaks, values, lower, upper)
    whole = shifted.integral(edges[:-1], edges[1:])
    _check_ends(whole, edges)
    a, b = edges[:-1], edges[1:]
    done: list[tuple[Numbers, Numbers]] = []
    for _ in range(40):
        middle = a + (b - a) / 2
        left, right = shifted.integral(a, middle), shifted.integral(middle, b)
        total = sum(float(m.sum()) for _, m in done) + float(whole.sum())
        wrong = (np.abs(left + right - whole) > 1e-14 * total) & (middle > a) & (middle < b)
        done.append((a[~wrong], (left + right)[~wrong]))
        if not wrong.any():
            break
        a, b, whole = (np.concatenate([p[wrong], q[wrong]]) for p, q in ((a, middle), (middle, b), (left, right)))
    starts, mass = (np.concatenate([pair[i] for pair in done]) for i in range(2))
    order = np.argsort(starts)
    return Panels(log_density, np.append(starts[order], edges[-1]), float(values[0]), mass[order], peaks)


def _peaks(log_density: LogDensity, lower: float, upper: float) -> tuple[Numbers, Numbers]:
    """Return the maxima of the log density that matter, the greatest first."""
    x = _grid(lower, upper)
    value = log_density(x)
    if np.isnan(value).any() or (value == np.inf).any():
        at = x[np.isnan(value) | (value == np.inf)][0]
        raise ArgumentError(
            "log_density", "finite numbers or minus infinity", f"{log_density(np.array([at]))[0]} at {at:g}"
        )
    if np.isneginf(value).all():
        raise ArgumentError("log_density", "a density that is positive somewhere", "minus infinity everywhere")
    padded = np.concatenate([[-np.inf], value, [-np.inf]])
    tops = np.flatnonzero((value >= padded[:-2]) & (value >= padded[2:]) & np.isfinite(value))
    # A plateau counts once.
    tops = tops[np.concatenate([[True], np.diff(tops) > 1])]
    found = []
    for i in tops[np.argsort(-value[tops], kind="stable")][:100]:
        low, high = x[max(i - 1, 0)], x[min(i + 1, len(x) - 1)]
        best = minimize_scalar(
            lambda t: -float(log_density(np.array([t]))[0]),
            bounds=(low, high),
            method="bounded",
            options={"xatol": 1e-10},
        )
        found.append((float(best.x), -float(best.fun)) if -best.fun > value[i] else (float(x[i]), float(value[i])))
    found.sort(key=lambda pair: -pair[1])
    peaks = np.array([pair[0] for pair in found])
    values = np.array([pair[1] for pair in found])
    keep = values > values[0] - 800
    return peaks[keep], values[keep]


def _grid(lower: float, upper: float) -> Numbers:
    """Return points of all magnitudes between the bounds, without the bounds."""
    reach = np.logspace(-8, 8, 321)
    if np.isfinite(lower) and np.isfinite(upper):
        inner = np.linspace(lower, upper, 2003)[1:-1]
        near = (upper - lower) * np.logspace(-12, -3, 19)
        x = np.concatenate([lower + near, inner, upper - near])
    elif np.isfinite(lower):
        x = lower + reach
    elif np.isfinite(upper):
        x = upper - reach
    else:
        x = np.concatenate([-reach, [0.0], reach, np.linspace(-100, 100, 2001)])
    x = np.unique(x)
    return np.asarray(x[(x > lower) & (x < upper)])


def _edges(log_density: LogDensity, peaks: Numbers, values: Numbers, lower: float, upper: float) -> Numbers:
    edges = [peaks]
    for peak, value in zip(peaks, values, strict=True):
        width = _width(log_density, peak, value, lower, upper)
        away = width * 2.0 ** np.arange(-3, np.log2(1e150 / width))
        edges += [peak - away, peak + away]
    for end, other in ((lower, upper), (upper, lower)):
        if np.isfinite(end):
            inside = np.abs(peaks - end).max()
            span = min(abs(other - end), inside if inside > 0 else 1.0)
            edges += [np.array([end]), end + np.sign(other - end) * span * 2.0 ** -np.arange(1, 200)]
    x = np.unique(np.concatenate(edges))
    return np.asarray(x[(x >= lower) & (x <= upper) & (np.abs(x) < 1e150)])


def _width(log_density: LogDensity, peak: float, value: float, lower: float, upper: float) -> float:
    """Return how far from a peak the density falls to exp(-½) of it: σ, for a normal density."""
    span = min(upper - lower, 1e150)
    away = span * 2.0 ** -np.arange(0, 1000 if span > 1e30 else 60)
    x = np.stack([peak - away, peak + away])
    inside = (x > lower) & (x < upper)
    drop = value - np.where(inside, log_density(np.where(inside, x, peak)), -np.inf)
    near = (drop < 0.5).any(axis=0)
    return float(away[near.argmax()]) if near.any() else float(away[-1])


def _check_ends(mass: Numbers, edges: Numbers) -> None:
    """Panels towards an end grow or shrink by doubling: the last of them must not matter."""
    total = mass.sum()
    if not np.isfinite(total) or max(mass[0], mass[-1]) > 1e-6 * total:
        where = edges[0] if mass[0] > mass[-1] else edges[-1]
        end = f"{math.copysign(math.inf, where)}" if abs(where) > 1e100 else f"{where:.3g}"
        raise ArgumentError(
            "log_density",
            "a density whose integral is finite",
            f"one that is infinite towards {end}",
            "Give finite bounds, or a density with thinner tails.",
        )
