r"""The likelihood chooses the loss: one set of points, four noise models, four fits.

Learning minimizes the mean of -ln q(y|x; θ). What is assumed about the noise is therefore what is minimized:

    Gaussian, deviation σ       ½ (y - f)² / σ² + ln σ + …         squared error
    Laplace, scale b            |y - f| / b + ln 2b                absolute error
    Student t, scale s, ν       ½ (ν + 1) ln(1 + (y - f)² / νs²) + …   far points hardly count
    Gaussian, deviation s(x)    ½ (y - f)² / s(x)² + ln s(x) + …   the network says how sure it is

The error vector is the slope of these: it grows with the distance, stays the same, or falls off again. The constants
are kept, so that costs compare: the noise model under which fresh data cost least describes them best.

Source: Bishop, *Pattern Recognition and Machine Learning* (2006), sections 3.1 and 5.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

import thalweg as tw
from thalweg.diagnosis.style import BLUE, GREEN, INK, ORANGE, PINK, SOFT, figure, house_style, label
from thalweg.lessons.text import table, words

Array = NDArray[Any]

MODELS = {"gaussian": BLUE, "laplace": ORANGE, "student_t": GREEN, "heteroscedastic": PINK}
TITLES = {
    "gaussian": "Gaussian",
    "laplace": "Laplace",
    "student_t": "Student t",
    "heteroscedastic": "Gaussian, own σ(x)",
}


def truth(x: Array) -> Array:
    """Return the curve that the targets scatter around."""
    return np.asarray(np.sin(1.5 * x) + 0.3 * x)


def draw_rows(rows: int, outliers: float, seed: int) -> tuple[Array, Array]:
    """Return rows whose noise grows from left to right, some of them far too high."""
    rng = np.random.default_rng(seed)
    x = np.sort(rng.uniform(-3, 3, rows))
    y = truth(x) + (0.1 + 0.05 * (x + 3)) * rng.normal(size=rows)
    y += (rng.random(rows) < outliers) * rng.uniform(1.5, 3.5, rows)
    return x[:, None].astype(np.float32), y.astype(np.float32)


@dataclass(frozen=True, eq=False)
class NoiseModels:
    """Numbers of the lesson; dictionaries are by likelihood.

    Attributes:
        x: (N, 1) training inputs.
        y: (N,) training targets.
        grid: (n,) inputs for the curves.
        fits: (n,) predicted center, f(x).
        low: (n,) 5 % quantile of the prediction.
        high: (n,) 95 % quantile of the prediction.
        distance: root mean squared distance of the center from the true curve.
        test_cost: mean of -ln q(y|x) on fresh rows, in nats.
        coverage: share of fresh rows between the two quantiles; 0.9 is right.
        residuals: (r,) distances f - y.
        costs: (r,) what such a distance costs, less what none costs.
        errors: (r,) the error vector, the slope of the cost.
    """

    x: Array
    y: Array
    grid: Array
    fits: dict[str, Array]
    low: dict[str, Array]
    high: dict[str, Array]
    distance: dict[str, float]
    test_cost: dict[str, float]
    coverage: dict[str, float]
    residuals: Array
    costs: dict[str, Array]
    errors: dict[str, Array]


def compute(rows: int = 300, outliers: float = 0.1, epochs: int = 600, seed: int = 0) -> NoiseModels:
    """Fit the same network to the same rows under each noise model.

    Args:
        rows: N, rows to train on.
        outliers: share of the rows that lie far too high.
        epochs: passes over the rows.
        seed: of rows and starting weights.
    """
    x, y = draw_rows(rows, outliers, seed)
    fresh_x, fresh_y = draw_rows(4000, outliers, seed + 1)
    grid = np.linspace(-3, 3, 241, dtype=np.float32)
    residuals: Any = np.linspace(-3, 3, 241, dtype=np.float32)[:, None]
    found: dict[str, dict[str, Any]] = {
        part: {} for part in ("fits", "low", "high", "distance", "test_cost", "coverage", "costs", "errors")
    }
    for name in MODELS:
        outputs = 2 if name == "heteroscedastic" else 1
        network = tw.dense_network(1, 24, outputs, activation="tanh")
        settings: dict[str, Any] = {"learning_rate": 0.01, "schedule": "cosine", "epochs": epochs, "seed": seed}
        model = tw.fit(network, x, y, likelihood=name, **settings)
        if name == "student_t":
            # Its scale says which points are far: unlike the others' it moves the fit, so learn under the fitted one.
            model = tw.fit(network, x, y, likelihood=model.likelihood, **settings)
        low, high = _quantiles(model, grid)
        found["fits"][name], found["low"][name], found["high"][name] = model.predict(grid[:, None]), low, high
        found["distance"][name] = float(np.sqrt(np.mean((found["fits"][name] - truth(grid)) ** 2)))
        found["test_cost"][name] = model.evaluate(fresh_x, fresh_y)["loss"]
        fresh_low, fresh_high = _quantiles(model, fresh_x[:, 0])
        found["coverage"][name] = float(np.mean((fresh_low <= fresh_y) & (fresh_y <= fresh_high)))
        if outputs == 1:
            costs = np.asarray(model.likelihood.cost(residuals, np.zeros_like(residuals)))
            found["costs"][name] = costs - costs.min()
            found["errors"][name] = np.asarray(model.likelihood.error(residuals, np.zeros_like(residuals)))[:, 0]
    return NoiseModels(x, y, grid, residuals=residuals[:, 0], **found)


def _quantiles(model: tw.Model, x: Array) -> tuple[Array, Array]:
    predicted = model.predict_dist(x[:, None])
    return tw.probability.quantile(predicted, 0.05)[:, 0], tw.probability.quantile(predicted, 0.95)[:, 0]


def tell(numbers: NoiseModels) -> str:
    """Return the numbers in words."""
    rows = [
        (
            TITLES[name],
            f"{numbers.distance[name]:.3f}",
            f"{numbers.test_cost[name]:.3f}",
            f"{100 * numbers.coverage[name]:.1f} %",
        )
        for name in MODELS
    ]
    best = min(numbers.test_cost, key=lambda name: numbers.test_cost[name])
    header = ("noise model", "distance from the true curve", "cost of fresh rows in nats", "inside the 90 % band")
    return f"{table(header, rows)}\n\n" + words(
        f"""Some of the points lie far too high, and none far too low. Squared error pays for distance with its square,
        so the Gaussian fit is pulled toward them; absolute error pulls with the same force however far a point is, and
        Student's t lets go of it. A network that also predicts the deviation covers the outliers by wider noise. Fresh
        rows cost least under {TITLES[best]} noise: of the four it describes this noise best."""
    )


@house_style()
def draw(numbers: NoiseModels) -> Figure:
    """Draw the four fits with their bands, and what a distance costs under each."""
    picture = figure(4.9)
    grid = picture.subplots(2, 3)
    for axes, name in zip((grid[0, 0], grid[0, 1], grid[1, 0], grid[1, 1]), MODELS, strict=True):
        _draw_fit(axes, numbers, name)
    for axes, curves, title in (
        (grid[0, 2], numbers.costs, "What a distance costs"),
        (grid[1, 2], numbers.errors, "How hard it pulls"),
    ):
        for name, values in curves.items():
            axes.plot(numbers.residuals, values, color=MODELS[name])
        axes.set(title=title, xlabel="f - y", xlim=(-3, 3))
    ends = max(values.max() for name, values in numbers.costs.items() if name != "gaussian")
    grid[0, 2].set(ylabel="cost in nats", ylim=(0, 1.4 * ends))
    grid[1, 2].set_ylabel("error vector δ")
    for place, name in enumerate(numbers.costs):
        label(grid[0, 2], 0, (1.33 - 0.13 * place) * ends, TITLES[name], MODELS[name], ha="center")
    return picture


def _draw_fit(axes: Axes, numbers: NoiseModels, name: str) -> None:
    color = MODELS[name]
    axes.scatter(numbers.x[:, 0], numbers.y, s=4, color=SOFT, alpha=0.5, linewidth=0)
    axes.fill_between(numbers.grid, numbers.low[name], numbers.high[name], color=color, alpha=0.18, lw=0)
    axes.plot(numbers.grid, truth(numbers.grid), color=INK, lw=1, ls=(0, (4, 2)))
    axes.plot(numbers.grid, numbers.fits[name], color=color)
    axes.set(title=TITLES[name], xlabel="x", ylabel="y", xlim=(-3, 3), ylim=(-3, 5.5))
    label(axes, 0.02, 0.95, f"{numbers.test_cost[name]:.2f} nats", color, transform=axes.transAxes, va="top")
