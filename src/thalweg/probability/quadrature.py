"""E_p[g] on the line by adaptive Gauss–Kronrod quadrature.

The line is cut at the median of p. On a side without end, x = c ± s·sinh t makes heavy tails exponential and reaches
to 1e150; towards a finite end a, x = a ± (c - a)·e^{-t} resolves poles. Quantiles of all distributions that take part
are ends of panels, so that no narrow peak lies between the nodes of a wide one.

Source: Takahasi, Mori, *Double exponential formulas for numerical integration* (1974), for changes of variable; the
adaptive rule is SciPy's ``cubature``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.integrate import cubature

from thalweg.core.errors import ArgumentError
from thalweg.probability.view import Numbers, View

TAIL = 345.0
"""sinh(345) ≈ 1e149: its square, in the logarithm of a normal density, is still a number."""
PROBABILITIES = np.array([1e-10, 1e-5, 1e-3, 0.01, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45])
RELATIVE, ABSOLUTE, SUBDIVISIONS = 1e-9, 1e-13, 1000
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
        """Return x(t) and its slope, taken positive."""
        if math.isinf(self.bound):
            return self.c + self.direction * self.scale * np.sinh(t), self.scale * np.cosh(t)
        away = abs(self.bound - self.c) * np.exp(-t)
        return self.bound - self.direction * away, away

    def place(self, x: Numbers) -> Numbers:
        """Return t for those x that lie on this side."""
        x = x[np.isfinite(x)]
        x = x[(self.direction * (x - self.c) > 0) & (self.direction * (self.bound - x) > 0)]
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
        at: Any = (slice(None), *index[len(index) - len(v.shape) :])
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
    """Return the marks inside (0, end) that are not next to their neighbors, and some beyond the last for its tail."""
    kept: list[float] = []
    last = float(t[-1]) if len(t) else 0.0
    for mark in np.append(t, last + 0.3 * 2.0 ** np.arange(12)):
        if 1e-9 < mark < end - 1e-9 and (not kept or mark - kept[-1] > 1e-6):
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
    endless: list[bool] = []  # whether p·g was infinite somewhere, since infinities of either sign cannot be summed
    for side, marks in sides(p, others, index, PROBABILITIES):

        def integrand(t: Numbers, side: Side = side) -> Numbers:
            x, slope = side.point(t[:, 0])
            density, product = g(x)
            endless.append(bool(np.isposinf(product).any()))
            values = np.stack([np.where(np.isfinite(product), product, 0.0), density], axis=1)
            # Where the density underflows, dx/dt may be huge: 0 times that is 0.
            return np.where(values == 0, 0.0, values * slope[:, None])

        rest = _rest(integrand, side.end)
        # By chance the two rules of a panel may agree on a wrong value, at a bend for instance. Other panels do not.
        edges = np.concatenate([[0.0], marks, [side.end]])
        middles = (edges[1:] + edges[:-1]) / 2
        first, second = (_adaptive(integrand, side.end, cuts) for cuts in (marks, np.union1d(marks, middles)))
        value = float(second.estimate[0])
        if any(endless) or math.isinf(rest):
            return (math.inf if any(endless) else rest), 0.0
        total, mass = total + value, mass + float(second.estimate[1])
        error += float(second.error[0]) + abs(value - float(first.estimate[0])) + abs(rest)
    check_mass(mass)
    return total, error + 4e-16 * abs(total)


def _adaptive(integrand: Callable[[Numbers], Numbers], end: float, cuts: Numbers) -> Any:
    points = [np.array([cut]) for cut in cuts]
    return cubature(integrand, [0.0], [end], points=points, rtol=RELATIVE, atol=ABSOLUTE, max_subdivisions=SUBDIVISIONS)


def _rest(integrand: Callable[[Numbers], Numbers], end: float) -> float:
    """Return what lies beyond the end, from the rate at which the integrand falls before it; infinite if it rises."""
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
