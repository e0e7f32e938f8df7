r"""Adaptive methods: every parameter its own step size, from the squared gradients that it has seen.

    AdaGrad    s_t = s_{t-1} + g_t²                              Δθ_t = -γ g_t / √s_t
    RMSprop    v_t = α v_{t-1} + (1 - α) g_t²                    Δθ_t = -γ g_t / √v_t
    Adam       m_t = β₁ m_{t-1} + (1 - β₁) g_t, v_t as above     Δθ_t = -γ m̂_t / √v̂_t

Dividing by the root of squared gradients has two consequences that can be read off the formulas. The scale of the loss
cancels: a hundred times smaller gradients give the same way, and Adam's first step is ±γ in every parameter. And a
valley along the axes is as good as a round bowl, since each parameter is scaled for itself; but the parameters' axes
matter: the same valley turned by 45° is narrow again. Plain descent is the other way round: it does not see how a
valley lies, and depends on scale and condition number.

Source: Duchi, Hazan, Singer, *Adaptive Subgradient Methods for Online Learning* (2011); Tieleman, Hinton, *Lecture 6.5:
rmsprop* (2012); Kingma, Ba, *Adam: A Method for Stochastic Optimization* (2015).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from thalweg.diagnosis.landscape import Surface, descend
from thalweg.diagnosis.style import BLUE, GREEN, INK, ORANGE, PALE, PINK, figure, house_style
from thalweg.lessons.text import table, words

Array = NDArray[Any]

COLORS = {"sgd": BLUE, "adagrad": ORANGE, "rmsprop": PINK, "adam": GREEN}
KAPPA = 100.0
START = np.array([1.0, 0.6])
TURN = np.array([[1.0, -1.0], [1.0, 1.0]]) / np.sqrt(2)
SCALE = 0.01
VALLEYS = ("along the axes", "turned by 45°", "a hundredth of the loss")
GOAL = 0.01


def _valley(x: Any, y: Any) -> Any:
    return 0.5 * (x**2 + KAPPA * y**2)


def _three(theta: Any) -> Any:
    """Return the loss of three valleys side by side, which do not feel each other."""
    a, b, c = theta[0:2], theta[2:4], theta[4:6]
    turned = (b[0] + b[1]) / np.sqrt(2), (b[1] - b[0]) / np.sqrt(2)
    return _valley(a[0], a[1]) + _valley(*turned) + SCALE * _valley(c[0], c[1])


STARTS = tuple(np.concatenate([START, TURN @ START, START]).tolist())
SURFACE = Surface("valleys", "½ (x² + 100 y²)", "one valley in three forms", _three, STARTS, (), ((-1.0, 1.0),) * 2)


@dataclass(frozen=True, eq=False)
class Adaptive:
    """Numbers of the lesson; dictionaries are by optimizer.

    Attributes:
        rates: (r,) step sizes γ that were tried.
        arrived: (r, 3) steps until the distance stays below a hundredth, in each form of the valley; NaN where never.
        best: (3,) the fewest of them.
        chosen: γ that needs fewest steps along the axes, for the ways below.
        ways: (steps + 1, 3, 2) θ_t with it in each form, in its own coordinates.
    """

    rates: Array
    arrived: dict[str, Array]
    best: dict[str, Array]
    chosen: dict[str, float]
    ways: dict[str, Array]


def compute(steps: int = 600) -> Adaptive:
    """Descend one valley in three forms by each method, with many step sizes.

    Args:
        steps: updates.
    """
    edge = 2 / KAPPA
    rates = np.unique(np.append(np.geomspace(0.001, 1.0, 19), edge * np.array([0.9, 0.99])))
    arrived, best, chosen, ways = {}, {}, {}, {}
    for name in COLORS:
        paths = [descend(SURFACE, name, steps=steps, learning_rate=rate).points for rate in rates.tolist()]
        forms = [path.reshape(-1, 3, 2) for path in paths]
        arrived[name] = np.array([[_arrival(form[:, i]) for i in range(3)] for form in forms])
        best[name] = np.min(np.where(np.isnan(arrived[name]), np.inf, arrived[name]), axis=0)
        place = int(np.nanargmin(arrived[name][:, 0]))
        chosen[name], ways[name] = float(rates[place]), forms[place]
    return Adaptive(rates, arrived, best, chosen, ways)


def _arrival(points: Array) -> float:
    """Return the step after which the distance stays below the goal, NaN if it does not."""
    far = ~(np.linalg.norm(points, axis=1) <= GOAL)
    return np.nan if far[-1] else float(np.flatnonzero(far)[-1] + 1)


def tell(numbers: Adaptive) -> str:
    """Return the numbers in words."""
    rows = [
        (name, *("not within 600" if np.isinf(steps) else f"{steps:.0f}" for steps in best))
        for name, best in numbers.best.items()
    ]
    same = np.abs(numbers.ways["adam"][:, 0] - numbers.ways["adam"][:, 2]).max()
    return f"{table(('optimizer', *VALLEYS), rows)}\n\n" + words(
        f"""The fewest steps to a hundredth of the way, over {len(numbers.rates)} step sizes, in a valley of κ =
        {KAPPA:.0f}. Plain descent needs the same steps however the valley lies, and the step size that suits the
        loss is a hundred times too small for a hundredth of it. Adaptive methods take the valley along the axes much
        faster; turned by 45° both parameters see the same mixture of slopes and there is nothing left to scale. AdaGrad
        and RMSprop then need more steps than plain descent; Adam has momentum besides, and keeps that. The scale of the
        loss does not matter to them: Adam's two ways differ by
        {same:.0e} at most. They do not make the condition number disappear, they divide out the part of it that lies
        along the parameters' axes."""
    )


@house_style()
def draw(numbers: Adaptive) -> Figure:
    """Draw the ways in the valley along the axes and turned, and the steps by step size."""
    picture = figure(6.0)
    grid = picture.subplots(2, 2)
    for axes, form in zip(grid[0], (0, 1), strict=True):
        _draw_ways(axes, numbers, form)
    for axes, form in zip(grid[1], (0, 1), strict=True):
        for name, color in COLORS.items():
            axes.plot(numbers.rates, numbers.arrived[name][:, form], "o-", color=color, ms=3, lw=1.2, label=name)
        axes.set(xscale="log", yscale="log", xlabel="step size γ", ylabel="steps to a hundredth", ylim=(1, 700))
        axes.set(title=f"Steps, valley {VALLEYS[form]}", xlim=(8e-4, 1.2))
    grid[1, 1].legend(loc="lower left")
    return picture


def _draw_ways(axes: Axes, numbers: Adaptive, form: int) -> None:
    x, y = np.meshgrid(np.linspace(-0.6, 1.2, 160), np.linspace(-0.8, 1.4, 160))
    along = (x, y) if form == 0 else ((x + y) / np.sqrt(2), (y - x) / np.sqrt(2))
    axes.contour(x, y, _valley(*along), levels=np.linspace(0.3, 12, 12) ** 2 / 2, colors=PALE, linewidths=0.8)
    for name, color in COLORS.items():
        # Plain descent crosses itself most; AdaGrad shares part of its way with RMSprop.
        how: dict[str, Any] = {"lw": 0.6} if name == "sgd" else {"lw": 1.2}
        how |= {"ls": "--", "zorder": 3} if name == "adagrad" else {}
        axes.plot(*numbers.ways[name][:200, form].T, marker=".", color=color, ms=3, **how)
    axes.plot(*numbers.ways["sgd"][0, form], "o", color=INK, ms=6, mfc="white")
    axes.plot(0, 0, "+", color=INK, ms=10, mew=1.8, zorder=4)
    axes.set(title=f"A valley {VALLEYS[form]}", xlabel="θ₁", ylabel="θ₂", xlim=(-0.6, 1.2), ylim=(-0.8, 1.4))
