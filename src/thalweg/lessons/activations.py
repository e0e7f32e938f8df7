r"""Every activation φ beside its derivative φ', which scales the error vector on its way back.

The backward pass takes δ_lᵀ = δ_{l+1}ᵀ W_{l+1} diag(φ'(a_l)): a layer whose φ' is small passes little of the error
on. The largest slope of the sigmoid is φ'(0) = ¼, so ten such layers pass at most 4⁻¹⁰ ≈ 10⁻⁶ of it where weights are
about one; ReLU passes all of it or nothing. Softmax acts on the whole vector, and its derivative is the matrix
∂φ_i/∂a_j = φ_i (δ_ij - φ_j). With two classes φ₁ = 1 / (1 + e^{a₂ - a₁}): one sigmoid of the difference.

Source: Goodfellow, Bengio, Courville, *Deep Learning* (2016), section 6.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from thalweg.diagnosis.style import BLUE, ORANGE, PALE, figure, house_style, label
from thalweg.lessons.text import table, words
from thalweg.network import ACTIVATIONS

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Activations:
    """Numbers of the lesson, by the name of the activation.

    Attributes:
        a: (n,) inputs; softmax is given the two logits (a, 0).
        values: φ(a); of softmax the first output.
        slopes: φ'(a); of softmax ∂φ₁/∂a₁.
        largest: the largest slope there.
        passed: mean of φ'(a)² for a ~ N(0, 1), the share of the error's energy that a layer lets through.
    """

    a: Array
    values: dict[str, Array]
    slopes: dict[str, Array]
    largest: dict[str, float]
    passed: dict[str, float]


def compute(reach: float = 4.0, points: int = 401) -> Activations:
    """Evaluate every registered activation and its derivative.

    Args:
        reach: inputs run from -reach to reach.
        points: how many.
    """
    a = np.linspace(-reach, reach, points, dtype=np.float32)
    values, slopes, passed = {}, {}, {}
    # Nodes and weights that integrate against the density of N(0, 1).
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    for name in ACTIVATIONS:
        values[name], slopes[name] = _evaluate(name, a)
        passed[name] = float(weights @ _evaluate(name, nodes.astype(np.float32))[1] ** 2 / weights.sum())
    return Activations(a, values, slopes, {name: float(slope.max()) for name, slope in slopes.items()}, passed)


def _evaluate(name: str, a: Any) -> tuple[Array, Array]:
    phi = ACTIVATIONS[name]
    if phi.vector:
        logits: Any = np.stack([a, np.zeros_like(a)], axis=-1)
        y = phi.value(logits)
        return np.asarray(y)[:, 0], np.asarray(phi.derivative(logits, y))[:, 0, 0]
    value = phi.value(a)
    return np.asarray(value), np.asarray(phi.derivative(a, value))


def tell(numbers: Activations) -> str:
    """Return the numbers in words."""
    rows = [
        (name, f"{numbers.largest[name]:.2f}", f"{numbers.passed[name]:.3f}", f"{numbers.largest[name] ** 10:.1e}")
        for name in numbers.values
    ]
    header = ("activation", "largest slope", "mean squared slope", "largest slope, ten layers")
    return f"{table(header, rows)}\n\n" + words(
        f"""The largest slopes are those for |a| up to {numbers.a[-1]:.0f}, as drawn; softplus comes to 1 farther out.
        The error vector of a layer is multiplied by the slope on its way back. The sigmoid's is a quarter at best,
        and ten layers of it pass a millionth: the first layers then hardly learn. ReLU's slope is one or nothing,
        whatever the depth. The mean squared slope, over inputs drawn from N(0, 1), is the share of the error's energy
        that one layer lets through. Sign has no slope at all, which is why nothing before it can learn."""
    )


@house_style()
def draw(numbers: Activations) -> Figure:
    """Draw φ and φ' of each, in small multiples of one scale."""
    columns = 4
    rows = -(-(len(numbers.values) + 1) // columns)
    picture = figure(1.6 * rows + 0.3)
    grid = picture.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for axes, name in zip(grid, numbers.values, strict=False):
        axes.axhline(0, color=PALE, lw=0.8, zorder=0)
        axes.axvline(0, color=PALE, lw=0.8, zorder=0)
        axes.plot(numbers.a, numbers.values[name], color=BLUE)
        axes.plot(numbers.a, numbers.slopes[name], color=ORANGE, lw=1.4, ls=(0, (4, 1.5)))
        title = "softmax of (a, 0)" if name == "softmax" else name.replace("_", " ")
        axes.set(xlim=(numbers.a[0], numbers.a[-1]), ylim=(-2.2, 3.2), xticks=(-3, 0, 3), yticks=(-2, 0, 2))
        axes.set_title(title, fontsize=9, pad=4)
    for axes in grid[-columns:]:
        axes.set_xlabel("a")
    for axes in grid[len(numbers.values) :]:
        axes.set_axis_off()
    # The first empty place explains the two lines.
    key = grid[len(numbers.values)]
    for y, text, color, dashes in ((1.2, "φ(a)", BLUE, "-"), (-0.2, "φ'(a)", ORANGE, (0, (4, 1.5)))):
        key.plot([-3.5, -1.5], [y, y], color=color, ls=dashes)
        label(key, -1, y, text, color)
    return picture
