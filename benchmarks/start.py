"""How long commands take to start, in pairs with a process that does the least."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.commands import seconds, thalweg
from benchmarks.figures import duration, verdict
from benchmarks.table import table


def measure(*, rounds: int, quick: bool) -> str:
    """Return the section's text."""
    del quick
    with tempfile.TemporaryDirectory() as folder:
        pairs = _pairs(Path(folder), rounds)
    rows = []
    for (what, base, target), measured in pairs.items():
        longer = median(own - least for own, least in measured)
        own, least = (median(side) for side in zip(*measured, strict=True))
        rows.append(
            [what, duration(own), base, duration(least), duration(longer), f"≤ {target:g} s", verdict(longer <= target)]
        )
    text = (
        f"Whole processes, medians of {rounds} pairs, one after the other; the difference is the median of the pairs'."
    )
    columns = ["command", "takes", "beside", "takes", "longer by", "target", "reached"]
    return text + "\n\n" + table(columns, rows)


def _pairs(folder: Path, rounds: int) -> dict[tuple[str, str, float], list[tuple[float, float]]]:
    nothing, jax = [sys.executable, "-c", "pass"], [sys.executable, "-c", "import jax"]
    warm = folder / "warm"
    found: dict[tuple[str, str, float], list[tuple[float, float]]] = {}
    for number in range(rounds + 1):
        print(f"  start: round {number} of {rounds}", flush=True)
        train = thalweg("train", "iris", "--out")
        took = {
            ("`thalweg --help`", "`python -c pass`", 0.3): (
                seconds(thalweg("--help"), folder),
                seconds(nothing, folder),
            ),
            ("`thalweg train iris`, nothing compiled before", '`python -c "import jax"`', 2.0): (
                seconds([*train, f"cold-{number}"], folder, folder / f"cache-{number}"),
                seconds(jax, folder),
            ),
            ("`thalweg train iris`, again", '`python -c "import jax"`', 1.0): (
                seconds([*train, f"warm-{number}"], folder, warm),
                seconds(jax, folder),
            ),
        }
        # The first round fills the warm cache, and the system's memory with files.
        for key, pair in took.items() if number else ():
            found.setdefault(key, []).append(pair)
    return found
