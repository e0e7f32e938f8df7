r"""Nesterov against momentum: a gradient taken where the velocity leads damps steep directions.

Both add up a velocity, Δθ_t = β Δθ_{t-1} - γ ∇L, θ_{t+1} = θ_t + Δθ_t. Momentum takes the gradient at θ_t, Nesterov at
θ_t + β Δθ_{t-1}. In a direction of curvature λ the distance from the minimum follows a recursion of two terms, and in
the long run shrinks by the larger root of

    momentum    r² - (1 + β - γλ) r + β = 0             |r| = √β                where it oscillates
    Nesterov    r² - (1 + β)(1 - γλ) r + β (1 - γλ) = 0   |r| = √(β (1 - γλ))   where it oscillates

Momentum oscillates with the same slow decay in every direction, flat or steep. Nesterov's damps the more the steeper a
direction is, and at γλ = 1 it arrives at once; in return it bears a smaller step size, γλ < 2 (1 + β) / (1 + 2β) in
place of 2 (1 + β).

Sources: Nesterov, *A method of solving a convex programming problem with convergence rate O(1/k²)* (1983); Sutskever et
al., *On the importance of initialization and momentum in deep learning* (2013).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from thalweg.diagnosis.landscape import Surface, descend
from thalweg.diagnosis.style import BLUE, INK, ORANGE, PALE, SOFT, figure, house_style, label
from thalweg.lessons.text import table, words

Array = NDArray[Any]

COLORS = {"momentum": BLUE, "nesterov": ORANGE}
KAPPA = 20.0


def _loss(theta: Any) -> Any:
    return 0.5 * (theta[0] ** 2 + KAPPA * theta[1] ** 2)


VALLEY = Surface("valley", "½ (x² + 20 y²)", "a valley", _loss, (1.0, 1.0), ((0.0, 0.0),), ((-1.0, 1.0), (-1.0, 1.0)))


@dataclass(frozen=True, eq=False)
class Nesterov:
    """Numbers of the lesson; dictionaries are by optimizer.

    Attributes:
        beta: β.
        products: γλ that were tried, those of momentum up to a larger limit.
        rates: the factor that a step leaves in the long run, measured at each.
        product: γλ of the steep direction on the ways below.
        ways: (steps + 1, 2) θ_t in a valley of κ = 20.
        losses: (steps + 1,) L(θ_t) on them.
    """

    beta: float
    products: dict[str, Array]
    rates: dict[str, Array]
    product: float
    ways: dict[str, Array]
    losses: dict[str, Array]


def compute(beta: float = 0.9, product: float = 0.5, steps: int = 150) -> Nesterov:
    """Descend a valley by both, with many step sizes.

    Args:
        beta: β ∈ [0, 1).
        product: γλ of the steep direction on the ways that are drawn.
        steps: updates.
    """
    limits = {"momentum": 2 * (1 + beta), "nesterov": 2 * (1 + beta) / (1 + 2 * beta)}
    products = {name: limit * np.linspace(0.04, 1.04, 26) for name, limit in limits.items()}

    def go(name: str, tried: float) -> Any:
        return descend(VALLEY, name, steps=steps, learning_rate=tried / KAPPA, momentum=beta)

    rates = {
        name: np.array([_rate(go(name, one).points[:, 1]) for one in tried.tolist()])
        for name, tried in products.items()
    }
    paths = {name: go(name, product) for name in limits}
    return Nesterov(
        beta,
        products,
        rates,
        product,
        {name: path.points for name, path in paths.items()},
        {name: path.losses for name, path in paths.items()},
    )


def _rate(distances: Array) -> float:
    """Return the larger root of the recursion d_{t+2} = p d_{t+1} - q d_t that fits a path best."""
    near = distances[:40]
    weight = 1 / np.maximum(np.abs(near[:-2]), 1e-12)
    columns = np.stack([near[1:-1], -near[:-2]], axis=1) * weight[:, None]
    p, q = np.linalg.lstsq(columns, near[2:] * weight)[0]
    return float(np.abs(np.roots([1, -p, q])).max())


def theory(name: str, products: Array, beta: float) -> Array:
    """Return the larger root, in modulus, at each γλ."""
    kept = (1 + beta) * (1 - products) if name == "nesterov" else 1 + beta - products
    last = beta * (1 - products) if name == "nesterov" else beta + 0 * products
    half = kept.astype(complex) / 2
    root = np.sqrt(half**2 - last)
    return np.maximum(np.abs(half + root), np.abs(half - root))


def tell(numbers: Nesterov) -> str:
    """Return the numbers in words."""
    tried = (0.05, 0.25, 0.5, 1.0)
    rows: list[tuple[object, ...]] = []
    for product in tried:
        both = [float(theory(name, np.array([product]), numbers.beta)[0]) for name in COLORS]
        rows.append((f"{product:g}", *(f"{rate:.3f}" for rate in both)))
    late = {name: losses[60] for name, losses in numbers.losses.items()}
    return f"{table(('γλ', 'ρ of momentum', 'ρ of Nesterov'), rows)}\n\n" + words(
        f"""With β = {numbers.beta:g} momentum swings in every direction for long, the steep ones included, since it
        sees too late that its velocity leads up the other wall. Nesterov looks ahead and brakes: the steeper the
        direction, the harder. In the valley, with equal settings, the loss after 60 steps is {late["momentum"]:.1e}
        with momentum and {late["nesterov"]:.1e} with Nesterov. The price is a smaller largest step size: γλ may come to
        {2 * (1 + numbers.beta) / (1 + 2 * numbers.beta):.2f} in place of {2 * (1 + numbers.beta):.2f}."""
    )


@house_style()
def draw(numbers: Nesterov) -> Figure:
    """Draw both ways in a valley, the loss by step, and the rates by curvature."""
    picture = figure(5.6)
    grid = picture.add_gridspec(2, 2)
    _draw_ways(picture.add_subplot(grid[0, :]), numbers)
    losses, rates = picture.add_subplot(grid[1, 0]), picture.add_subplot(grid[1, 1])
    for name, color in COLORS.items():
        losses.plot(numbers.losses[name], color=color)
        line = np.linspace(0, numbers.products[name].max(), 400)
        rates.plot(line, theory(name, line, numbers.beta), color=INK, lw=1, ls=(0, (1, 2)))
        rates.plot(numbers.products[name], numbers.rates[name], "o", color=color, ms=3.5)
    losses.set(title="Loss", yscale="log", xlabel="step", ylim=(1e-9, 100), xlim=(0, len(numbers.losses["momentum"])))
    label(losses, 100, 3e-2, "momentum", BLUE)
    label(losses, 22, 1e-7, "Nesterov", ORANGE)
    rates.set(
        title="What a step leaves, theory dotted", xlabel="γλ", ylabel="factor |r|", ylim=(0, 1.3), xlim=(0, None)
    )
    rates.axhline(1, color=SOFT, lw=0.8)
    label(rates, 2.2, 0.82, "momentum", BLUE)
    label(rates, 1.25, 0.35, "Nesterov", ORANGE)
    return picture


def _draw_ways(axes: Axes, numbers: Nesterov) -> None:
    x, y = np.linspace(-0.8, 1.1, 200), np.linspace(-1, 1.1, 200)
    levels = np.linspace(0, 5, 11) ** 2
    axes.contour(x, y, x**2 + KAPPA * y[:, None] ** 2, levels=levels, colors=PALE, linewidths=0.8)
    for name, color in COLORS.items():
        axes.plot(*numbers.ways[name][:70].T, "o-", color=color, ms=2.5, lw=1.1)
    axes.plot(1, 1, "o", color=INK, ms=6, mfc="white")
    axes.plot(0, 0, "+", color=INK, ms=10, mew=1.8, zorder=3)
    axes.set(
        title=f"The same γ and β = {numbers.beta:g} in a valley", xlabel="flat direction", ylabel="steep direction"
    )
    axes.set(xlim=(-0.8, 1.1), ylim=(-1, 1.1))
    label(axes, 0.3, 0.93, "momentum", BLUE)
    label(axes, -0.72, -0.3, "Nesterov", ORANGE)
