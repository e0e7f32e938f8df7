"""Step sizes found by experiment, against a grid of them: test error of both, and what the experiment costs.

The runs of the grid know nothing of the experiment: a file keeps what they gave, and a later call trains only those
that it lacks. Remove the file where the recipe has changed.
"""

from __future__ import annotations

import json
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
from benchmarks.tables_run import read
from thalweg.core.errors import DivergedError
from thalweg.recipes.config import make_config
from thalweg.recipes.plan import Plan, train_plan
from thalweg.recipes.prepare import prepare
from thalweg.recipes.step_sizes import step_sizes_of
from thalweg.training import Hook, evaluate
from thalweg.training.members import train_members

ROWS = 10_000
"""Training rows of a set are at most so many, drawn at random."""

TEST_ROWS = 10_000
"""Test rows likewise."""

FEW = 600
"""Sets of fewer test rows are trained with all seeds, others with the first."""

FACTORS = 2.0 ** np.arange(-3, 3)
"""The grid, as factors of the recipe's own step size."""

WITHIN, TIME_SHARE, FACTOR = 1.05, 0.15, 2.0
"""What is asked for: of the best grid value's test error, of the training time, and between seeds."""


class Measured(NamedTuple):
    """What was found on one set.

    Attributes:
        rows: to train on.
        auto: step size that each seed's experiment recommends.
        values: the grid.
        grid: mean test error over the seeds at each of its values.
        found: that at the value of least loss on held-out rows, by each seed's own.
        error: mean test error over the seeds with the value of each one's experiment.
        share: processor time of an experiment to that of a run.
        diverged: runs with the recommended value that went to infinity.
    """

    rows: int
    auto: list[float]
    values: list[float]
    grid: np.ndarray
    found: float
    error: float
    share: float
    diverged: int


def measure(*, rounds: int, quick: bool, data: Path, results: Path) -> str:
    """Return the section's text.

    Args:
        rounds: seeds, each with its starting weights, order of rows and rows held out.
        quick: two small sets, of which nothing is kept.
        data: folder of the real sets.
        results: file of JSON lines with the runs of the grid.
    """
    chosen = [name for name in list(SETS)[: 2 if quick else None] if (data / f"{SETS[name].file}.parquet").exists()]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name in chosen:
            rows.append(line(name, of_set(data, name, rounds, Path(folder) / "grid.jsonl" if quick else results)))
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
    "error of the grid's choice",
    "error of `auto`",
    "to the best",
    f"≤ {WITHIN:g}",
    "time",
    f"≤ {TIME_SHARE:.0%}",
    "diverged",
]


def about(seeds: int) -> str:
    """Return what precedes the table."""
    return (
        f"The default recipe. Grid: {len(FACTORS)} values, from {FACTORS[0]:g} to {FACTORS[-1]:g} times the recipe's "
        f"own step size. Errors are misclassified shares, or root mean squared errors. Sets below {FEW} test rows are "
        f"trained with {seeds} seeds, others with one; `auto` and its spread are of {seeds} seeds always. The best of "
        f"the grid is chosen by the test rows themselves, which flatters it most where they are few; the grid's choice "
        f"is the value of least loss on held-out rows. A set gives {ROWS} rows at most to train on, of which 15% are "
        f"held out, and as many to test on. Time is the experiment's processor time to that of one run with its "
        f"preparation, both compiled before."
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
        f"{found.values[int(found.grid.argmin())]:.2g}",
        f"{found.grid.min():.4g}",
        f"{found.found:.4g}",
        f"{found.error:.4g}",
        figures(ratio),
        verdict(ratio <= WITHIN),
        f"{found.share:.1%}",
        verdict(found.share <= TIME_SHARE),
        str(found.diverged),
    ]


def of_set(data: Path, name: str, seeds: int, results: Path) -> Measured:
    """Return what was found on one set."""
    with tempfile.TemporaryDirectory() as folder:
        test_rows, paths = written(data, name, Path(folder))
        trained = range(seeds if test_rows < FEW else 1)
        grids = [grid_of(name, seed, paths, results) for seed in trained]
        settings = [{"target": "target", "seed": seed, **paths} for seed in range(seeds)]
        plans = [prepare(make_config(own)) for own in settings]
        auto = [recommended(plan) for plan in plans]
        # Once more, now that all are compiled: rows held out decide which levels there are, and so the network.
        times = [timed(lambda plan=plan: recommended(plan))[1] for plan in plans]
        runs = [run(settings[seed] | {"learning_rate": auto[seed]}) for seed in trained]
    errors = [error for error, _ in runs]
    test = np.mean([grid["test"] for grid in grids], axis=0)
    found = [grid["test"][int(np.argmin(grid["held_out"]))] for grid in grids]
    return Measured(
        grids[0]["rows"],
        auto,
        grids[0]["values"],
        test,
        float(np.mean(found)),
        float(np.mean(errors)),
        float(np.mean(times)) / float(np.mean([seconds for _, seconds in runs])),
        int(np.isinf(errors).sum()),
    )


def grid_of(name: str, seed: int, paths: dict[str, str], results: Path) -> dict[str, Any]:
    """Return what a file keeps of the grid, once it is trained and written there if it was not."""
    for known in read(results):
        if (known["set"], known["seed"]) == (name, seed):
            return known
    trained = trained_on_the_grid(name, seed, paths)
    with results.open("a", encoding="utf-8") as file:
        file.write(json.dumps(trained) + "\n")
    return trained


def trained_on_the_grid(name: str, seed: int, paths: dict[str, str]) -> dict[str, Any]:
    """Return losses on held-out rows and errors on test rows at each value of the grid, infinite where it diverged."""
    plan = prepare(make_config({"target": "target", "seed": seed, **paths}))
    trained = train_members(
        plan.network,
        plan.likelihood,
        plan.train,
        plan.optimizer,
        epochs=plan.config.epochs,
        seeds=[seed] * len(FACTORS),
        step_factors=FACTORS.tolist(),
        validation=plan.validation,
        stopping=plan.stopping,
    )
    held_out, test = (
        [
            np.inf if m in trained.diverged else judged(plan, *trained.member(m), rows)[quantity]
            for m in range(len(FACTORS))
        ]
        for rows, quantity in ((plan.validation, "loss"), (plan.test, plan.likelihood.metric))
    )
    usual = plan.settings["learning_rate"]
    return {
        "set": name,
        "seed": seed,
        "rows": plan.tables.train.total,
        "values": (usual * FACTORS).tolist(),
        "held_out": held_out,
        "test": test,
    }


def judged(plan: Plan, params: Any, state: Any, rows: Any) -> dict[str, float]:
    """Return loss and error on some rows."""
    return evaluate(plan.network, plan.likelihood, params, state, rows, plan.encoder.target_scale)


def written(data: Path, name: str, folder: Path) -> tuple[int, dict[str, str]]:
    """Write training and test rows of a set as files; return how many test rows there are, and the settings."""
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
        size = len(some)
    return size, paths


def recommended(plan: Plan) -> float:
    """Return the step size that the experiment recommends."""
    return step_sizes_of(plan.config, plan.network, plan.likelihood, plan.train).recommended


def run(settings: dict[str, Any]) -> tuple[float, float]:
    """Return a run's test error, infinite if it diverged, and its processor time with its preparation."""
    train_plan(prepare(make_config(settings)), hooks=[OneEpoch()], test=None)  # compiles
    plan, preparation = timed(lambda: prepare(make_config(settings)))
    try:
        trained, seconds = timed(lambda: train_plan(plan, test=None))
    except DivergedError:
        return np.inf, np.nan
    return judged(plan, trained.params, trained.state, plan.test)[plan.likelihood.metric], preparation + seconds


class OneEpoch(Hook):
    """Ends a run after its first epoch."""

    def on_epoch_end(self, row: Any) -> None:
        self.stop = True


def timed(action: Callable[[], Any]) -> tuple[Any, float]:
    """Return what an action returns, and its processor time in seconds."""
    began = time.process_time()
    result = action()
    return result, time.process_time() - began
