"""The demo: what it reaches on MNIST, and how long it trains."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from statistics import mean

from benchmarks.commands import seconds, thalweg
from benchmarks.figures import figures, verdict
from benchmarks.table import table

SEEDS = (0, 1, 2)
ERROR, SECONDS = 0.014, 60.0
"""Targets: mean test error, and seconds of training of the slowest seed."""


def measure(*, rounds: int, quick: bool) -> str:
    """Return the section's text."""
    del rounds
    runs = [_demo(seed, quick=quick) for seed in SEEDS[: 1 if quick else None]]
    rows = [
        [str(seed), str(epochs), f"{100 * error:.2f} %", figures(trained), figures(whole)]
        for seed, (epochs, error, trained, whole) in zip(SEEDS, runs, strict=False)
    ]
    error, slowest = mean(run[1] for run in runs), max(run[2] for run in runs)
    return "\n\n".join(
        (
            "`thalweg demo --seed SEED`, with nothing compiled before. Training is the sum of seconds in `log.jsonl`.",
            table(["seed", "epochs", "test error", "training, s", "whole command, s"], rows).strip(),
            table(
                ["", "measured", "target", "reached"],
                [
                    ["mean test error", f"{100 * error:.2f} %", f"≤ {100 * ERROR:.1f} %", verdict(error <= ERROR)],
                    ["longest training", f"{figures(slowest)} s", f"≤ {SECONDS:g} s", verdict(slowest <= SECONDS)],
                ],
            ),
        )
    )


def _demo(seed: int, *, quick: bool) -> tuple[int, float, float, float]:
    """Return epochs, test error, seconds of training, and seconds of the whole command."""
    print(f"  mnist: seed {seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        command = thalweg("demo", "--seed", str(seed), "--out", "run", *(["--epochs", "1"] if quick else []))
        whole = seconds(command, Path(folder))
        log = [json.loads(line) for line in (Path(folder) / "run" / "log.jsonl").read_text().splitlines()]
    return len(log), log[-1]["test_error"], sum(row["seconds"] for row in log), whole
