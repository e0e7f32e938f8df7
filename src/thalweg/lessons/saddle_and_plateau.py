r"""Saddle and plateau: the slope is small, and nothing has been reached.

At a saddle the slope is zero, and the Hessian has a negative eigenvalue -μ: along it the distance from the saddle grows
by 1 + γμ a step, so that descent which starts y_0 beside it needs about

    t = ln(r / y_0) / ln(1 + γμ)

steps to come r away, and never leaves from y_0 = 0, unless noise pushes it. With momentum the larger root of
r² - (1 + β + γμ) r + β = 0 takes the place of 1 + γμ. On a plateau the slope is small for long: descent follows the
gradient flow dθ/dτ = -∇L, with γ of its time a step, and needs

    t = 1/γ ∫ dr / L'(r)

steps from one distance to another; momentum adds up to 1/(1 - β) times the velocity. Saddle, plateau and minimum all
look the same to the loss. What tells them apart is the Hessian: its least eigenvalue is below, about, or above zero.

Source: Dauphin et al., *Identifying and attacking the saddle point problem in high-dimensional non-convex optimization*
(2014); Goodfellow, Bengio, Courville, *Deep Learning* (2016), section 8.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from thalweg.diagnosis.landscape import SURFACES, descend
from thalweg.diagnosis.style import BLUE, GREEN, INK, ORANGE, SEQUENTIAL, SOFT, figure, house_style, label
from thalweg.lessons.text import table, words

Array = NDArray[Any]

COLORS = {"sgd": BLUE, "momentum": ORANGE}
RATE = 0.05

PLACES = {
    "saddle": ("saddle", (0.0, 0.0)),
    "plateau": ("plateau", (3.4, 0.0)),
    "minimum": ("saddle", (0.0, 1.0)),
}
"""Points with little slope: surface and θ."""


@dataclass(frozen=True, eq=False)
class SaddleAndPlateau:
    """Numbers of the lesson; dictionaries are by optimizer.

    Attributes:
        beta: β of momentum.
        offsets: (k,) y_0, distances beside the saddle's ridge.
        escapes: (k,) steps until half a unit away from it.
        growth: what the distance is multiplied by in a step, by theory.
        ridge: ways from y_0 = 0 without and with noise, (steps + 1, 2) each.
        radii: (m,) distances r_0 from the minimum on the plateau.
        crossings: (m,) steps until the distance is 1.
        flow: (m,) steps that gradient flow takes.
        slopes: place ↦ ‖∇L‖.
        curvatures: place ↦ (2,) eigenvalues of the Hessian, least first.
    """

    beta: float
    offsets: Array
    escapes: dict[str, Array]
    growth: dict[str, float]
    ridge: tuple[Array, Array]
    radii: Array
    crossings: dict[str, Array]
    flow: Array
    slopes: dict[str, float]
    curvatures: dict[str, Array]


def compute(beta: float = 0.9, noise: float = 0.01, seed: int = 0) -> SaddleAndPlateau:
    """Leave a saddle and cross a plateau, plain and with momentum.

    Args:
        beta: β of momentum.
        noise: σ of the gradients that leave the ridge.
        seed: of the noise.
    """
    saddle, plateau = SURFACES["saddle"], SURFACES["plateau"]
    offsets, radii = 10.0 ** np.arange(-1, -8, -1), np.linspace(1.5, 3.4, 8)
    escapes, crossings = {}, {}
    options: dict[str, dict[str, Any]] = {"sgd": {}, "momentum": {"momentum": beta}}
    for name, own in options.items():
        ways = [
            descend(saddle, name, steps=500, start=(-1.6, offset), learning_rate=RATE, **own).points[:, 1]
            for offset in offsets.tolist()
        ]
        escapes[name] = np.array([np.argmax(np.abs(way) > 0.5) for way in ways])
        ways = [
            descend(plateau, name, steps=4000, start=(radius, 0.0), learning_rate=RATE, **own).points[:, 0]
            for radius in radii.tolist()
        ]
        crossings[name] = np.array([np.argmax(way < 1) for way in ways])
    ridge = [
        descend(saddle, "sgd", steps=500, start=(-1.6, 0.0), learning_rate=RATE, noise=sigma, seed=seed).points
        for sigma in (0.0, noise)
    ]
    half = (1 + beta + RATE) / 2
    growth = {"sgd": 1 + RATE, "momentum": float(half + np.sqrt(half**2 - beta))}
    slopes, curvatures = {}, {}
    for place, (surface, point) in PLACES.items():
        theta = jnp.array(point)
        slopes[place] = float(jnp.linalg.norm(jax.grad(SURFACES[surface].loss)(theta)))
        curvatures[place] = np.linalg.eigvalsh(np.asarray(jax.hessian(SURFACES[surface].loss)(theta), float))
    return SaddleAndPlateau(
        beta, offsets, escapes, growth, (ridge[0], ridge[1]), radii, crossings, _flow(radii), slopes, curvatures
    )


def _flow(radii: Array) -> Array:
    """Return ∫ dr / L'(r) / γ from 1 to each radius, by the trapezoidal rule."""
    r = np.linspace(1, radii[-1], 4001)
    inverse = 1 / (r * np.exp(-0.5 * r**2) + 2e-3 * r)
    passed = np.append(0, np.cumsum((inverse[1:] + inverse[:-1]) / 2 * np.diff(r)))
    return np.asarray(np.interp(radii, r, passed) / RATE)


def tell(numbers: SaddleAndPlateau) -> str:
    """Return the numbers in words."""
    places = [
        (place, f"{numbers.slopes[place]:.4f}", *(f"{value:.3f}" for value in numbers.curvatures[place]))
        for place in PLACES
    ]
    beside = [
        (f"{offset:.0e}", *(steps[i] for steps in numbers.escapes.values())) for i, offset in enumerate(numbers.offsets)
    ]
    more = {name: np.log(10) / np.log(growth) for name, growth in numbers.growth.items()}
    plain, fast = (steps[-1] for steps in numbers.crossings.values())
    return "\n\n".join(
        (
            table(("place", "norm of the slope", "least curvature", "largest"), places),
            table(("beside the ridge of the saddle", "steps to leave, plain", "momentum"), beside),
            words(
                f"""Ten times closer to the ridge costs plain descent {more["sgd"]:.0f} steps more, by theory as
                measured, and momentum {more["momentum"]:.0f}. A start
                on the ridge itself ends in the saddle; a little noise is enough to leave it. The plateau takes plain
                descent {plain} steps from a distance of {numbers.radii[-1]:.1f}, and momentum {fast},
                {plain / fast:.1f} times fewer: its velocity comes to 1/(1 - β) = {1 / (1 - numbers.beta):.0f} times
                the step, once it has built up. All three places have next to no slope; the least eigenvalue of the
                Hessian tells which is which."""
            ),
        )
    )


@house_style()
def draw(numbers: SaddleAndPlateau) -> Figure:
    """Draw ways over the saddle, steps to leave it, and steps to cross the plateau."""
    picture = figure(3.3)
    plane, leave, cross = picture.subplots(1, 3)
    _draw_saddle(plane, numbers)
    line = np.geomspace(numbers.offsets[-1], 0.3, 50)
    for name, color in COLORS.items():
        # Of theory the slope is known; where the line lies follows from the way in, over the first few steps.
        first = numbers.escapes[name][-1]
        steps = first + np.log(numbers.offsets[-1] / line) / np.log(numbers.growth[name])
        leave.plot(line, np.maximum(steps, 0), color=INK, lw=1, ls=(0, (1, 2)))
        leave.plot(numbers.offsets, numbers.escapes[name], "o", color=color, ms=4)
        cross.plot(numbers.radii, numbers.crossings[name], "o", color=color, ms=4)
    cross.plot(numbers.radii, numbers.flow, color=INK, lw=1, ls=(0, (1, 2)))
    cross.plot(numbers.radii, numbers.flow * (1 - numbers.beta), color=INK, lw=1, ls=(0, (1, 2)))
    leave.set(title="Leaving the saddle", xscale="log", xlabel="start beside the ridge", ylabel="steps", ylim=(0, None))
    leave.set(xticks=(1e-6, 1e-4, 1e-2))
    cross.set(title="Crossing the plateau", yscale="log", xlabel="start, distance", ylabel="steps")
    label(leave, 3e-5, 270, "plain", BLUE)
    label(leave, 1e-7, 115, "momentum", ORANGE)
    label(cross, 2.0, 400, "plain", BLUE, ha="right")
    label(cross, 2.66, 19, "momentum", ORANGE)
    label(cross, 1.75, 2.0, "dotted: gradient flow,\nand (1 - β) of it", INK, fontsize=7.5)
    return picture


def _draw_saddle(axes: Axes, numbers: SaddleAndPlateau) -> None:
    x, y = np.linspace(-1.8, 0.8, 120), np.linspace(-1.5, 1.5, 121)
    axes.contourf(x, y, 0.5 * x**2 + (0.25 * y**4 - 0.5 * y**2)[:, None], 14, cmap=SEQUENTIAL.reversed())
    for way, color in zip(numbers.ridge, (SOFT, GREEN), strict=True):
        axes.plot(*way.T, color=color, lw=2)
    axes.plot(-1.6, 0, "o", color=INK, ms=6, mfc="white")
    axes.plot([0, 0], [-1, 1], "+", color=INK, ms=9, mew=1.6, ls="")
    axes.set(title="From the ridge of a saddle", xlabel="x", ylabel="y", yticks=(-1, 0, 1))
    label(axes, -1.3, 0.25, "no noise", SOFT)
    label(axes, -0.15, 1.25 * np.sign(numbers.ridge[1][-1, 1]), "noise", GREEN, ha="right")
