r"""A kernel density estimate puts a bump on every point, and its width decides nearly everything.

From points x(1) … x(N) it makes the density

    p̂(x) = 1/N Σ_n h⁻¹ k((x - x(n)) / h)

with a kernel k and a bandwidth h. Too small an h shows the points instead of their density, too large an h washes its
shape away; cross-validation takes the h under which each point is most likely given all others. The shape of the kernel
hardly matters once kernels are compared at the same standard deviation. As h → 0 the bumps become Dirac impulses and p̂
the empirical distribution, under which an expectation is a sample mean, E[g(X)] = 1/N Σ g(x(n)).

Source: Silverman, *Density Estimation for Statistics and Data Analysis* (1986), chapters 2 and 3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

import thalweg as tw
from thalweg.diagnosis.style import BLUE, CYCLE, INK, ORANGE, PALE, SOFT, figure, house_style, label
from thalweg.lessons.text import table, words
from thalweg.probability.kernels import KERNELS

Array = NDArray[Any]

SHAPES = ("gaussian", "epanechnikov", "triangular", "uniform")


@dataclass(frozen=True, eq=False)
class Estimates:
    """Numbers of the lesson.

    Attributes:
        points: (N,) draws.
        grid: (n,) where densities are evaluated.
        truth: (n,) density that the points come from.
        bandwidths: "too small", "cross-validated", "too large" ↦ h.
        densities: the same names ↦ (n,) estimate with a Gaussian kernel.
        errors: the same names ↦ integrated squared error ∫ (p̂ - p)² dx.
        shapes: kernel ↦ (n,) the kernel itself, scaled to the standard deviation of the best bandwidth.
        by_kernel: kernel ↦ (n,) estimate with that bandwidth.
        steps: (n,) distribution function of the points alone, each of probability 1/N.
        smooth: (n,) distribution function of the cross-validated estimate.
        means: E[X] and E[X²] under the truth, the empirical distribution and the estimate.
    """

    points: Array
    grid: Array
    truth: Array
    bandwidths: dict[str, float]
    densities: dict[str, Array]
    errors: dict[str, float]
    shapes: dict[str, Array]
    by_kernel: dict[str, Array]
    steps: Array
    smooth: Array
    means: dict[str, tuple[float, float]]


def compute(points: int = 150, seed: int = 1) -> Estimates:
    """Draw points from a density with two peaks and estimate it in several ways.

    Args:
        points: N.
        seed: of the draws.
    """
    import jax
    from numpyro.distributions import Categorical, MixtureSameFamily, Normal

    p = MixtureSameFamily(Categorical(np.array([0.6, 0.4])), Normal(np.array([-1.5, 1.5]), np.array([0.8, 0.5])))
    x = np.sort(np.asarray(p.sample(jax.random.key(seed), (points,)), float))
    grid = np.linspace(-5, 4, 601)
    truth = np.exp(np.asarray(p.log_prob(grid), float))
    best, empirical = tw.probability.KernelDensity(x, "cv"), tw.probability.Empirical(x)
    h = float(best.scale_tril[0, 0])
    bandwidths = {"too small": h / 6, "cross-validated": h, "too large": 4 * h}
    estimates = {
        name: np.asarray(tw.probability.KernelDensity(x, width).pdf(grid)) for name, width in bandwidths.items()
    }
    # At the same standard deviation of the bump, kernels of every shape can be compared.
    widths = {kernel: h / math.sqrt(KERNELS[kernel].variance(1)) for kernel in SHAPES}
    return Estimates(
        points=x,
        grid=grid,
        truth=truth,
        bandwidths=bandwidths,
        densities=estimates,
        errors={name: float(np.trapezoid((estimate - truth) ** 2, grid)) for name, estimate in estimates.items()},
        shapes={k: np.asarray(tw.probability.KernelDensity(np.zeros(1), w, k).pdf(grid)) for k, w in widths.items()},
        by_kernel={k: np.asarray(tw.probability.KernelDensity(x, w, k).pdf(grid)) for k, w in widths.items()},
        steps=tw.probability.cdf(empirical, grid),
        smooth=np.asarray(best.cdf(grid)),
        means={
            name: _moments(d) for name, d in (("truth", p), ("empirical distribution", empirical), ("estimate", best))
        },
    )


def _moments(d: Any) -> tuple[float, float]:
    mean, variance = float(tw.probability.mean(d)), float(tw.probability.variance(d))
    return mean, variance + mean**2


def tell(numbers: Estimates) -> str:
    """Return the numbers in words."""
    rows = [(name, f"{h:.2f}", f"{numbers.errors[name]:.4f}") for name, h in numbers.bandwidths.items()]
    means = [(name, f"{first:.3f}", f"{second:.3f}") for name, (first, second) in numbers.means.items()]
    h = numbers.bandwidths["cross-validated"]
    return (
        f"{table(('bandwidth', 'h', 'integrated squared error'), rows)}\n\n"
        f"{table(('expectation under', 'E[X]', 'E[X²]'), means)}\n\n"
    ) + words(
        f"""{len(numbers.points)} points and their estimate. A bandwidth six times too small gives every point a peak of
        its own; one four times too large all but fuses two groups into one. Cross-validation finds h = {h:.2f} without
        knowing the truth. The four kernels, brought to one standard deviation, give nearly the same estimate.""",
        f"""Without any bump at all, each point carries the mass 1/N: expectations are then sample means. A Gaussian
        bump leaves the mean where it is and adds its own variance, h² = {h * h:.3f}, to the second moment.""",
    )


@house_style()
def draw(numbers: Estimates) -> Figure:
    """Draw three bandwidths above; kernels, their estimates, and the distribution function below."""
    picture = figure(4.6)
    grid = picture.subplots(2, 3)
    for axes, (name, estimate), color in zip(grid[0], numbers.densities.items(), (ORANGE, BLUE, ORANGE), strict=True):
        axes.fill_between(numbers.grid, numbers.truth, color=PALE, lw=0)
        axes.plot(numbers.grid, estimate, color=color, lw=1.4)
        axes.plot(numbers.points, np.full_like(numbers.points, -0.03), "|", color=SOFT, ms=5, alpha=0.6)
        title = f"{name[0].upper()}{name[1:]}: h = {numbers.bandwidths[name]:.2f}"
        axes.set(title=title, ylim=(-0.06, 0.75), xlim=(-5, 4), xlabel="x")
    grid[0, 0].set_ylabel("density")
    label(grid[0, 1], 2.1, 0.3, "truth", SOFT)
    shapes, estimates, steps = grid[1]
    for order, (kernel, color) in enumerate(zip(SHAPES, CYCLE, strict=False)):
        shapes.plot(numbers.grid, numbers.shapes[kernel], color=color, lw=1.4, label=kernel)
        estimates.plot(numbers.grid, numbers.by_kernel[kernel], color=color, lw=1.2, zorder=4 - order)
    reach = 3.2 * numbers.bandwidths["cross-validated"]
    shapes.set(title="Four kernels", xlabel="x - x(n)", ylabel="density", xlim=(-reach, reach))
    shapes.set_ylim(0, 1.75 * shapes.get_ylim()[1])
    shapes.legend(loc="upper left", ncols=2, handlelength=1, columnspacing=0.8, borderaxespad=0, fontsize=8)
    estimates.set(title="… give one estimate", xlabel="x", xlim=(-5, 4), ylim=(0, 0.5))
    steps.plot(numbers.grid, numbers.smooth, color=BLUE, lw=1.4)
    steps.plot(numbers.grid, numbers.steps, color=INK, lw=0.9, drawstyle="steps-post")
    steps.set(title="No bump: a staircase", xlabel="x", ylabel="P(X ≤ x)", xlim=(-5, 4), ylim=(0, 1.02))
    label(steps, -1.1, 0.25, "1/N a point", INK)
    label(steps, -4.8, 0.85, "Gaussian bumps", BLUE)
    return picture
