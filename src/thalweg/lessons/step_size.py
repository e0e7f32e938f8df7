r"""The step size: too small, right, at the edge 2/λ, too large.

On a parabola of curvature λ, L(θ) = ½ λ θ², a step of gradient descent multiplies the distance by 1 - γλ:

    γλ < 1      creeps, on one side: about 1/γλ steps for a factor of e
    γλ = 1      arrives in one step
    1 < γλ < 2  jumps across at every step, and comes closer
    γλ = 2      jumps from side to side forever
    γλ > 2      every step is longer than the last one

so that after T steps L_T = (1 - γλ)^{2T} L_0. In many parameters the largest eigenvalue of the Hessian ∇²L decides:
above γ = 2/λ_max descent diverges along its eigenvector, however well the other directions go. Least squares of a
linear model, L(θ) = ½ ‖Xθ - y‖² / N, has the same Hessian XᵀX / N everywhere, so that the edge is known beforehand; in
deeper networks it moves while they train.

Source: LeCun, Bottou, Orr, Müller, *Efficient BackProp* (1998), section 5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from thalweg.diagnosis.landscape import Surface, descend
from thalweg.diagnosis.style import BLUE, GREEN, INK, ORANGE, PINK, SOFT, figure, house_style, label
from thalweg.lessons.text import table, words

Array = NDArray[Any]

CASES = {0.1: BLUE, 1.0: GREEN, 1.8: PINK, 2.05: ORANGE}
"""γλ of the ways that are drawn."""


def _parabola(theta: Any) -> Any:
    return 0.5 * jnp.sum(theta**2)


PARABOLA = Surface("parabola", "½ θ²", "λ = 1", _parabola, (1.0,), ((0.0,),), ((-2.0, 2.0), (0.0, 2.0)))


@dataclass(frozen=True, eq=False)
class StepSize:
    """Numbers of the lesson.

    Attributes:
        products: (n,) γλ tried on the parabola.
        losses: (n,) L_T / L_0 there.
        ways: γλ ↦ (T + 1,) θ_t there.
        steps: T there.
        x: (N,) inputs of the line that is fitted.
        y: (N,) its targets.
        curvatures: (2,) eigenvalues of the Hessian of its loss, largest first.
        gaps: (2,) distances from the minimum along its eigenvectors, at the start.
        rates: (r,) step sizes γ that it was fitted with.
        fits: (r,) its loss above the least after ``line_steps`` steps, over that at the start.
        line_steps: T of the line.
    """

    products: Array
    losses: Array
    ways: dict[float, Array]
    steps: int
    x: Array
    y: Array
    curvatures: Array
    gaps: Array
    rates: Array
    fits: Array
    line_steps: int


def compute(rows: int = 100, steps: int = 20, line_steps: int = 200, seed: int = 0) -> StepSize:
    """Descend a parabola, and fit a line y = θ_1 x + θ_2 to points, with many step sizes.

    Args:
        rows: N, points that the line is fitted to.
        steps: T on the parabola.
        line_steps: T of the line.
        seed: of the points.
    """
    products = np.r_[np.geomspace(0.01, 0.8, 12), np.linspace(0.9, 2.3, 15)]
    losses = np.array([_way(product, steps)[-1] ** 2 for product in products.tolist()])
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 3, rows)
    y = 1 + 0.5 * x + 0.2 * rng.normal(size=rows)
    ways = {product: _way(product, steps) for product in CASES}
    return StepSize(products, losses, ways, steps, x, y, *_fit_lines(x, y, line_steps), line_steps)


def _way(product: float, steps: int) -> Array:
    """Return θ_t. Only the product γλ matters, so that the parabola of λ = 1 shows all."""
    return descend(PARABOLA, "sgd", steps=steps, learning_rate=product).points[:, 0]


def _fit_lines(x: Array, y: Array, steps: int) -> tuple[Array, Array, Array, Array]:
    """Return the Hessian's eigenvalues, the first distances, step sizes, and the loss left with each."""
    columns = np.stack([x, np.ones_like(x)], axis=1)

    def loss(theta: Any) -> Any:
        return 0.5 * jnp.mean((jnp.asarray(columns, jnp.float32) @ theta - jnp.asarray(y, jnp.float32)) ** 2)

    line = Surface("line", "½ ‖Xθ - y‖² / N", "least squares", loss, (0.0, 0.0), (), ((-1.0, 2.0), (-1.0, 2.0)))
    best = np.linalg.lstsq(columns, y)[0]
    hessian = columns.T @ columns / len(x)
    curvatures, axes = np.linalg.eigh(hessian)
    rates = 2 / curvatures[-1] * np.array([0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 0.98, 1.01, 1.02, 1.1])
    gaps = [descend(line, "sgd", steps=steps, learning_rate=rate).points[-1] - best for rate in rates.tolist()]
    fits = np.array([gap @ hessian @ gap for gap in gaps]) / (best @ hessian @ best)
    return curvatures[::-1], (axes.T @ -best)[::-1], rates, fits


def theory(curvatures: Array, gaps: Array, rates: Array, steps: int) -> Array:
    """Return L_T / L_0 above the least: along each eigenvector of the Hessian descent is that of a parabola."""
    left = gaps * (1 - rates[:, None] * curvatures) ** steps
    return np.asarray((left**2 @ curvatures) / (gaps**2 @ curvatures))


def tell(numbers: StepSize) -> str:
    """Return the numbers in words."""
    edge = 2 / numbers.curvatures[0]
    rows = [
        (f"{product:g}", f"{1 - product:g}", f"{abs(way[-1]):.2g}", _manner(product))
        for product, way in numbers.ways.items()
    ]
    best = numbers.rates[np.argmin(numbers.fits)]
    return f"{table(('γλ', 'factor', f'distance left, T = {numbers.steps}', 'manner'), rows)}\n\n" + words(
        f"""On a parabola a step multiplies the distance from the minimum by 1 - γλ. Ten times too small costs ten times
        the steps; a few percent beyond the edge γ = 2/λ costs everything. The line through {len(numbers.x)} points
        shows the same in two parameters: its Hessian has the eigenvalues {numbers.curvatures[0]:.3f} and
        {numbers.curvatures[1]:.3f}, the edge is 2/λ_max = {edge:.3f}, and of the step sizes tried
        {best:.3f}, or {best / edge:.0%} of it, comes closest in {numbers.line_steps} steps. The best of all steps,
        2/(λ_min + λ_max) = {2 / numbers.curvatures.sum():.3f}, lies close below the edge wherever κ is large, which is
        why one looks for the largest step size that still goes down."""
    )


def _manner(product: float) -> str:
    if product < 1:
        return "creeps"
    if product == 1:
        return "arrives at once"
    return "jumps across, closer" if product < 2 else "jumps away"


@house_style()
def draw(numbers: StepSize) -> Figure:
    """Draw four ways on a parabola, and what is left of the loss by step size, there and of the line."""
    picture = figure(5.2)
    above, below = picture.subfigures(2, 1, squeeze=False, height_ratios=(1, 1.1)).ravel()
    for axes, (product, color) in zip(above.subplots(1, 4, sharey=True), CASES.items(), strict=True):
        _draw_way(axes, numbers.ways[product], product, color)
    parabola, line = below.subplots(1, 2, sharey=True)
    _draw_losses(parabola, numbers)
    _draw_line(line, numbers)
    return picture


def _draw_way(axes: Axes, way: Array, product: float, color: str) -> None:
    theta = np.linspace(-1.9, 1.9, 101)
    axes.plot(theta, 0.5 * theta**2, color=SOFT, lw=1, zorder=0)
    shown = way[np.abs(way) < 1.9][:14]
    axes.plot(shown, 0.5 * shown**2, "o-", color=color, ms=3.5, lw=1)
    axes.plot(way[0], 0.5 * way[0] ** 2, "o", color=INK, ms=6, mfc="white")
    axes.set(title=f"γλ = {product:g}", xlabel="θ", xlim=(-1.9, 1.9), ylim=(-0.1, 1.8), xticks=(-1, 0, 1))
    axes.set(yticks=(0, 1), ylabel="L(θ)" if product == min(CASES) else "")


def _draw_losses(axes: Axes, numbers: StepSize) -> None:
    line = np.geomspace(0.01, 2.3, 500)
    axes.plot(line, (1 - line) ** (2 * numbers.steps), color=INK, lw=1, ls=(0, (1, 2)))
    # Where descent arrives exactly, nothing is left that a logarithm could show.
    axes.plot(numbers.products, np.maximum(numbers.losses, 1e-30), "o", color=BLUE, ms=4)
    axes.axvline(2, color=ORANGE, lw=1)
    axes.set(xscale="log", yscale="log", xlim=(0.009, 2.7), ylim=(1e-12, 1e6), xlabel="γλ", ylabel="$L_T\\,/\\,L_0$")
    axes.set(xticks=(0.01, 0.1, 1, 2), xticklabels=("0.01", "0.1", "1", "2"))
    axes.set_title(f"A parabola after T = {numbers.steps} steps")
    label(axes, 1.75, 1e4, "edge γ = 2/λ", ORANGE, ha="right")
    label(axes, 0.013, 1e-5, "dotted: $(1 - γλ)^{2T}$", INK)


def _draw_line(axes: Axes, numbers: StepSize) -> None:
    edge = 2 / numbers.curvatures[0]
    line = np.linspace(0.001, 1.12, 600)
    expected = theory(numbers.curvatures, numbers.gaps, line * edge, numbers.line_steps)
    axes.plot(line, expected, color=INK, lw=1, ls=(0, (1, 2)))
    axes.plot(numbers.rates / edge, numbers.fits, "o", color=BLUE, ms=4)
    axes.axvline(1, color=ORANGE, lw=1)
    axes.set(xlabel="share of the edge, γ / (2/λ_max)", xlim=(-0.02, 1.13))
    axes.set_title(f"A fitted line after T = {numbers.line_steps} steps")
    label(axes, 0.97, 1e4, "edge γ = 2/λ_max", ORANGE, ha="right")
