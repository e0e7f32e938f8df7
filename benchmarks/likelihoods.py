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

FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "gaussian": ("gaussian", {}),
    "heteroscedastic": ("heteroscedastic", {}),
    "heteroscedastic, β = 0.5": ("heteroscedastic", {"beta": 0.5}),
    "laplace": ("laplace", {}),
    "huber": ("huber", {}),
    "student_t": ("student_t", {}),
    "gaussian_mixture": ("gaussian_mixture", {}),
    "quantile": ("quantile", {}),
}
"""Title ↦ likelihood and its options."""

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
        for title, (family, options) in list(FAMILIES.items())[: 1 if quick else None]:
            print(f"  {name}: {title}", flush=True)
            more = {"likelihood": family, "likelihood_options": options, "epochs": 2 if quick else epochs}
            runs = [_run(data / f"{name}.parquet", more, seed) for seed in range(rounds)]
            losses = [run[0] for run in runs if run[0] is not None]
            rows.append(
                [
                    title,
                    f"{mean(losses):.3f}" if losses else "–",
                    *(figures(mean(run[i] for run in runs)) for i in (1, 2, 3)),
                ]
            )
        parts.append(f"### {name}")
        parts.append(table(["", "mean -ln q, nat", "RMSE", "inside 90 %", "mean width"], rows).strip())
    return "\n\n".join(parts)


def _run(data: Path, more: dict[str, Any], seed: int) -> tuple[Any, ...]:
    """Return loss, root mean squared error, share inside the interval, and its mean width."""
    from thalweg.recipes.config import make_config
    from thalweg.runs.run import train_run

    with tempfile.TemporaryDirectory() as folder:
        settings = {
            "data": str(data),
            "target": "target",
            "hidden": (64, 64),
            "validation": 0.1,
            "patience": max(5, more["epochs"] // 5),
            "seed": seed,
            "out": f"{folder}/run",
        }
        result = train_run(make_config(settings | more)).evaluation
    (target,) = result["targets"]
    (held,) = [row for row in target["coverage"] if row["level"] == COVERAGE]
    return result["loss"], result["rmse"], 100 * held["share"], held["width"]
