"""E_p[g] on the line and in the plane by adaptive Gauss–Kronrod quadrature.

Each axis is cut at the median of p. On a side without end, x = c ± s·sinh t makes heavy tails exponential and reaches to
1e150; towards a finite end a, x = a ± (c - a)·e^{-t} resolves poles. Quantiles of all distributions that take part are
ends of panels, so that no narrow peak lies between the nodes of a wide one.

Source: Takahasi, Mori, *Double exponential formulas for numerical integration* (1974), for changes of variable; the
adaptive rule is SciPy's ``cubature``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.integrate import cubature

from thalweg.core.errors import ArgumentError
from thalweg.probability.view import Numbers, View

TAIL = 345.0
"""sinh(345) ≈ 1e149: its square, in the logarithm of a normal density, is still a number."""
PROBABILITIES = np.concatenate([[1e-12, 1e-8, 1e-5, 1e-3, 0.01], np.arange(1, 16) / 32])
RELATIVE, ABSOLUTE = 1e-10, 1e-14
NORMALIZED = 1e-6
"""How far from 1 a density may integrate."""


@dataclass(frozen=True)
class Side:
    """The half of an axis on one side of c, as a function of t in [0, end].

    Args:
        c: where t = 0.
        direction: 1 above c, -1 below.
        bound: end of the axis on this side; may be infinite.
        scale: s, for a side without end.
    """

    c: float
    direction: int
    bound: float
    scale: float

    @property
    def end(self) -> float:
        """Return the largest t: a part in 1e16 of c from a finite bound, or 1e149 s."""
        if math.isinf(self.bound):
            return TAIL
        return 700.0 if self.bound == 0 else max(1.0, math.log(abs(self.c - self.bound) / (4e-16 * abs(self.bound))))

    def point(self, t: Numbers) -> tuple[Numbers, Numbers]:
        """Return x(t) and \\|dx/dt\\|."""
        if math.isinf(self.bound):
            return self.c + self.direction * self.scale * np.sinh(t), self.scale * np.cosh(t)
        away = abs(self.bound - self.c) * np.exp(-t)
        return self.bound - self.direction * away, away

    def place(self, x: Numbers) -> Numbers:
        """Return t for those x that lie on this side."""
        x = x[np.isfinite(x) & (self.direction * (x - self.c) > 0) & (self.direction * (self.bound - x) > 0)]
        if math.isinf(self.bound):
            return np.arcsinh(np.abs(x - self.c) / self.scale)
        return np.log(abs(self.bound - self.c) / np.abs(self.bound - x))


def sides(
    p: View, others: Sequence[View], index: tuple[int, ...], probabilities: Numbers
) -> list[tuple[Side, Numbers]]:
    """Return the two sides of an axis with the ends of their panels.

    Args:
        p: the distribution whose expectation is taken.
        others: distributions whose densities appear in g.
        index: the component of the views.
        probabilities: of the quantiles that become ends of panels, below ½.
    """

    def of(v: View) -> Numbers:
        q = np.append(probabilities, 0.5).reshape(-1, *(1,) * len(v.shape))
        at = (slice(None), *index[len(index) - len(v.shape) :])
        low, high = (np.broadcast_to(a, (len(q), *v.shape))[at] for a in (v.quantile(q), v.upper_quantile(q)))
        ends = [np.broadcast_to(b, v.shape)[at[1:]] for b in (v.lower, v.upper)]
        return np.concatenate([low, high, ends])

    own = of(p)
    n = len(probabilities)
    lower, upper, c = float(own[-2]), float(own[-1]), float(own[n])
    # Half the distance between quantiles near the quartiles: σ·0.7 for a normal density.
    spread = float(own[2 * n] - own[n - 1]) / 2 if n else 1.0
    quartile = np.argmin(np.abs(probabilities - 0.25))
    scale = float(own[n + 1 + quartile] - own[quartile]) / 2 or spread or 1.0
    marks = np.concatenate([own, *(of(v) for v in others)])
    both = [Side(c, direction, bound, scale) for direction, bound in ((-1, lower), (1, upper)) if bound != c]
    return [(side, _apart(np.sort(side.place(marks)), side.end)) for side in both]


def _apart(t: Numbers, end: float) -> Numbers:
    """Return the marks inside (0, end) that are not next to their neighbors."""
    kept: list[float] = []
    for mark in t:
        if 1e-9 < mark < end - 1e-9 and (not kept or mark - kept[-1] > 1e-3):
            kept.append(float(mark))
    return np.array(kept)


def on_the_line(
    p: View, others: Sequence[View], g: Callable[[Numbers], tuple[Numbers, Numbers]], index: tuple[int, ...]
) -> tuple[float, float]:
    """Return E_p[g] of one component and a bound on its error.

    Args:
        p: view of the distribution.
        others: views of the distributions whose densities appear in g.
        g: x (n,) ↦ p(x) and p(x)·g(x).
        index: the component.

    Returns:
        The value, infinite where the integral is, and the error.

    Raises:
        ArgumentError: p does not integrate to one.
    """
    total, mass, error = 0.0, 0.0, 0.0
    for side, marks in sides(p, others, index, PROBABILITIES):

        def integrand(t: Numbers, side: Side = side) -> Numbers:
            x, slope = side.point(t[:, 0])
            density, product = g(x)
            values = np.stack([product, density], axis=1)
            # Where the density underflows, dx/dt may be huge: 0 times that is 0.
            return np.where(values == 0, 0.0, values * slope[:, None])

        answer = cubature(
            integrand, [0.0], [side.end], points=[np.array([m]) for m in marks], rtol=RELATIVE, atol=ABSOLUTE,
            max_subdivisions=2000,
        )  # fmt: skip
        rest = _rest(integrand, side.end)
        if math.isinf(answer.estimate[0]) or math.isinf(rest):
            return float(answer.estimate[0] if math.isinf(answer.estimate[0]) else rest), 0.0
        total, mass = total + float(answer.estimate[0]), mass + float(answer.estimate[1])
        error += float(answer.error[0]) + abs(rest)
    check_mass(mass)
    return total, error + 4e-16 * abs(total)


def _rest(integrand: Callable[[Numbers], Numbers], end: float) -> float:
    """Return what lies beyond the end, from the rate at which the integrand falls before it; infinite if it does not."""
    with np.errstate(all="ignore"):
        t = np.array([0.6 * end, end])
        first, last = integrand(t[:, None])[:, 0]
    if last == 0:
        return 0.0
    rate = math.log(abs(first / last)) / (t[1] - t[0]) if first != 0 and math.isfinite(first) else -1.0
    if math.isnan(last) or rate * end < 0.1:
        return math.copysign(math.inf, last) if abs(last) > 1e-12 else 0.0
    return float(last / rate)


def check_mass(mass: float, argument: str = "p") -> None:
    """Refuse a density that does not integrate to one.

    Raises:
        ArgumentError: it does not.
    """
    if not abs(mass - 1) < NORMALIZED:
        raise ArgumentError(
            argument,
            "a density that integrates to 1",
            f"one that integrates to {mass:.6g}",
            "thalweg.probability.Density normalizes a density on the line.",
        )


def in_the_plane(
    p: View, others: Sequence[View], g: Callable[[Numbers], tuple[Numbers, Numbers]], index: tuple[int, ...]
) -> tuple[float, float] | None:
    """Return E_p[g] of a random vector with two components and a bound on its error, or None if it is not reached.

    Args:
        p: view of the distribution.
        others: views of the distributions whose densities appear in g.
        g: x (n, 2) ↦ p(x) and p(x)·g(x).
        index: the entry of the batch.
    """
    few = np.array([1e-4, 0.02, 0.25])
    total, mass, error = 0.0, 0.0, 0.0
    for across, marks in sides(p, others, (*index, 0), few):
        for up, more in sides(p, others, (*index, 1), few):

            def integrand(t: Numbers, across: Side = across, up: Side = up) -> Numbers:
                (x, dx), (y, dy) = across.point(t[:, 0]), up.point(t[:, 1])
                density, product = g(np.stack([x, y], axis=1))
                values = np.stack([product, density], axis=1)
                with np.errstate(over="ignore"):
                    return np.where(values == 0, 0.0, values * (dx * dy)[:, None])

            size = max(len(marks), len(more))
            # cubature cuts all axes at a point: the marks of the axes are paired, the last of the shorter repeated.
            pairs = zip(_filled(marks, size), _filled(more, size), strict=True)
            answer = cubature(
                integrand, [0.0, 0.0], [across.end, up.end], points=[np.array(pair) for pair in pairs],
                rtol=1e-8, atol=1e-9, max_subdivisions=1500,
            )  # fmt: skip
            if answer.status != "converged" or not np.isfinite(answer.estimate).all():
                return None
            total, mass = total + float(answer.estimate[0]), mass + float(answer.estimate[1])
            error += float(answer.error[0])
    check_mass(mass)
    return total, error + 4e-16 * abs(total)


def _filled(marks: Numbers, size: int) -> Numbers:
    return np.append(marks, np.full(size - len(marks), marks[-1])) if len(marks) else np.full(size, 1.0)
