r"""A neuron weighs its inputs, a layer is a row of neurons, a network a cascade of layers.

A neuron with weights w, bias b and activation φ answers x = φ(a) with a = wᵀ x_in + b. It changes its mind on the line
a = 0, which stands at right angles to w at the distance -b / ‖w‖₂ from the origin. A layer of c neurons over d inputs
does that c times, a = W x_in + b, and has c·(d + 1) parameters; the next layer takes its output as input:

    x_l = φ(W_l x_{l-1} + b_l),   N_p = Σ M_l (M_{l-1} + 1),   N_× = Σ M_l M_{l-1}.

Here three neurons draw the sides of a triangle, and a fourth says where all three agree.

Source: Bishop, *Pattern Recognition and Machine Learning* (2006), section 5.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

import thalweg as tw
from thalweg.diagnosis.style import BLUE, GREEN, INK, ORANGE, PALE, SEQUENTIAL, SOFT, figure, house_style, label
from thalweg.lessons.text import table, words

Array = NDArray[Any]

NETWORK = tw.Network(2, (tw.Dense(3), tw.Activation("sigmoid"), tw.Dense(1), tw.Activation("sigmoid")))
SIDES = np.array([[0.0, 1.0], [-0.87, -0.5], [0.87, -0.5]])
"""Normals of the triangle's sides, pointing inward."""
PARAMS: tuple[Any, ...] = (
    {"weight": 6 * SIDES, "bias": np.array([6.0, 6.0, 6.0])},
    {},
    {"weight": np.array([[9.0, 9.0, 9.0]]), "bias": np.array([-23.0])},
    {},
)
"""One entry a layer, set by hand: steep neurons, one unit from the origin, and one that wants all three."""


@dataclass(frozen=True, eq=False)
class Neuron:
    """Numbers of the lesson.

    Attributes:
        axis: (n,) values of x₁ and of x₂.
        hidden: (n, n, 3) outputs of the hidden layer over the plane, x₂ along the first axis.
        output: (n, n) output of the cascade.
        distances: (3,) signed distances -b / ‖w‖₂ of the lines a = 0 from the origin, along w.
        parameters: N_p of each layer, c·(d + 1).
        multiplications: N_× of each layer, c·d.
        digits: N_p of the usual 784-512-10 network for digits.
    """

    axis: Array
    hidden: Array
    output: Array
    distances: Array
    parameters: tuple[int, ...]
    multiplications: tuple[int, ...]
    digits: int


def compute(points: int = 201) -> Neuron:
    """Run the cascade over the plane and count its parameters.

    Args:
        points: of the grid along each axis.
    """
    axis = np.linspace(-3, 3, points)
    plane: Any = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    first = tw.Network(2, NETWORK.layers[:2])
    hidden = np.asarray(first.apply(PARAMS[:2], first.init_state(), plane))
    output = np.asarray(NETWORK.apply(PARAMS, NETWORK.init_state(), plane))
    dense = [row for row in tw.summary(NETWORK).rows if row.parameters]
    return Neuron(
        axis,
        hidden.reshape(points, points, 3),
        output.reshape(points, points),
        -PARAMS[0]["bias"] / np.linalg.norm(PARAMS[0]["weight"], axis=1),
        tuple(row.parameters for row in dense),
        tuple(row.multiplications for row in dense),
        tw.summary(tw.dense_network(784, (512,), 10)).parameters,
    )


def tell(numbers: Neuron) -> str:
    """Return the numbers in words."""
    rows = [
        (f"layer {i + 1}: {c} × ({d} + 1)", n, m)
        for i, (c, d, n, m) in enumerate(zip((3, 1), (2, 3), numbers.parameters, numbers.multiplications, strict=True))
    ]
    rows.append(("whole cascade", sum(numbers.parameters), sum(numbers.multiplications)))
    return f"{table(('', 'parameters', 'products'), rows)}\n\n" + words(
        f"""Each hidden neuron says yes on one side of a line that stands at right angles to its weights; all three
        lines pass the origin at {abs(numbers.distances[0]):.2f}, which is b / ‖w‖. Alone, a neuron can only
        cut the plane in two. The second layer adds up the three answers and says yes where their sum is high enough: a
        triangle, which no single neuron can draw.""",
        f"""A layer of c neurons over d inputs has c·(d + 1) parameters. The 784-512-10 network that reads digits is
        built in the same way and has {numbers.digits:,}.""",
    )


@house_style()
def draw(numbers: Neuron) -> Figure:
    """Draw one neuron, the layer's lines, the cascade's answer, and the cascade."""
    picture = figure(6.4)
    one, lines, all_three, cascade = picture.subplots(2, 2).ravel()
    _plane(one, numbers, numbers.hidden[..., 1], "One neuron cuts the plane")
    one.contour(numbers.axis, numbers.axis, numbers.hidden[..., 1], [0.5], colors=ORANGE)
    _plane(lines, numbers, numbers.hidden.mean(axis=-1), "A layer: three cuts")
    mesh = _plane(all_three, numbers, numbers.output, "The cascade: where all three agree")
    for k, color in enumerate((BLUE, ORANGE, GREEN)):
        lines.contour(numbers.axis, numbers.axis, numbers.hidden[..., k], [0.5], colors=color)
        _arrow(lines, k, color)
    _arrow(one, 1, ORANGE)
    foot = numbers.distances[1] * SIDES[1]
    label(one, foot[0] - 0.55, foot[1] + 1.4, "a = 0", ORANGE, ha="left")
    label(one, foot[0] + 0.75 * SIDES[1, 0], foot[1] + 0.75 * SIDES[1, 1], "w", ORANGE, ha="right")
    picture.colorbar(mesh, ax=(one, all_three), location="left", shrink=0.4, label="output φ(a)")
    _cascade(cascade, numbers)
    return picture


def _plane(axes: Axes, numbers: Neuron, values: Array, title: str) -> Any:
    mesh = axes.pcolormesh(
        numbers.axis, numbers.axis, values, cmap=SEQUENTIAL, vmin=0, vmax=1, shading="nearest", rasterized=True
    )
    axes.set(title=title, xlabel="x₁", ylabel="x₂", aspect="equal", xticks=range(-3, 4), yticks=range(-3, 4))
    return mesh


def _arrow(axes: Axes, neuron: int, color: str) -> None:
    """Draw the direction of a neuron's weights, from its line."""
    foot = -SIDES[neuron]
    axes.annotate("", foot + 0.7 * SIDES[neuron], foot, arrowprops={"arrowstyle": "-|>", "color": color, "lw": 1.8})


def _cascade(axes: Axes, numbers: Neuron) -> None:
    """Draw inputs, neurons and the weights between them."""
    columns = [[(0.0, y) for y in (1.5, 0.5)], [(1.0, y) for y in (2.0, 1.0, 0.0)], [(2.0, 1.0)]]
    for left, right in pairwise(columns):
        for start in left:
            for end in right:
                axes.plot(*zip(start, end, strict=True), color=PALE, lw=1.4, zorder=0)
    names, colors = [["x₁", "x₂"], ["", "", ""], [""]], [[SOFT] * 2, [BLUE, ORANGE, GREEN], [INK]]
    for column, texts, shades in zip(columns, names, colors, strict=True):
        for (x, y), text, color in zip(column, texts, shades, strict=True):
            axes.scatter(x, y, s=420, color="white", edgecolor=color, linewidth=1.8)
            axes.text(x, y, text or "φ", ha="center", va="center", color=color)
    for x, count, formula in zip((1, 2), numbers.parameters, ("3·(2 + 1)", "1·(3 + 1)"), strict=True):
        axes.text(x, -0.75, f"{formula} = {count}\nparameters", ha="center", va="center", fontsize=8.5)
    axes.set(title="Its parameters", xlim=(-0.4, 2.5), ylim=(-1.1, 2.5))
    axes.set_axis_off()
