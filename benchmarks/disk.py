"""Training from a file larger than should be held in memory, against the same training from memory."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.commands import worker_answer
from benchmarks.figures import figures, ratios, verdict
from benchmarks.machine import memory_bytes
from benchmarks.table import table

FEATURES, HIDDEN, CLASSES, BATCH = 784, 512, 10, 128
RESIDENT, SHARE = 1.5, 0.7
"""Targets: GiB of memory that is not of files, and throughput against that from memory."""


def measure(*, rounds: int, quick: bool, size: float) -> str:
    """Return the section's text.

    Args:
        rounds: pairs of runs.
        quick: a file of a quarter of a GiB.
        size: GiB of the file.
    """
    size = min(size, 0.25) if quick else size
    rows = int(size * 2**30) // (4 * FEATURES)
    # At most a quarter of what is free: the system needs the rest to read ahead, and the set must not swap.
    available = memory_bytes("MemAvailable") or 4 * 2**30
    in_memory = min(rows, available // 4 // (4 * FEATURES))
    with tempfile.TemporaryDirectory() as folder:
        free = shutil.disk_usage(folder).free
        if free < 1.1 * size * 2**30:
            return f"Not measured: {size:g} GiB are needed in the temporary folder, {free / 2**30:.1f} GiB are free."
        file = Path(folder) / "x.npy"
        print(f"  disk: writes {size:g} GiB", flush=True)
        _write(file, rows)
        pairs = []
        for number in range(rounds):
            print(f"  disk: pair {number + 1} of {rounds}", flush=True)
            pairs.append((_run(file, "memory", in_memory), _run(file, "disk", rows)))
    return _text(pairs, rows, in_memory, size)


def _text(pairs: list[tuple[dict[str, Any], dict[str, Any]]], rows: int, in_memory: int, size: float) -> str:
    memory, disk = (list(side) for side in zip(*pairs, strict=True))
    share = median(ratios([run["rate"] for run in disk], [run["rate"] for run in memory]))
    about = (
        f"{FEATURES}-{HIDDEN}-{CLASSES}, batch {BATCH}, Adam: one epoch over a float32 `.npy` file of {size:g} GiB "
        f"({rows} rows), and over its first {in_memory} rows in memory; {len(pairs)} pairs. The file is put out of the "
        "system's cache before each run. Rows a second are counted from the end of the first chunk, which waits for "
        "the compiler. Memory is the largest of `RssAnon + RssShmem`, looked at every 10 ms."
    )
    lines = [
        [what, f"{median(run['rate'] for run in runs):.0f}", _gib([run["resident"] for run in runs])]
        for what, runs in (("from memory", memory), ("from disk", disk))
    ]
    resident = [run["resident"] for run in disk]
    known = None not in resident
    targets = [
        ["throughput, disk to memory", figures(share), f"≥ {SHARE:g}", verdict(share >= SHARE)],
        [
            "memory from disk",
            _gib(resident),
            f"≤ {RESIDENT:g} GiB",
            verdict(max(resident) <= RESIDENT * 2**30) if known else "",
        ],
    ]
    return "\n\n".join(
        (
            about,
            table(["", "rows a second", "memory"], lines).strip(),
            table(["", "measured", "target", "reached"], targets),
        )
    )


def _gib(sizes: list[int | None]) -> str:
    known = [size for size in sizes if size is not None]
    return f"{max(known) / 2**30:.2f} GiB" if known else "not known here"


def _write(file: Path, rows: int) -> None:
    """Write random features, and labels that a linear rule gives, beside them."""
    rng = np.random.default_rng(0)
    rule = rng.standard_normal((FEATURES, CLASSES), dtype=np.float32)
    x = np.lib.format.open_memmap(file, "w+", np.float32, (rows, FEATURES))
    y = np.empty(rows, np.int32)
    for first in range(0, rows, 2**15):
        part = rng.random((min(2**15, rows - first), FEATURES), np.float32)
        x[first : first + len(part)] = part
        y[first : first + len(part)] = np.argmax((part - 0.5) @ rule, axis=1)
    x.flush()
    del x
    np.save(file.with_name("y.npy"), y)


def _run(file: Path, source: str, rows: int) -> dict[str, Any]:
    out_of_cache(file)
    return worker_answer("benchmarks.disk_worker", file, source, rows)


def out_of_cache(file: Path) -> None:
    """Make the system forget the file's contents, where it can be asked to."""
    if not hasattr(os, "posix_fadvise"):
        return
    handle = os.open(file, os.O_RDONLY)
    try:
        os.fsync(handle)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(handle)
