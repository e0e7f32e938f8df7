"""Findings on the default recipe: what a checkup in its cheap form says of runs that should be sound."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from pathlib import Path

from benchmarks.commands import seconds, thalweg
from benchmarks.table import table
from benchmarks.tables_data import SETS

LARGE, ROWS = 15_000, 5000
"""Of sets with more rows than the first, as many as the second are drawn by seed."""

QUICK = ("boston", "energy")

INTRODUCTION = """\
`thalweg train SET --target target` with its defaults, then the findings of its checkup, by severity. A finding of
severity error on these runs is a false one. Of sets of more than {large} rows {rows} are
drawn (seed 0), but for runs that were there already; the column says how many were used.
"""


def measure(*, data: Path, runs: Path | None = None, quick: bool = False) -> str:
    """Return the section's text.

    Args:
        data: folder of the sets.
        runs: folder that keeps the runs; those it holds already are judged anew, not trained again.
        quick: two small sets alone.
    """
    if not data.is_dir():
        return f"Not measured: {data} is not there."
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = runs or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for name in QUICK if quick else SETS:
            run = folder / name
            size = _train(data / f"{SETS[name].file}.parquet", run)
            rows.append([name, *_figures(run, size)])
            print(rows[-1], flush=True)
    columns = ["set", "rows", "error", "warning", "note", "weight", "found"]
    total = [str(sum(int(row[place]) for row in rows)) for place in (2, 3, 4)]
    return INTRODUCTION.format(large=LARGE, rows=ROWS) + "\n" + table(columns, [*rows, ["all", "", *total, "", ""]])


def _train(file: Path, run: Path) -> str:
    """Train one set where the run is not there yet; return its rows in words."""
    import polars as pl

    frame = pl.read_parquet(file)
    whole = len(frame)
    if not (run / "report.html").is_file():
        table_file = run.with_suffix(".parquet")
        (frame.sample(ROWS, seed=0) if whole > LARGE else frame).write_parquet(table_file)
        seconds(thalweg("train", str(table_file), "--target", "target", "--out", str(run)), run.parent)
        table_file.unlink()
    data = json.loads((run / "run.json").read_text())["data"]
    used = sum(data.get(part, 0) for part in ("train_rows", "validation_rows", "test_rows"))
    return f"{used}" + (f" of {whole}" if used < whole else "")


def _figures(run: Path, size: str) -> list[str]:
    from thalweg.runs.diagnosis import findings_of

    found = findings_of(run)
    counts = Counter(finding.severity for finding in found)
    weight = max((finding.weight for finding in found), default=0.0)
    return [
        size,
        *(str(counts[severity]) for severity in ("error", "warning", "note")),
        f"{weight:.2f}",
        ", ".join(finding.cause for finding in found) or "nothing",
    ]
