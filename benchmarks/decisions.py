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
        "Split-conformal intervals on california: share of test values inside, with the exact 95 % interval of "
        "that share, and mean width in dollars. Given its held-out rows, the rate is Beta distributed around the "
        "stated one (here ± 0.01 at two standard deviations)."
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

    from thalweg.runs.config import make_config
    from thalweg.runs.prepare import make_tables
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
    known, y = (np.asarray(encoder.unscale_targets(encoder.targets(rows))) for rows in (held_out, test))
    before, distribution = model.predict_dist(held_out), model.predict_dist(test)
    ends = {level: tuple(quantile(distribution, (1 + side * level) / 2) for side in (-1, 1)) for level in LEVELS}
    rows = [["predicted quantiles", *(_cell(*ends[level], y, level) for level in LEVELS)]]
    for score in ("absolute", "normalized", "quantile"):
        fitted: Any = fit_calibration("conformal", before, known, score=score).conformal
        rows.append(
            [f"conformal, {score}", *(_cell(*fitted.intervals(distribution, level), y, level) for level in LEVELS)]
        )
    return table(["stated", *(f"{level:g}" for level in LEVELS)], rows).strip()


def _cell(low: Any, high: Any, y: Any, level: float) -> str:
    from thalweg.decisions.calibration import coverage

    found = coverage(low, high, y, level)
    return f"{found.share:.3f} ({found.low:.3f} – {found.high:.3f}), {found.width:.0f}"
