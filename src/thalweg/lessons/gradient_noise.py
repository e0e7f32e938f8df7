r"""Gradient noise: minibatch gradients scatter, a step size keeps the scatter, averaging and falling steps remove it.

The gradient of a minibatch of B of N rows, drawn without replacement, is right on average, and scatters around the
gradient of all rows by

    E ‖g_B - ∇L‖² = S / B · (N - B) / (N - 1),        S = 1/N Σ_n ‖g(n) - ∇L‖² .

Near a minimum of curvature λ, descent with gradients of deviation σ never comes to rest: with a constant step size

    Var θ = γσ² / (λ (2 - γλ)),

about ½ γσ²/λ, while the mean of T points of the way has a variance of about σ² / (λ²T), whatever the step size. The
same noise carries descent out of local minima that plain descent would end in; when the step size falls, it settles.

Sources: Robbins, Monro, *A Stochastic Approximation Method* (1951); Polyak, Juditsky, *Acceleration of Stochastic
Approximation by Averaging* (1992); Mandt, Hoffman, Blei, *Stochastic Gradient Descent as Approximate Bayesian
Inference* (2017).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from thalweg.diagnosis.landscape import SURFACES, Surface, descend
from thalweg.diagnosis.style import BLUE, GREEN, INK, ORANGE, SOFT, figure, house_style, label
from thalweg.lessons.text import table, words

Array = NDArray[Any]

WALKERS = 200


def _bowl(theta: Any) -> Any:
    return 0.5 * jnp.sum(theta**2)


BOWL = Surface("bowl", "½ Σ θ_i²", "independent parabolas", _bowl, (0.0,) * WALKERS, (), ((-1.0, 1.0), (-1.0, 1.0)))


@dataclass(frozen=True, eq=False)
class GradientNoise:
    """Numbers of the lesson.

    Attributes:
        gradients: (N, 2) gradients of the single rows of a line fit, at one θ.
        batches: (b,) minibatch sizes B.
        clouds: B ↦ (draws, 2) minibatch gradients.
        scatter: (b,) mean of ‖g_B - ∇L‖².
        expected_scatter: (b,) the same by the formula.
        rates: (r,) step sizes γ, at λ = σ = 1.
        steps: T.
        variance: (r,) of the points of the second half of the way.
        averaged: (r,) variance of their mean.
        starts: (walkers,) where descents of the wavy valley began.
        ends: noise σ ↦ (walkers,) where they ended.
    """

    gradients: Array
    batches: Array
    clouds: dict[int, Array]
    scatter: Array
    expected_scatter: Array
    rates: Array
    steps: int
    variance: Array
    averaged: Array
    starts: Array
    ends: dict[float, Array]


def compute(rows: int = 512, draws: int = 1000, steps: int = 4000, noise: float = 8.0, seed: int = 0) -> GradientNoise:
    """Measure the scatter of minibatches, what a step size keeps of it, and what it does among local minima.

    Args:
        rows: N of the line fit.
        draws: minibatches of each size.
        steps: T of the walkers.
        noise: σ among the local minima.
        seed: of everything random.
    """
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, rows)
    # At θ = 0 the gradient of row n is -y(n) (x(n), 1).
    y = 1 + 2 * x + 0.5 * rng.normal(size=rows)
    gradients = -y[:, None] * np.stack([x, np.ones_like(x)], axis=1)
    full = gradients.mean(axis=0)
    spread = np.mean(np.sum((gradients - full) ** 2, axis=1))
    batches = np.array([1, 4, 16, 64, 256])
    orders = rng.permuted(np.tile(np.arange(rows), (draws, 1)), axis=1)
    clouds = {size: gradients[orders[:, :size]].mean(axis=1) for size in batches.tolist()}
    scatter = np.array([np.mean(np.sum((cloud - full) ** 2, axis=1)) for cloud in clouds.values()])
    expected = spread / batches * (rows - batches) / (rows - 1)
    rates = np.array([0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 1.5])
    variance, averaged = [], []
    for rate in rates.tolist():
        points = descend(BOWL, "sgd", steps=steps, noise=1.0, seed=seed, learning_rate=rate).points
        late = points[steps // 2 :]
        variance.append(np.mean(late**2))
        averaged.append(np.mean(late.mean(axis=0) ** 2))
    starts = np.linspace(-3.2, 3.2, WALKERS)
    ends = {
        sigma: descend(
            SURFACES["local minima"],
            "sgd",
            steps=8000,
            start=starts.tolist(),
            noise=sigma,
            seed=seed,
            learning_rate=0.04,
            schedule="cosine",
        ).points[-1]
        for sigma in (0.0, noise)
    }
    return GradientNoise(
        gradients,
        batches,
        clouds,
        scatter,
        expected,
        rates,
        steps,
        np.array(variance),
        np.array(averaged),
        starts,
        ends,
    )


def kept(rate: Any) -> Any:
    """Return Var θ = γσ² / (λ (2 - γλ)) at λ = σ = 1."""
    return rate / (2 - rate)


def tell(numbers: GradientNoise) -> str:
    """Return the numbers in words."""
    sizes = [
        (size, f"{found:.4f}", f"{formula:.4f}")
        for size, found, formula in zip(numbers.batches, numbers.scatter, numbers.expected_scatter, strict=True)
    ]
    steps = [
        (f"{rate:g}", f"{found:.4f}", f"{kept(rate):.4f}", f"{mean:.5f}")
        for rate, found, mean in zip(numbers.rates, numbers.variance, numbers.averaged, strict=True)
    ]
    shares = [float(np.mean(np.abs(end) < 0.5)) for end in numbers.ends.values()]
    return "\n\n".join(
        (
            table(("B", "scatter of the gradient", "formula"), sizes),
            table(("step size γ", "variance of a point", "formula", "of the mean"), steps),
            words(
                f"""Four times the rows in a minibatch halve the distance from the true gradient. A constant step size
                keeps a part of the noise that is about proportional to it; the mean over the second half of the way,
                {numbers.steps // 2} points, loses nearly all of it: about 1/{numbers.steps // 2} is left, for small and
                large steps alike. In a valley with local minima {shares[0]:.0%} of the walkers end in the deepest one
                without noise, those that started above it; with noise and a falling step size {shares[1]:.0%} do."""
            ),
        )
    )


@house_style()
def draw(numbers: GradientNoise) -> Figure:
    """Draw clouds of gradients, scatter by size of the minibatch, variance by step size, and ways among minima."""
    picture = figure(5.6)
    clouds, sizes, steps, minima = picture.subplots(2, 2).ravel()
    for size, color in ((4, SOFT), (16, ORANGE), (64, BLUE)):
        clouds.plot(*numbers.clouds[size].T, ".", color=color, ms=2.5, alpha=0.6, label=f"B = {size}", rasterized=True)
    clouds.plot(*numbers.gradients.mean(axis=0), "+", color=INK, ms=12, mew=1.8)
    clouds.legend(loc="upper left", markerscale=3)
    clouds.set(title="Gradients of minibatches", xlabel="slope of θ₁", ylabel="slope of θ₂")
    sizes.plot(numbers.batches, numbers.expected_scatter, color=INK, lw=1, ls=(0, (1, 2)))
    sizes.plot(numbers.batches, numbers.scatter, "o", color=BLUE)
    sizes.set(xscale="log", yscale="log", xlabel="minibatch size B", ylabel="scatter", xticks=numbers.batches)
    sizes.set(xticklabels=[str(size) for size in numbers.batches], title="Scatter falls as 1/B (formula dotted)")
    sizes.minorticks_off()
    _draw_steps(steps, numbers)
    _draw_minima(minima, numbers)
    return picture


def _draw_steps(axes: Axes, numbers: GradientNoise) -> None:
    line = np.geomspace(numbers.rates[0], numbers.rates[-1], 60)
    axes.plot(line, kept(line), color=INK, lw=1, ls=(0, (1, 2)))
    axes.axhline(2 / numbers.steps, color=INK, lw=1, ls=(0, (1, 2)))
    axes.plot(numbers.rates, numbers.variance, "o", color=ORANGE)
    axes.plot(numbers.rates, numbers.averaged, "o", color=BLUE)
    axes.set(xscale="log", yscale="log", xlabel="step size γ (λ = σ = 1)", ylabel="variance", ylim=(1e-4, 10))
    axes.set_title("What a constant step size keeps")
    label(axes, 0.1, 0.25, "a point", ORANGE, ha="right")
    label(axes, 0.1, 1.6e-3, "mean of the way", BLUE)


def _draw_minima(axes: Axes, numbers: GradientNoise) -> None:
    theta = np.linspace(-3.3, 3.3, 400)
    axes.plot(theta, 0.25 * theta**2 + 0.5 * (1 - np.cos(2 * np.pi * theta)), color=SOFT, lw=1)
    for (sigma, ends), color, height in zip(numbers.ends.items(), (ORANGE, GREEN), (-0.4, -0.95), strict=True):
        wells, counts = np.unique(np.round(ends), return_counts=True)
        axes.scatter(wells, np.full(len(wells), height), s=3 * counts, color=color, alpha=0.85, linewidth=0)
        label(axes, 3.5, height, "no noise" if sigma == 0 else "noise", color)
    axes.set(
        title="Where 200 walkers end", xlabel="θ", ylabel="L(θ)", ylim=(-1.4, 3.8), xlim=(-3.4, 5), yticks=(0, 1, 2, 3)
    )
    axes.set(xticks=range(-3, 4))
