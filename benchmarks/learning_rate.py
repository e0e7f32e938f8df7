"""Step sizes found by experiment, against a grid of them: test error of both, and what the experiment costs."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from benchmarks.figures import figures, verdict
from benchmarks.table import table
from benchmarks.tables_data import SETS, load
from thalweg.optimizers import OPTIMIZERS
from thalweg.recipes.config import make_config
from thalweg.recipes.plan import Plan, train_plan
from thalweg.recipes.prepare import prepare
from thalweg.recipes.presets import epochs
from thalweg.recipes.step_sizes import COUNT, FEWEST_STEPS, step_sizes_of
from thalweg.training.evaluate import evaluate
from thalweg.training.members import train_members

ROWS = 8_000
"""Training rows of a set are at most so many, drawn at random."""

TEST_ROWS = 5_000
"""Test rows likewise."""

EPOCHS = 20
"""Of sets of 5000 rows and more; smaller ones get more, as in the presets."""

FACTORS = 2.0 ** np.arange(-4, 6)
"""The grid, as factors of the optimizer's usual step size."""

WITHIN, TIME_SHARE, FACTOR = 1.05, 0.15, 2.0
"""What is asked for: of the best grid value's test error, of the training time, and between seeds."""

SETTINGS: dict[str, Any] = {"target": "target", "preset": "plain", "hidden": (128, 128), "validation": 0.15}


class Measured(NamedTuple):
    """What was found on one set.

    Attributes:
        rows: to train on.
        auto: step size that each seed's experiment recommends.
        best: the grid value of least mean test error.
        grid: (10,) mean test error over the seeds at each grid value.
        error: mean test error over the seeds with the value of each one's experiment.
        share: processor time of an experiment to that of a run.
        diverged: runs with the recommended value that went to infinity.
    """

    rows: int
    auto: list[float]
    best: float
    grid: np.ndarray
    error: float
    share: float
    diverged: int


def measure(*, rounds: int, quick: bool, data: Path) -> str:
    """Return the section's text.

    Args:
        rounds: seeds, each with its starting weights, order of rows and rows held out.
        quick: two small sets.
        data: folder of the real sets.
    """
    chosen = list(SETS)[: 2 if quick else None]
    rows = []
    for name in chosen:
        if not (data / f"{SETS[name].file}.parquet").exists():
            continue
        found = of_set(data, name, rounds)
        rows.append(line(name, found))
        print(f"  step sizes: {' | '.join(rows[-1])}", flush=True)
    return f"{about(rounds)}\n\n{table(HEAD, rows).strip()}"


HEAD = [
    "set",
    "rows",
    "`auto`",
    "between seeds",
    f"≤ {FACTOR:g}",
    "best of the grid",
    "its error",
    "error of `auto`",
    "ratio",
    f"≤ {WITHIN:g}",
    "time",
    f"≤ {TIME_SHARE:.0%}",
    "diverged",
]


def about(seeds: int) -> str:
    """Return what precedes the table."""
    return (
        f"A plain network, two hidden layers of {SETTINGS['hidden'][0]}, Adam with a cosine schedule, {EPOCHS} epochs "
        f"(more of sets below 5000 rows), {SETTINGS['validation']:.0%} of the rows held out to keep the best epoch. "
        f"Grid: {len(FACTORS)} values, from {FACTORS[0]:g} to {FACTORS[-1]:g} times 0.001. Errors are misclassified "
        f"shares, or root mean squared errors, means over {seeds} seeds, each with its own starting weights, order and "
        f"held-out rows. The best of the grid is chosen by the test rows themselves, which flatters it most where they "
        f"are few. Training rows are at most {ROWS}, test rows {TEST_ROWS}. Time is the experiment's processor time to "
        f"that of one run with its preparation, both compiled before; each grid is trained as one program. The least "
        f"experiment, {2 * COUNT} networks of {FEWEST_STEPS} steps, has more steps than runs as short as these: the "
        f"time asked for is out of their reach."
    )


def line(name: str, found: Measured) -> list[str]:
    """Return a row of the table."""
    between, ratio = max(found.auto) / min(found.auto), found.error / found.grid.min()
    return [
        name,
        str(found.rows),
        f"{median(found.auto):.2g}",
        figures(between),
        verdict(between <= FACTOR),
        f"{found.best:.2g}",
        f"{found.grid.min():.4g}",
        f"{found.error:.4g}",
        figures(ratio),
        verdict(ratio <= WITHIN),
        f"{found.share:.1%}",
        verdict(found.share <= TIME_SHARE),
        str(found.diverged),
    ]


def of_set(data: Path, name: str, seeds: int) -> Measured:
    """Return what was found on one set."""
    with tempfile.TemporaryDirectory() as folder:
        rows, paths = written(data, name, Path(folder))
        auto, errors, diverged = [], [], 0
        for seed in range(seeds):
            length = epochs(rows, EPOCHS)
            given = SETTINGS | {"epochs": length, "patience": length, "seed": seed, **paths}
            plan = prepare(make_config(given))
            value = recommended(plan)
            errors.append(test_errors(plan, value))
            diverged += not np.isfinite(errors[-1][-1])
            auto.append(value)
        # Each for the second time, so that its program is compiled.
        again = [timed(action)[1] for action in (lambda: recommended(plan), lambda: alone(given, value)) for _ in "ab"]
    mean = np.mean(errors, axis=0)
    usual = OPTIMIZERS["adam"].learning_rate
    grid = mean[:-1]
    return Measured(
        rows, auto, usual * FACTORS[int(grid.argmin())], grid, float(mean[-1]), again[1] / again[3], diverged
    )


def written(data: Path, name: str, folder: Path) -> tuple[int, dict[str, str]]:
    """Write training and test rows of a set as files; return how many rows there are to train on, and the settings."""
    split = load(data, name, 0)
    rng = np.random.default_rng(0)
    size, paths = 0, {}
    parts = (("data", split.x_train, split.y_train, ROWS), ("test", split.x_test, split.y_test, TEST_ROWS))
    for setting, x, y, most in parts:
        some = np.sort(rng.permutation(len(y))[:most])
        target = y[some] if SETS[name].task == "regression" else np.char.add("class ", y[some].astype(str))
        path = folder / f"{setting}.parquet"
        x[some].with_columns(pl.Series("target", target)).write_parquet(path)
        paths[setting] = str(path)
        size = size or len(some)
    return size, paths


def recommended(plan: Plan) -> float:
    """Return the step size that the experiment recommends."""
    return step_sizes_of(plan.config, plan.network, plan.likelihood, plan.train).recommended


def alone(given: dict[str, Any], value: float) -> None:
    """Train a run with this step size to its end."""
    train_plan(prepare(make_config(given | {"learning_rate": value})), test=None)


def test_errors(plan: Plan, value: float) -> np.ndarray:
    """Return the test error at each value of the grid, and with the value found, infinite where training diverged."""
    usual, config = OPTIMIZERS[plan.config.optimizer].learning_rate, plan.config
    factors = [*FACTORS.tolist(), value / usual]
    trained = train_members(
        plan.network,
        plan.likelihood,
        plan.train,
        plan.optimizer,
        epochs=config.epochs,
        seeds=[config.seed] * len(factors),
        step_factors=factors,
        validation=plan.validation,
        stopping=plan.stopping,
    )
    assert plan.test is not None, "the settings name a test set"
    found = []
    for member in range(len(factors)):
        judged = evaluate(plan.network, plan.likelihood, *trained.member(member), plan.test, plan.encoder.target_scale)
        found.append(np.inf if member in trained.diverged else judged[plan.likelihood.metric])
    return np.array(found)


def timed(action: Callable[[], Any]) -> tuple[Any, float]:
    """Return what an action returns, and its processor time in seconds."""
    began = time.process_time()
    result = action()
    return result, time.process_time() - began
