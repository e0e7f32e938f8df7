r"""A narrow valley: plain descent goes by κ, momentum at its best by √κ.

A loss near its minimum is a parabola, L(θ) = ½ Σ λ_i θ_i², and in each direction a step of plain descent multiplies the
distance by 1 - γλ_i. One step size must serve all directions: the steepest forbids more than 2/λ_max, the flattest then
hardly moves. The best compromise, with the condition number κ = λ_max / λ_min, is

    plain descent    γ = 2 / (λ_min + λ_max)                                        ρ = (κ - 1) / (κ + 1)
    momentum         γ = (2 / (√λ_min + √λ_max))², β = ((√κ - 1) / (√κ + 1))²       ρ = (√κ - 1) / (√κ + 1)

where ρ is the factor that a step leaves in the long run. With momentum both ends of the spectrum are critically damped,
which brings a factor that grows with t: the flattest direction goes as (1 + (1 - ρ) t) ρ^t, the steepest as
(1 + (1 + ρ) t) (-ρ)^t.

Sources: Polyak, *Some methods of speeding up the convergence of iteration methods* (1964); Nesterov, *Lectures on
Convex Optimization* (2018), section 2.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from thalweg.core.errors import ArgumentError
from thalweg.diagnosis.landscape import Surface, descend
from thalweg.diagnosis.style import BLUE, INK, ORANGE, PALE, SOFT, figure, house_style, label
from thalweg.lessons.text import table, words

Array = NDArray[Any]

CURVATURES = np.array([1.0, 10.0, 100.0, 1000.0], np.float32)
"""λ_i. A start that is zero but for two of them makes a valley of two directions."""

GOAL = 1e-6
"""Share of the distance at the start that counts as arrived."""


def _loss(theta: Any) -> Any:
    return 0.5 * jnp.sum(CURVATURES * theta**2)


VALLEY = Surface(
    "valley",
    "½ Σ λ_i θ_i²",
    "a valley of any condition number",
    _loss,
    (1.0, 1.0, 0.0, 0.0),
    ((0.0, 0.0),),
    ((-1.2, 1.2), (-1.2, 1.2)),
)


@dataclass(frozen=True, eq=False)
class ConditionNumber:
    """Numbers of the lesson; dictionaries are by the condition number κ.

    Attributes:
        plain: (steps + 1,) ‖θ_t‖ / ‖θ_0‖ of plain descent at its best step size.
        momentum: (steps + 1,) the same with momentum at its best step size and factor.
        beta: the best momentum factor β.
        expected: (steps + 1,) what theory says of each, plain descent first.
        arrived: steps to a millionth of the first distance, plain descent first.
        paths: the ways in the valley of the smallest κ, (steps + 1, 2) each, plain descent first.
    """

    plain: dict[int, Array]
    momentum: dict[int, Array]
    beta: dict[int, float]
    expected: dict[int, tuple[Array, Array]]
    arrived: dict[int, tuple[int, int]]
    paths: tuple[Array, Array]


def compute(kappas: Sequence[int] = (10, 100, 1000), steps: int = 8000) -> ConditionNumber:
    """Descend valleys of several condition numbers, plain and with momentum, each at its best settings.

    Args:
        kappas: condition numbers among 10, 100 and 1000.
        steps: updates; enough for plain descent to arrive.
    """
    for kappa in kappas:
        if kappa not in CURVATURES[1:]:
            raise ArgumentError("kappas", "condition numbers among 10, 100 and 1000", repr(kappa))
    plain, momentum, beta, expected, arrived, paths = {}, {}, {}, {}, {}, []
    for kappa in kappas:
        two = [0, int(np.flatnonzero(kappa == CURVATURES)[0])]
        start = np.isin(np.arange(len(CURVATURES)), two).astype(float).tolist()
        rho = (np.sqrt(kappa) - 1) / (np.sqrt(kappa) + 1)
        beta[kappa] = float(rho**2)
        ways = (
            descend(VALLEY, "sgd", steps=steps, start=start, learning_rate=2 / (1 + kappa)),
            descend(
                VALLEY,
                "momentum",
                steps=steps,
                start=start,
                learning_rate=float(2 / (1 + np.sqrt(kappa))) ** 2,
                momentum=beta[kappa],
            ),
        )
        plain[kappa], momentum[kappa] = (np.linalg.norm(way.points, axis=1) / np.sqrt(2) for way in ways)
        expected[kappa] = theory(kappa, steps)
        arrived[kappa] = (_steps_to(plain[kappa]), _steps_to(momentum[kappa]))
        paths.append((ways[0].points[:, two], ways[1].points[:, two]))
    return ConditionNumber(plain, momentum, beta, expected, arrived, paths[0])


def theory(kappa: float, steps: int) -> tuple[Array, Array]:
    """Return ‖θ_t‖ / ‖θ_0‖ for a start at equal distance along both directions: plain descent, momentum."""
    t = np.arange(steps + 1.0)
    rho = (np.sqrt(kappa) - 1) / (np.sqrt(kappa) + 1)
    flat, steep = 1 + (1 - rho) * t, 1 + (1 + rho) * t
    return ((kappa - 1) / (kappa + 1)) ** t, np.sqrt((flat**2 + steep**2) / 2) * rho**t


def _steps_to(distances: Array) -> int:
    """Return the step after which the distance stays below the goal."""
    above = np.flatnonzero(distances > GOAL)
    return int(above[-1]) + 1 if len(above) else 0


def tell(numbers: ConditionNumber) -> str:
    """Return the numbers in words."""
    rows = [
        (
            f"{kappa}",
            f"{(kappa - 1) / (kappa + 1):.4f}",
            plain,
            f"{numbers.beta[kappa]:.4f}",
            f"{np.sqrt(numbers.beta[kappa]):.4f}",
            fast,
            f"{plain / fast:.1f}",
        )
        for kappa, (plain, fast) in numbers.arrived.items()
    ]
    header = ("κ", "ρ plain", "steps", "best β", "ρ momentum", "steps", "times fewer")
    return f"{table(header, rows)}\n\n" + words(
        """Steps are those to a millionth of the first distance, each method at its best settings. Plain descent jumps
        from wall to wall of the valley while it creeps along the floor, and needs about κ/2 steps for every factor of
        e. The velocity of momentum adds up along the floor, where gradients agree, and cancels across, where they
        alternate: it needs about √κ/2. The narrower the valley, the larger the best β, and the more momentum gains."""
    )


@house_style()
def draw(numbers: ConditionNumber) -> Figure:
    """Draw both ways in a valley, the distances by step, and the steps by condition number."""
    picture = figure(5.6)
    grid = picture.add_gridspec(2, 2, height_ratios=(1.1, 1.1))
    _draw_paths(picture.add_subplot(grid[0, :]), numbers)
    kappas = list(numbers.plain)
    _draw_distances(picture.add_subplot(grid[1, 0]), numbers, kappas[len(kappas) // 2])
    _draw_steps(picture.add_subplot(grid[1, 1]), numbers)
    return picture


def _draw_paths(axes: Axes, numbers: ConditionNumber) -> None:
    kappa = next(iter(numbers.plain))
    x, y = np.linspace(-0.5, 1.15, 200), np.linspace(-1.8, 1.25, 200)
    axes.contour(x, y, x**2 + kappa * y[:, None] ** 2, levels=np.linspace(0, 5.4, 13) ** 2, colors=PALE, linewidths=0.8)
    for points, color in zip(numbers.paths, (BLUE, ORANGE), strict=True):
        axes.plot(*points[:60].T, "o-", color=color, ms=2.5, lw=1.1)
    axes.plot(1, 1, "o", color=INK, ms=6, mfc="white")
    axes.plot(0, 0, "+", color=INK, ms=10, mew=1.8, zorder=3)
    axes.set(title=f"Two ways down a valley of κ = {kappa}", xlabel="flat direction", ylabel="steep direction")
    axes.set(xlim=(-0.5, 1.15), ylim=(-1.8, 1.25))
    label(axes, 0.62, 0.93, "plain descent", BLUE)
    label(axes, 0.55, -1.3, "momentum", ORANGE)


def _draw_distances(axes: Axes, numbers: ConditionNumber, kappa: int) -> None:
    last = numbers.arrived[kappa][0]
    for which, (measured, color) in enumerate(((numbers.plain, BLUE), (numbers.momentum, ORANGE))):
        axes.plot(measured[kappa][: last + 1], color=color)
        axes.plot(numbers.expected[kappa][which][: last + 1], color=INK, lw=1, ls=(0, (1, 2)))
    axes.set(yscale="log", ylim=(GOAL / 2, 8), xlim=(0, last), xlabel="step t", ylabel="distance from the minimum")
    axes.set_title(f"κ = {kappa}: measured, and theory (dotted)")
    label(axes, 0.45 * last, 2e-2, "plain descent", BLUE)
    label(axes, 0.18 * last, 3e-5, "momentum", ORANGE)


def _draw_steps(axes: Axes, numbers: ConditionNumber) -> None:
    kappas = np.array(list(numbers.arrived))
    line = np.geomspace(kappas.min() / 1.3, kappas.max() * 1.3, 40)
    for which, color in enumerate((BLUE, ORANGE)):
        axes.plot(line, [_steps_to(theory(kappa, 20000)[which]) for kappa in line], color=color, lw=1)
        axes.plot(kappas, [steps[which] for steps in numbers.arrived.values()], "o", color=color)
    axes.set(xscale="log", yscale="log", xlabel="condition number κ", ylabel="steps to a millionth")
    axes.set_title("Steps grow as κ, or as √κ")
    middle = kappas[len(kappas) // 2]
    label(axes, middle * 0.8, numbers.arrived[middle][0] * 1.6, "plain descent", BLUE, ha="right")
    label(axes, middle * 1.2, numbers.arrived[middle][1] * 0.62, "momentum", ORANGE)
    axes.grid(visible=True, color=PALE, lw=0.6)
    axes.tick_params(which="minor", color=SOFT)
