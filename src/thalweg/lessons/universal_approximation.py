r"""One hidden layer can come as close to a function as one likes, if it is wide enough.

A network of M sigmoid neurons and a linear output is a sum of M basis functions,

    f(x; θ) = Σ_i v_i σ(w_i x + b_i) + c,

each a soft step with its center at -b_i / w_i, where its argument is zero, and the slope w_i. Training places the steps
and weighs them. More neurons follow a function more closely, until what is left is the noise.

Sources: G. Cybenko, *Approximation by superpositions of a sigmoidal function* (1989); K. Hornik, M. Stinchcombe,
H. White, *Multilayer feedforward networks are universal approximators* (1989).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

import thalweg as tw
from thalweg.diagnosis.style import BLUE, CYCLE, INK, PALE, SOFT, figure, house_style, label
from thalweg.lessons.text import table, words
from thalweg.network import ACTIVATIONS

Array = NDArray[Any]

NOISE = 0.15
"""Standard deviation of the noise on the targets."""


def target(x: Array) -> Any:
    """Return the function to be learned: a wave that grows faster from left to right, and a step."""
    return np.sin(0.25 * (x + 4) ** 2) + 0.8 * np.tanh(4 * (x - 1))


@dataclass(frozen=True, eq=False)
class Approximation:
    """Numbers of the lesson.

    Attributes:
        x: (N,) training inputs.
        y: (N,) training targets, with noise.
        grid: (n,) inputs on which the fits are compared with the function.
        truth: (n,) the function there.
        fits: number of neurons ↦ (n,) the network's answer.
        rmse: number of neurons ↦ root mean squared distance from the function, without its noise.
        constant: the same for the best constant, a network without neurons.
        centers: number of neurons ↦ (M,) where each basis function has its center, -b_i / w_i.
        slopes: number of neurons ↦ (M,) w_i.
        steps: number of neurons ↦ (n, M) the basis functions σ(w_i x + b_i).
        heights: number of neurons ↦ (M,) the output's weight of each, v_i.
    """

    x: Array
    y: Array
    grid: Array
    truth: Array
    fits: dict[int, Array]
    rmse: dict[int, float]
    constant: float
    centers: dict[int, Array]
    slopes: dict[int, Array]
    steps: dict[int, Array]
    heights: dict[int, Array]


def compute(
    neurons: Sequence[int] = (1, 2, 4, 8, 16, 32, 64),
    rows: int = 400,
    epochs: int = 600,
    starts: int = 3,
    seed: int = 2,
) -> Approximation:
    """Fit one network for each number of neurons to the same noisy rows.

    Args:
        neurons: widths M of the hidden layer.
        rows: training rows N.
        epochs: steps of L-BFGS over all rows.
        starts: starting weights to try; the fit of least training loss counts, since narrow networks have local minima.
        seed: of noise and starting weights.
    """
    rng = np.random.default_rng(seed)
    x = np.sort(rng.uniform(-4, 4, rows)).astype(np.float32)
    y = (target(x) + rng.normal(0, NOISE, rows)).astype(np.float32)
    grid = np.linspace(-4, 4, 401, dtype=np.float32)
    truth = target(grid)
    fits, rmse, centers, slopes, steps, heights = {}, {}, {}, {}, {}, {}
    for m in neurons:
        network = tw.dense_network(1, m, 1, activation="sigmoid")
        models = [
            tw.fit(network, x[:, None], y, likelihood="gaussian", optimizer="lbfgs", epochs=epochs, seed=seed + start)
            for start in range(starts)
        ]
        model = min(models, key=lambda model: model.history[-1]["train_loss"])
        fits[m] = model.predict(grid[:, None])
        rmse[m] = float(np.sqrt(np.mean((fits[m] - truth) ** 2)))
        hidden, _, output = model.params
        w, b = np.asarray(hidden["weight"])[:, 0], np.asarray(hidden["bias"])
        centers[m], slopes[m], heights[m] = -b / w, w, np.asarray(output["weight"])[0]
        steps[m] = np.asarray(ACTIVATIONS["sigmoid"].value(grid[:, None] * w + b))
    constant = float(np.sqrt(np.mean((y.mean() - truth) ** 2)))
    return Approximation(x, y, grid, truth, fits, rmse, constant, centers, slopes, steps, heights)


def tell(numbers: Approximation) -> str:
    """Return the numbers in words."""
    rows: list[tuple[object, ...]] = [("none", 1, f"{numbers.constant:.3f}")]
    rows += [(m, 3 * m + 1, f"{error:.3f}") for m, error in numbers.rmse.items()]
    header = ("neurons", "parameters", "distance from the function (rmse)")
    best = min(numbers.rmse, key=lambda m: numbers.rmse[m])
    return f"{table(header, rows)}\n\n" + words(
        f"""Each neuron adds one soft step: its place is -b/w, its steepness w, and the output decides how high it is.
        Few steps can follow only the coarse shape; with {best} the network stays within {numbers.rmse[best]:.3f} of the
        function, although the targets it saw had noise of deviation {NOISE}. Beyond some width more neurons gain
        little: what is left comes from the noise, and only more data would lower it."""
    )


@house_style()
def draw(numbers: Approximation) -> Figure:
    """Draw the fits, the error by number of neurons, and the basis functions of one network."""
    picture = figure(5.6)
    fits, errors, basis, parts = picture.subplots(2, 2).ravel()
    _draw_fits(fits, numbers)
    _draw_errors(errors, numbers)
    shown = min(numbers.steps, key=lambda m: abs(m - 8))
    _draw_basis(basis, parts, numbers, shown)
    return picture


def _draw_fits(axes: Axes, numbers: Approximation) -> None:
    widths = list(numbers.fits)
    axes.scatter(numbers.x, numbers.y, s=4, color=SOFT, alpha=0.35, linewidth=0)
    for m, color in zip((widths[0], widths[len(widths) // 3], widths[-1]), CYCLE, strict=False):
        axes.plot(numbers.grid, numbers.fits[m], color=color, label=f"{m} neuron{'s' * (m > 1)}")
    axes.legend(loc="upper left", ncols=3, handlelength=1.2, columnspacing=1, borderaxespad=0)
    axes.set(title="The same data, three widths", xlabel="x", ylabel="y", ylim=(-2.6, 3.2), xlim=(-4, 4))


def _draw_errors(axes: Axes, numbers: Approximation) -> None:
    widths, errors = list(numbers.rmse), list(numbers.rmse.values())
    axes.axhline(numbers.constant, color=SOFT, lw=1, ls="--")
    label(axes, widths[-1], 1.08 * numbers.constant, "best constant", SOFT, ha="right", va="bottom")
    axes.axhline(NOISE, color=SOFT, lw=1, ls=":")
    label(axes, widths[-1], 1.08 * NOISE, "noise of one target", SOFT, ha="right", va="bottom")
    axes.plot(widths, errors, "o-", color=BLUE)
    axes.set(xscale="log", yscale="log", xticks=widths, yticks=(0.02, 0.05, 0.1, 0.2, 0.5, 1), ylim=(0.02, 1.5))
    axes.set_xticklabels(map(str, widths))
    axes.set_yticklabels(("0.02", "0.05", "0.1", "0.2", "0.5", "1"))
    axes.minorticks_off()
    axes.set(title="More neurons come closer", xlabel="hidden neurons", ylabel="distance from the function (rmse)")


def _draw_basis(basis: Axes, parts: Axes, numbers: Approximation, m: int) -> None:
    order = np.argsort(numbers.centers[m])
    for i, color in zip(order, CYCLE * m, strict=False):
        basis.plot(numbers.grid, numbers.steps[m][:, i], color=color, lw=1.3)
        if abs(numbers.centers[m][i]) <= 4:
            basis.plot(numbers.centers[m][i], 0.5, "o", color=color, ms=5, clip_on=False)
        parts.plot(numbers.grid, numbers.heights[m][i] * (numbers.steps[m][:, i] - 0.5), color=color, lw=1)
    basis.set(title=f"Its {m} basis functions, and their centers", xlabel="x", ylabel="σ(wx + b)", xlim=(-4, 4))
    parts.plot(numbers.grid, numbers.fits[m], color=INK, lw=2.2)
    parts.set(title="Weighed and summed", xlabel="x", ylabel="y", xlim=(-4, 4))
    label(parts, -3.9, float(numbers.fits[m][0]) + 0.1 * np.ptp(parts.get_ylim()), "sum", INK, fontweight="bold")
    for axes in (basis, parts):
        axes.axhline(0, color=PALE, lw=0.8, zorder=0)
