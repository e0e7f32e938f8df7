r"""Schedules: large steps go far, small ones come to rest; a step size that falls does both.

Near a minimum of curvature λ, with gradients of deviation σ, the mean squared distance v_t = E θ_t² follows

    v_{t+1} = (1 - γ_t λ)² v_t + γ_t² σ² :

the first term is the distance forgotten, the second the noise taken in. A constant γ forgets fast and keeps about
½ γσ²/λ forever, or forgets slowly. The best γ_t takes in as much as it forgets, γ_t = v_t λ / (v_t λ² + σ²), and falls
as 1/λt: then v_t ≈ σ² / (λ²t). Convergence needs Σ γ_t = ∞, to come from everywhere, and Σ γ_t² < ∞, to come to rest.

Source: Robbins, Monro, *A Stochastic Approximation Method* (1951); Bottou, Curtis, Nocedal, *Optimization Methods for
Large-Scale Machine Learning* (2018), section 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from thalweg.diagnosis.landscape import Surface, descend
from thalweg.diagnosis.style import BLUE, GREEN, INK, ORANGE, PINK, figure, house_style
from thalweg.lessons.text import table, words
from thalweg.optimizers import make_step_size

Array = NDArray[Any]

WALKERS = 400
START = 5.0

PLANS: dict[str, tuple[str, dict[str, Any], str]] = {
    "constant": ("constant", {}, ORANGE),
    "step": ("step", {"factor": 0.1}, PINK),
    "cosine": ("cosine", {}, BLUE),
    "inverse time": ("inverse_time", {}, GREEN),
}
"""What is compared: schedule, its options, color."""


def _bowl(theta: Any) -> Any:
    return 0.5 * jnp.sum(theta**2)


BOWL = Surface("bowl", "½ Σ θ_i²", "independent parabolas", _bowl, (START,) * WALKERS, (), ((-6.0, 6.0), (-6.0, 6.0)))


@dataclass(frozen=True, eq=False)
class Schedules:
    """Numbers of the lesson; dictionaries are by plan.

    Attributes:
        rate: γ, the largest step size.
        steps: T.
        sizes: (T,) γ_t.
        squares: (T + 1,) mean of θ_t² over the walkers.
        expected: (T + 1,) the same by the recursion.
        best: (T + 1,) by the recursion, with the best γ_t at every step.
    """

    rate: float
    steps: int
    sizes: dict[str, Array]
    squares: dict[str, Array]
    expected: dict[str, Array]
    best: Array


def compute(rate: float = 0.2, steps: int = 600, seed: int = 0) -> Schedules:
    """Descend a parabola of λ = 1 with noise of σ = 1 under several schedules.

    Args:
        rate: γ.
        steps: T.
        seed: of the noise.
    """
    sizes, squares, expected = {}, {}, {}
    for name, (schedule, options, _) in PLANS.items():
        # With 1/decay steps to halve it, γ_t becomes 1/t in the long run when the decay is γλ.
        chosen = {"decay": rate} if schedule == "inverse_time" else options
        plan = make_step_size(rate, schedule, total_steps=steps, steps_per_epoch=1, options=chosen)
        sizes[name] = np.asarray(jax.vmap(plan.planned)(jnp.arange(steps)), float)
        points = descend(
            BOWL,
            "sgd",
            steps=steps,
            noise=1.0,
            seed=seed,
            learning_rate=rate,
            schedule=schedule,
            schedule_options=chosen,
        ).points
        squares[name] = np.mean(points**2, axis=1)
        expected[name] = _expected(sizes[name])
    return Schedules(rate, steps, sizes, squares, expected, _best(steps))


def _expected(sizes: Array) -> Array:
    values = [START**2]
    for size in sizes.tolist():
        values.append((1 - size) ** 2 * values[-1] + size**2)
    return np.array(values)


def _best(steps: int) -> Array:
    values = [START**2]
    for _ in range(steps):
        size = values[-1] / (values[-1] + 1)
        values.append((1 - size) ** 2 * values[-1] + size**2)
    return np.array(values)


def tell(numbers: Schedules) -> str:
    """Return the numbers in words."""
    rows: list[tuple[object, ...]] = [
        (
            name,
            f"{numbers.sizes[name].sum():.1f}",
            f"{np.sum(numbers.sizes[name] ** 2):.2f}",
            f"{numbers.squares[name][-1]:.5f}",
            f"{numbers.expected[name][-1]:.5f}",
        )
        for name in PLANS
    ]
    rows.append(("best at every step", "", "", "", f"{numbers.best[-1]:.5f}"))
    header = ("schedule", "Σ γ_t", "Σ γ_t²", "mean of θ² at the end", "formula")
    ratio = numbers.expected["constant"][-1] / numbers.expected["cosine"][-1]
    return f"{table(header, rows)}\n\n" + words(
        f"""All begin with γ = {numbers.rate:g} at a distance of {START:g}. The constant step size arrives within a few
        steps and then stays as far off as its noise keeps it. Schedules that fall spend the noise of the first steps
        later: cosine ends {ratio:.0f} times lower. No schedule can be below what the best step size at every step
        leaves, about σ²/(λ²T), and inverse time comes near it without knowing T, but only with the right decay, γλ,
        which one seldom knows. Cosine and stairs need no λ; they need to know how long the run is."""
    )


@house_style()
def draw(numbers: Schedules) -> Figure:
    """Draw the step sizes, and the mean squared distance with theory."""
    picture = figure(3.7)
    sizes, squares = picture.subplots(1, 2)
    t = np.arange(numbers.steps + 1)
    for name, (*_, color) in PLANS.items():
        sizes.plot(t[:-1], numbers.sizes[name], color=color, label=name)
        squares.plot(t + 1, numbers.squares[name], color=color, lw=1.4)
        squares.plot(t + 1, numbers.expected[name], color=INK, lw=1, ls=(0, (1, 2)))
    squares.plot(t + 1, numbers.best, color=INK, lw=1, ls="--", label="best at every step")
    sizes.set(title="Step size", xlabel="step t", ylabel="γ_t", ylim=(0, 1.15 * numbers.rate))
    sizes.legend(loc="upper right", bbox_to_anchor=(1, 0.88))
    squares.set(title="Distance, theory dotted", xlabel="step t + 1", ylabel="mean of θ²")
    squares.set(xscale="log", yscale="log", ylim=(5e-4, 40))
    squares.legend(loc="lower left")
    return picture
