"""One command on a large file: ``python -m benchmarks.stream_worker train|predict|parse FILE …``."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any


def train(file: Path, batch_size: int) -> dict[str, Any]:
    """Train one epoch; a second call takes the encoded rows from their cache."""
    from thalweg.recipes.config import make_config
    from thalweg.runs.run import train_run

    out = file.with_name("again" if file.with_name("first").exists() else "first")
    settings = {"data": str(file), "target": "target", "stream": "on", "hidden": "128,128", "epochs": 1}
    began = time.perf_counter()
    run = train_run(make_config(settings | {"batch_size": batch_size, "out": str(out)}))
    whole = time.perf_counter() - began
    cache = sum(part.stat().st_size for part in file.with_name(f"{file.name}.thalweg").rglob("*"))
    return {"reading": whole - run.seconds, "training": run.seconds, "cache": cache} | run.history[-1]


def predict(file: Path, run: str) -> dict[str, Any]:
    """Predict for every row of the file."""
    from thalweg.cli.main import run as command

    began = time.perf_counter()
    if command(["predict", run, str(file), "-o", str(file.with_name("answers.parquet"))]):
        raise SystemExit(1)
    return {"seconds": time.perf_counter() - began}


def parse(file: Path) -> dict[str, Any]:
    """What Polars' streaming engine takes to parse the file."""
    import polars as pl

    began = time.perf_counter()
    pl.scan_csv(file).select(pl.selectors.numeric().mean()).collect(engine="streaming")
    return {"seconds": time.perf_counter() - began}


def main(what: str, file: str, *more: str) -> None:
    """Do it, and print how long it took and the largest memory."""
    if what == "train":
        answer = train(Path(file), int(more[0]))
    else:
        answer = predict(Path(file), more[0]) if what == "predict" else parse(Path(file))
    unit = 1 if sys.platform == "darwin" else 1024
    print(json.dumps(answer | {"memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit}))


if __name__ == "__main__":
    main(*sys.argv[1:])
