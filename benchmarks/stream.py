"""Training from a CSV file larger than the memory allowed: ``flights`` repeated with noise."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.commands import worker_answer
from benchmarks.disk import out_of_cache
from benchmarks.figures import figures, verdict
from benchmarks.table import table

LIMIT = 2.0
"""Target: GB of memory, the largest that the process ever held, pages of files among it."""

BATCH = 8192


def measure(*, quick: bool, size: float, data: Path) -> str:
    """Return the section's text.

    Args:
        quick: a file of a twentieth of a GB.
        size: GB of the file.
        data: folder of the real sets.
    """
    source = data / "flights.parquet"
    if not source.exists():
        return f"Not measured: {source.name} is not in the folder of the real sets, see `--data`."
    size = min(size, 0.05) if quick else size
    with tempfile.TemporaryDirectory() as folder:
        free = shutil.disk_usage(folder).free
        if free < 2.5e9 * size:
            return f"Not measured: {2.5 * size:g} GB are needed in the temporary folder, {free / 1e9:.1f} GB are free."
        file = Path(folder) / "flights.csv"
        print(f"  stream: writes {size:g} GB", flush=True)
        rows = write(file, source, int(size * 1e9))
        out_of_cache(file)
        print("  stream: trains", flush=True)
        first = worker_answer("benchmarks.stream_worker", "train", file, BATCH)
        print("  stream: trains again, predicts", flush=True)
        again = worker_answer("benchmarks.stream_worker", "train", file, BATCH)
        predicted = worker_answer("benchmarks.stream_worker", "predict", file, Path(folder) / "again")
        out_of_cache(file)
        parsed = worker_answer("benchmarks.stream_worker", "parse", file)
    return _text(first, again, predicted, parsed, rows, file.name, size)


def write(file: Path, source: Path, size: int) -> int:
    """Write the rows of a set over and over, numbers with noise, in the order of its days; return how many rows."""
    frame = pl.read_parquet(source)
    rng = np.random.default_rng(0)
    delays = [name for name, kind in frame.schema.items() if kind.is_float()]
    rows = 0
    with file.open("wb") as stream:
        while stream.tell() < size:
            noisy = frame.with_columns(
                *(
                    pl.Series(name, np.round(frame[name].to_numpy() + rng.normal(size=len(frame)), 3))
                    for name in delays
                ),
                pl.Series("distance", frame["distance"].to_numpy() + rng.integers(-5, 6, len(frame))),
            )
            noisy.write_csv(stream, include_header=rows == 0)
            rows += len(noisy)
    return rows


def _text(
    first: dict[str, Any],
    again: dict[str, Any],
    predicted: dict[str, Any],
    parsed: dict[str, Any],
    rows: int,
    name: str,
    size: float,
) -> str:
    about = (
        f"`thalweg train {name} --target target --stream on --hidden 128,128 --batch-size {BATCH} --epochs 1`: "
        f"{size:g} GB of CSV, {rows} rows in the order of their days. The cache takes "
        f"{first['cache'] / 1e9:.1f} GB. Memory is `ru_maxrss` of the whole process, which counts pages of files too. "
        f"Polars parses the same file in {parsed['seconds']:.0f} s (`scan_csv`, the mean of every number, streaming "
        f"engine) with {parsed['memory'] / 1e9:.2f} GB."
    )
    lines = [
        [
            "first time: hash, survey, encode, shuffle",
            f"{first['reading']:.0f} s",
            f"{first['reading'] / parsed['seconds']:.1f}",
            f"{first['memory'] / 1e9:.2f} GB",
        ],
        ["one epoch and the test", f"{first['training']:.0f} s", f"{first['training'] / parsed['seconds']:.1f}", ""],
        [
            "second time, from the cache, in all",
            f"{again['reading'] + again['training']:.0f} s",
            "",
            f"{again['memory'] / 1e9:.2f} GB",
        ],
        [
            "`thalweg predict` on the same file",
            f"{predicted['seconds']:.0f} s",
            f"{predicted['seconds'] / parsed['seconds']:.1f}",
            f"{predicted['memory'] / 1e9:.2f} GB",
        ],
    ]
    memory = max(run["memory"] for run in (first, again, predicted)) / 1e9
    targets = [["largest memory", f"{figures(memory)} GB", f"< {LIMIT:g} GB", verdict(memory < LIMIT)]]
    return "\n\n".join(
        (
            about,
            table(["", "time", "times Polars' parsing", "memory"], lines).strip(),
            table(["", "measured", "target", "reached"], targets),
        )
    )
