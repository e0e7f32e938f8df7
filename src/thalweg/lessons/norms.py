r"""Five ways to measure a vector, drawn by the vectors of length one.

    ‖x‖_p = (Σ |x_i|^p)^{1/p},   ‖x‖_∞ = max |x_i|,   ‖x‖_0 = number of entries that are not 0

The energy of a vector is ‖x‖₂², its sparsity ‖x‖₀. The set ‖x‖_p = 1 is round for p = 2 and a square for p = ∞; for p
= 1 its corners lie on the axes, and below 1 it bends inward. Corners are why a penalty on ‖w‖₁ sets weights to zero:
blown up until it touches a line, the contour usually touches it with a corner, where one coordinate is 0.

Source: Boyd, Vandenberghe, *Convex Optimization* (2004), section 6.1 and appendix A.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

import thalweg as tw
from thalweg.diagnosis.style import BLUE, GREEN, INK, ORANGE, PALE, PINK, SKY, figure, house_style, label
from thalweg.lessons.text import table, words

Array = NDArray[Any]

COLORS = {0.5: PINK, 1.0: ORANGE, 2.0: BLUE, 4.0: SKY, math.inf: GREEN}
EXAMPLE = np.array([3.0, -4.0, 0.0])
LINE = np.array([1.0, 2.0])
"""The line of all x with x₁ + 2 x₂ = 1."""


def name(p: float) -> str:
    """Return a norm's name, such as l2 or l∞."""
    return "l∞" if p == math.inf else f"l{p:g}"


@dataclass(frozen=True, eq=False)
class Norms:
    """Numbers of the lesson; dictionaries are by p.

    Attributes:
        contours: (n + 1, 2) points with ‖x‖_p = 1.
        lengths: ‖x‖_p of the example vector (3, -4, 0).
        sparsity: ‖x‖₀ of it.
        energy: ‖x‖₂² of it.
        line: (m, 2) points with x₁ + 2 x₂ = 1.
        closest: (2,) the one of them with the smallest ‖x‖_p.
        distances: that smallest ‖x‖_p.
    """

    contours: dict[float, Array]
    lengths: dict[float, float]
    sparsity: int
    energy: float
    line: Array
    closest: dict[float, Array]
    distances: dict[float, float]


def compute(orders: tuple[float, ...] = tuple(COLORS), points: int = 400) -> Norms:
    """Measure a vector, and find the shortest vector on a line, under each norm.

    Args:
        orders: p of each norm.
        points: of each contour.
    """
    first = np.linspace(-1, 2, 3001)
    line = np.stack([first, (1 - LINE[0] * first) / LINE[1]], axis=-1)
    lengths = {p: tw.probability.norm(line, p) for p in orders}
    return Norms(
        contours={p: tw.probability.unit_contour(p, points) for p in orders},
        lengths={p: float(tw.probability.norm(EXAMPLE, p)) for p in orders},
        sparsity=int(tw.probability.sparsity(EXAMPLE)),
        energy=float(tw.probability.energy(EXAMPLE)),
        line=line,
        closest={p: line[length.argmin()] for p, length in lengths.items()},
        distances={p: float(length.min()) for p, length in lengths.items()},
    )


def tell(numbers: Norms) -> str:
    """Return the numbers in words."""
    rows = [
        (name(p), f"{length:.4g}", "({:.2f}, {:.2f})".format(*numbers.closest[p]), f"{numbers.distances[p]:.3f}")
        for p, length in numbers.lengths.items()
    ]
    return f"{table(('norm', 'of (3, -4, 0)', 'shortest x on the line', 'its length'), rows)}\n\n" + words(
        f"""The vector (3, -4, 0) has {numbers.sparsity} entries that are not zero, and the energy {numbers.energy:g}.
        The larger p, the more the largest entry alone decides.""",
        """The line holds all x with x₁ + 2 x₂ = 1. Its shortest vector lies on an axis under l0.5 and l1: one
        coordinate is exactly zero. Under l2 it is the foot of the perpendicular, and under l∞ both coordinates are
        equal. Below p = 1 the triangle inequality fails, so that l0.5 is a norm in name only.""",
    )


@house_style()
def draw(numbers: Norms) -> Figure:
    """Draw the contours of length one, and the same grown until they touch the line."""
    picture = figure(3.3)
    unit, touching = picture.subplots(1, 2)
    for p, contour in numbers.contours.items():
        unit.plot(*contour.T, color=COLORS.get(p, INK))
        # Named where it crosses the diagonal of a quadrant of its own.
        corner = contour[len(contour) // 8]
        label(unit, corner[0], corner[1], name(p), COLORS.get(p, INK), ha="center", fontsize=8)
        touching.plot(*(numbers.distances[p] * contour).T, color=COLORS.get(p, INK), lw=1.4)
        touching.plot(*numbers.closest[p], "o", color=COLORS.get(p, INK), ms=6, zorder=3)
    touching.plot(*numbers.line.T, color=INK, lw=1.2)
    label(touching, 0.36, 0.55, "x₁ + 2 x₂ = 1", INK, ha="left")
    _frame(unit, 1.25, "Vectors of length one")
    _frame(touching, 0.85, "The shortest vector on a line")
    return picture


def _frame(axes: Axes, reach: float, title: str) -> None:
    axes.axhline(0, color=PALE, lw=0.8, zorder=0)
    axes.axvline(0, color=PALE, lw=0.8, zorder=0)
    axes.set(title=title, xlabel="x₁", ylabel="x₂", aspect="equal", xlim=(-reach, reach), ylim=(-reach, reach))
    axes.set(xticks=(-0.5 * round(2 * reach - 0.5), 0, 0.5 * round(2 * reach - 0.5)))
    axes.set(yticks=axes.get_xticks())
