"""Ablation: the recipe for tables without one ingredient at a time, on rows held out of training rows alone."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.tables_data import SETS, load

ROWS = 4000
"""Training rows of a set are at most so many: enough to tell ingredients apart, and a fit takes seconds."""

CHOSEN = ("concrete", "kin8nm", "higgs7k", "magic", "california")

EQUAL = {"weights": ()}
"""No setting: the halves' weights are taken off the fitted model."""

VARIANTS: dict[str, dict[str, Any]] = {
    "the recipe": {},
    "neither bins nor waves": {"numeric_embedding": "none"},
    "bins for all members": {"numeric_embedding": "piecewise_linear"},
    "waves for all members": {"numeric_embedding": "periodic"},
    "halves of equal weight": EQUAL,
    "no feature scaling": {"feature_scaling": False},
    "a single network": {"shared_members": 1},
    "a single network, 8 × as long": {"shared_members": 1, "schedule": "cosine", "epochs": 8 * 36},
    "no dropout": {"dropout": 0.0},
    "dropout of 0.1": {"dropout": 0.1},
    "robust scaling for all columns": {"scaling": "robust"},
    "normal scores for all columns": {"scaling": "quantile"},
    "standard scaling": {"scaling": "standard"},
    "half a cosine over 36 epochs": {"schedule": "cosine"},
    "the best epoch without annealing": {"anneal": 0.0},
    "annealing from the best epoch for as long as it took": {"anneal": 1.0},
    "a patience of 4 epochs": {"patience": 4},
    "β₂ = 0.999": {"optimizer_options": {"beta2": 0.999}},
    "step size 0.002": {"learning_rate": 2e-3},
    "no rows held out, last epoch": {"validation": 0.0},
}

INTRODUCTION = """\
The recipe with one ingredient changed at a time. Rows are at most {rows} of each set's training rows, a fifth of them
held out to judge by; test rows are never looked at. Figures are the log loss of classes and the root mean squared error
of numbers, divided by those of the recipe: above 1 the ingredient pays. Means over seeds {seeds}; the last columns are
the geometric mean over the sets and processor time as a ratio to the recipe's."""


def measure(*, data: Path, seeds: int, quick: bool) -> str:
    """Return the section's text.

    Args:
        data: folder of the sets.
        seeds: how many, from 0.
        quick: the two smallest sets and two variants.
    """
    names = [name for name in CHOSEN if (data / f"{SETS[name].file}.parquet").exists()][: 2 if quick else None]
    if not names:
        return "Not measured: no sets in the folder of `--data`."
    variants = dict(list(VARIANTS.items())[: 2 if quick else None])
    figures = {
        name: {v: np.mean([fit(data, name, seed, s) for seed in range(seeds)], axis=0) for v, s in variants.items()}
        for name in names
    }
    head = f"| | {' | '.join(names)} | mean | time |"
    lines = [head, "|---" * (len(names) + 3) + "|"]
    for variant in variants:
        ratios = np.array([figures[name][variant] / figures[name]["the recipe"] for name in names])
        mean, spent = np.exp(np.log(ratios).mean(axis=0))
        lines.append(
            f"| {variant} | {' | '.join(f'{ratio:.3f}' for ratio in ratios[:, 0])} | {mean:.3f} | {spent:.2f} |"
        )
    text = INTRODUCTION.format(rows=ROWS, seeds=f"0 to {seeds - 1}" if seeds > 1 else "0")
    return "\n\n".join([text, "\n".join(lines)])


def fit(data: Path, name: str, seed: int, settings: dict[str, Any]) -> tuple[float, float]:
    """Return log loss or root mean squared error on held-out training rows, and processor seconds of the fit."""
    from thalweg import DenseClassifier, DenseRegressor

    rows = load(data, name, 0)
    order = np.random.default_rng(seed).permutation(len(rows.y_train))[:ROWS]
    judged, used = order[: len(order) // 5], order[len(order) // 5 :]
    classes = SETS[name].task != "regression"
    given = {} if settings == EQUAL else settings
    model = (DenseClassifier if classes else DenseRegressor)(preset="tabular", random_state=seed, **given)
    began = time.process_time()
    model.fit(rows.x_train[used], rows.y_train[used])
    spent = time.process_time() - began
    if settings == EQUAL:
        model.model_ = replace(model.model_, likelihood=replace(model.model_.likelihood, **EQUAL))
    x, y = rows.x_train[judged], rows.y_train[judged]
    if classes:
        p = model.predict_proba(x)[np.arange(len(y)), np.searchsorted(model.classes_, y)]
        return float(-np.log(np.maximum(p, 1e-9)).mean()), spent
    return float(np.sqrt(np.mean((model.predict(x) - y) ** 2))), spent
