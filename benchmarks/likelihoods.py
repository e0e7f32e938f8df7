"""Noise models on real data: how probable the true values are under each, and whether its intervals hold them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import mean
from typing import Any

from benchmarks.figures import figures
from benchmarks.table import table

SETS = {"uci_concrete": 200, "california": 30, "diamonds": 10}
"""Epochs for each set, all regressions with one target."""

FAMILIES = ("gaussian", "laplace", "huber", "student_t", "heteroscedastic", "gaussian_mixture", "quantile")
COVERAGE = 0.9

INTRODUCTION = """\
The same network (two hidden layers of 64), the same split (a fifth for testing, a tenth of the rest for early stopping)
and the same steps for each family; means over {rounds} seed(s). The score is the mean -ln q(y|x) of the test rows in
nats, in units of the target, lower being better; quantile regression has none. Intervals are central ones of 90 %, as
predicted, without recalibration."""


def measure(*, rounds: int, quick: bool, data: Path) -> str:
    """Return the section's text.

    Args:
        rounds: seeds, each with its own split and starting weights.
        quick: one family and few epochs.
        data: folder of the sets, as Parquet files with a column ``target``.
    """
    parts = [INTRODUCTION.format(rounds=rounds)]
    for name, epochs in list(SETS.items())[: 1 if quick else None]:
        rows = []
        for family in FAMILIES[: 1 if quick else None]:
            print(f"  {name}: {family}", flush=True)
            runs = [_run(data / f"{name}.parquet", family, 2 if quick else epochs, seed) for seed in range(rounds)]
            rows.append([family, *(_mean(run[i] for run in runs) for i in range(3)), _width(runs)])
        parts.append(f"### {name}")
        parts.append(table(["", "mean -ln q, nat", "RMSE", "inside 90 %", "mean width"], rows).strip())
    return "\n\n".join(parts)


def _run(data: Path, family: str, epochs: int, seed: int) -> tuple[Any, ...]:
    """Return loss, root mean squared error, share inside the interval, and its mean width."""
    from thalweg.runs.config import make_config
    from thalweg.runs.run import train_run

    with tempfile.TemporaryDirectory() as folder:
        settings = {
            "data": str(data),
            "target": "target",
            "likelihood": family,
            "hidden": (64, 64),
            "epochs": epochs,
            "validation": 0.1,
            "patience": max(5, epochs // 5),
            "seed": seed,
            "out": f"{folder}/run",
        }
        result = train_run(make_config(settings)).evaluation
    (target,) = result["targets"]
    (held,) = [row for row in target["coverage"] if row["level"] == COVERAGE]
    return result["loss"], result["rmse"], 100 * held["share"], held["width"]


def _mean(values: Any) -> str:
    known = [value for value in values if value is not None]
    return figures(mean(known)) if known else "–"


def _width(runs: list[tuple[Any, ...]]) -> str:
    return _mean(run[3] for run in runs)
