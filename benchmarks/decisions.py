"""Decisions on real sets: do they cost less than the most probable class, and can the probabilities be believed?"""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.figures import verdict
from benchmarks.table import table

COSTS = [[0.0, 1.0], [5.0, 0.0]]
"""Rows: true class, the second the one of interest; a false negative costs 5, a false positive 1."""

POSITIVE = {"adult": ">50K", "bank": "yes"}
LEVELS = (0.8, 0.9, 0.95)
SPLITS = 50
SETTINGS = {"hidden": "128,64", "validation": 0.2, "seed": 0}


def measure(*, data: Path, quick: bool) -> str:
    """Return the section's text.

    Args:
        data: folder with adult, bank, letter and california as Parquet.
        quick: two epochs.
    """
    missing = [name for name in ("adult", "bank", "letter", "california") if not (data / f"{name}.parquet").exists()]
    if missing:
        return f"Not measured: {', '.join(missing)} not found in the folder of `--data`."
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")  # test rows that repeat training rows
        runs = {
            name: _train(data, name, Path(folder), epochs=2 if quick else epochs)
            for name, epochs in (("adult", 20), ("bank", 20), ("letter", 60), ("california", 40))
        }
    about = (
        "Networks of 128 and 64 ReLU units, a fifth of the training rows held out, seed 0; 20 epochs (letter 60, "
        "california 40, heteroscedastic Gaussian). A false negative costs 5, a false positive 1. Costs are means a "
        "test row; the interval is a bootstrap of row pairs, 9999 draws. Held-out rows fit the calibration."
    )
    errors = (
        "Expected calibration error (ECE, 15 bins of equal mass of the winning probability) and negative "
        "log-likelihood on test rows:"
    )
    intervals = (
        "Split-conformal intervals on california, held-out and test rows split anew 50 times: mean share of values "
        "inside, its 5 % and 95 % quantiles over the splits, and mean width in dollars. Split-conformal prediction "
        "promises the mean."
    )
    return "\n\n".join(
        (
            about,
            _costs({name: runs[name] for name in POSITIVE}),
            errors,
            _calibration({name: runs[name] for name in ("adult", "bank", "letter")}),
            intervals,
            _coverage(*runs["california"]),
        )
    )


def _train(data: Path, name: str, folder: Path, epochs: int) -> tuple[Any, Any, Any]:
    """Train by the command's own code; return model, held-out rows and test rows."""
    import polars as pl
    from sklearn.model_selection import train_test_split

    from thalweg.recipes.config import make_config
    from thalweg.recipes.tables import make_tables
    from thalweg.runs.run import train_run

    print(f"  decisions: trains {name}", flush=True)
    frame = pl.read_parquet(data / f"{name}.parquet")
    if "is_test" not in frame.columns:
        strata = None if name == "california" else frame["target"].to_numpy()
        _, test = train_test_split(np.arange(len(frame)), test_size=0.2, random_state=0, stratify=strata)
        frame = frame.with_columns(is_test=pl.Series(np.isin(np.arange(len(frame)), test)))
    file = folder / f"{name}.parquet"
    frame.write_parquet(file)
    kind = {"likelihood": "heteroscedastic"} if name == "california" else {}
    config = make_config({"data": str(file), "epochs": epochs, "out": str(folder / name)} | SETTINGS | kind)
    model = train_run(config).model
    tables = make_tables(config)
    return model, tables.validation, tables.test


def _costs(runs: dict[str, tuple[Any, Any, Any]]) -> str:
    from thalweg.decisions import CostMatrix, compare, decide
    from thalweg.decisions.calibration import fit_calibration

    rows = []
    for name, (model, held_out, test) in runs.items():
        names = [str(label) for label in model.classes]
        other = next(label for label in names if label != POSITIVE[name])
        cost = CostMatrix(COSTS, [other, POSITIVE[name]])
        y = model.encoder.targets(test)
        raw = model.predict_dist(test)
        mended = fit_calibration("temperature", model.predict_dist(held_out), model.encoder.targets(held_out))(raw)
        for way, distribution in (("as trained", raw), ("temperature", mended)):
            found = compare(decide(distribution, cost, classes=names), y)
            rows.append(
                [
                    f"{name}, {way}",
                    f"{found.rows}",
                    f"{found.map_realized:.4f}",
                    f"{found.realized:.4f}",
                    f"{found.expected:.4f}",
                    f"{found.difference:.4f}",
                    f"{found.low:.4f} to {found.high:.4f}",
                    verdict(found.high < 0),
                ]
            )
    head = ["", "test rows", "MAP cost", "cost", "expected", "difference", "95 % interval", "below 0"]
    return table(head, rows).strip()


def _calibration(runs: dict[str, tuple[Any, Any, Any]]) -> str:
    from thalweg.decisions.calibration import fit_calibration, nll, reliability
    from thalweg.decisions.outcomes import class_probabilities

    rows = []
    for name, (model, held_out, test) in runs.items():
        y, raw = model.encoder.targets(test), model.predict_dist(test)
        cells = []
        for method in (None, "temperature", "isotonic"):
            mended = raw
            if method is not None:
                known = model.encoder.targets(held_out)
                mended = fit_calibration(method, model.predict_dist(held_out), known)(raw)
            p: Any = class_probabilities(mended)
            curve = reliability(p.max(axis=1), p.argmax(axis=1) == y, bins=15, by="mass")
            cells.append(f"{100 * curve.error:.2f} %, {nll(p, y):.4f}")
        rows.append([name, *cells])
    return table(["ECE, nats", "as trained", "temperature", "isotonic"], rows).strip()


def _coverage(model: Any, held_out: Any, test: Any) -> str:
    from thalweg.decisions.calibration import fit_calibration
    from thalweg.probability import quantile

    encoder = model.encoder
    outputs = np.concatenate([model.outputs(rows) for rows in (held_out, test)])
    y = np.concatenate([np.asarray(encoder.unscale_targets(encoder.targets(rows))) for rows in (held_out, test)])
    ways = ("predicted quantiles", "absolute", "normalized", "quantile")
    found: dict[tuple[str, float], list[tuple[float, float]]] = {(way, level): [] for way in ways for level in LEVELS}
    for seed in range(SPLITS):
        order = np.random.default_rng(seed).permutation(len(y))
        fitted, new = order[: len(held_out)], order[len(held_out) :]
        before, after = model.distribution(outputs[fitted]), model.distribution(outputs[new])
        for way in ways:
            scores: Any = way == ways[0] or fit_calibration("conformal", before, y[fitted], score=way).conformal
            for level in LEVELS:
                if way == ways[0]:
                    low, high = (quantile(after, (1 + side * level) / 2) for side in (-1, 1))
                else:
                    low, high = scores.intervals(after, level)
                inside = (low <= y[new]) & (y[new] <= high)
                found[way, level].append((float(inside.mean()), float((high - low).mean())))
    rows = [[way, *(_cell(found[way, level]) for level in LEVELS)] for way in ways]
    return table(["stated", *(f"{level:g}" for level in LEVELS)], rows).strip()


def _cell(found: list[tuple[float, float]]) -> str:
    shares, widths = zip(*found, strict=True)
    low, high = np.quantile(shares, [0.05, 0.95])
    return f"{np.mean(shares):.3f} ({low:.3f} – {high:.3f}), {np.mean(widths):.0f}"
