"""What a search finds beside the run as given, and in what time."""

from __future__ import annotations

import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.figures import figures
from benchmarks.table import table

SETS = ("california", "adult")
TRIALS = 30


def measure(*, data: Path, quick: bool) -> str:
    """Return the section's text.

    Args:
        data: folder of the real sets.
        quick: few trials of few epochs.
    """
    if not all((data / f"{name}.parquet").exists() for name in SETS):
        return f"Not measured: {data} does not hold {', '.join(SETS)}."
    trials, settings = (6, {"epochs": 2}) if quick else (TRIALS, {})
    found = [_searched(data / f"{name}.parquet", trials, settings) for name in SETS]
    about = (
        f"`thalweg search` with {trials} trials and everything else left at its default, in one process, against "
        "`thalweg train` with its defaults, seed 0. A fifth of the training rows compares trials; test rows are seen "
        "by the two runs that are compared alone. Processor time tells what a busy machine does not."
    )
    heads = ["", "test loss", "test error or rmse", "seconds", "processor seconds"]
    counts = [
        [
            row["name"],
            *(str(row[state]) for state in ("done", "pruned", "failed")),
            f"{row['minute']:.1f}",
            row["drawn"],
        ]
        for row in found
    ]
    return "\n\n".join(
        (
            about,
            table(heads, [line for row in found for line in row["lines"]]).strip(),
            table(["", "finished", "ended early", "failed", "trials a minute", "best settings"], counts),
        )
    )


def _searched(file: Path, trials: int, settings: dict[str, Any]) -> dict[str, Any]:
    from thalweg.recipes.config import make_config
    from thalweg.runs.run import train_run
    from thalweg.runs.search import search

    with tempfile.TemporaryDirectory() as folder:
        given = {"data": str(file), "target": "target", **settings}
        times = [(time.perf_counter(), time.process_time())]
        usual = train_run(make_config({**given, "out": f"{folder}/usual"}))
        times.append((time.perf_counter(), time.process_time()))
        print(f"  search: {file.stem}", flush=True)
        found = search(**given, trials=trials, out=f"{folder}/search", told=lambda t: print(".", end="", flush=True))
        times.append((time.perf_counter(), time.process_time()))
        print(flush=True)
        assert found.trained is not None, "nobody else works on it"
        assert found.best is not None, "the first trial is finished"
    names = (f"{file.stem}, as given", f"{file.stem}, best of {trials}")
    spent = [[f"{b - a:.0f}" for a, b in zip(*pair, strict=True)] for pair in pairwise(times)]
    lines = [
        [name, figures(run.history[-1]["test_loss"]), figures(_metric(run.evaluation)), *seconds]
        for name, run, seconds in zip(names, (usual, found.trained), spent, strict=True)
    ]
    states = {state: sum(t.state == state for t in found.trials) for state in ("done", "pruned", "failed")}
    drawn = ", ".join(
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in found.best.params.items()
    )
    minutes = (times[2][0] - times[1][0]) / 60
    return {"name": file.stem, "lines": lines, **states, "minute": trials / minutes, "drawn": drawn or "as given"}


def _metric(evaluation: dict[str, Any]) -> float:
    return float(evaluation["error"] if "error" in evaluation else evaluation["rmse"])
