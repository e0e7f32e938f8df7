"""Ablation: the recipe for tables without one ingredient at a time, on rows held out of training rows alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from benchmarks.tables_data import SETS, load

ROWS = 4000
"""Training rows of a set are at most so many: enough to tell ingredients apart, and a fit takes seconds."""

CHOSEN = ("concrete", "kin8nm", "california", "flights", "higgs7k", "magic", "adult", "letter")

Setting = Any
"""Of a variant: a value that is given, or a function of the recipe's own."""

VARIANTS: dict[str, dict[str, Setting]] = {
    "the recipe": {},
    "the recipe, another seed": {"random_state": 1000},
    "neither bins nor waves": {"numeric_embedding": "none"},
    "bins for all members": {"numeric_embedding": "piecewise_linear"},
    "waves for all members": {"numeric_embedding": "periodic"},
    "halves of equal weight": {},
    "levels as columns, without vectors": {"embed_levels": False},
    "no feature scaling": {"feature_scaling": False},
    "feature scaling with steps as long as others": {},
    "waves with steps as long as others": {"embedding_options": lambda own: own | {"step_factor": 1.0}},
    "a single network": {"shared_members": 1},
    "a single network, 8 × as long": {"shared_members": 1, "schedule": "cosine", "epochs": 8 * 36},
    "a single network, starting weights by data": {"shared_members": 1, "initializer": "data"},
    "8 networks that share nothing": {"shared_members": 1, "members": 8},
    "members without signs": {},
    "two layers of 128": {"hidden": (128, 128)},
    "two layers of 256": {"hidden": (256, 256)},
    "one layer of 192": {"hidden": (192,)},
    "three layers of 192": {"hidden": (192, 192, 192)},
    "GELU": {"activation": "gelu"},
    "SELU": {"activation": "selu"},
    "Mish": {"activation": "mish"},
    "no dropout": {"dropout": 0.0},
    "dropout of 0.1": {"dropout": 0.1},
    "dropout of 0.2": {"dropout": 0.2},
    "no weight decay": {"weight_decay": 0.0},
    "weight decay of 0.1": {"weight_decay": 0.1},
    "label smoothing of 0.1": {"label_smoothing": 0.1},
    "robust scaling for all columns": {"scaling": "robust"},
    "normal scores for all columns": {"scaling": "quantile"},
    "standard scaling": {"scaling": "standard"},
    "numbers clipped to those of training": {},
    "half a cosine over 36 epochs": {"schedule": "cosine"},
    "cosines with restarts over 36 epochs": {"schedule": "restarts"},
    "the best epoch without annealing": {"anneal": 0.0},
    "annealing from the best epoch for as long as it took": {"anneal": 1.0},
    "half the patience": {"patience": lambda own: max(1, own // 2)},
    "twice the patience": {"patience": lambda own: 2 * own},
    "no warm-up": {"warmup": 0.0},
    "average of the weights, 0.999": {"ema": 0.999},
    "minibatches half as large": {"batch_size": lambda own: own // 2},
    "minibatches twice as large": {"batch_size": lambda own: 2 * own},
    "β₂ = 0.999": {"optimizer_options": {"beta2": 0.999}},
    "step size of a half": {"learning_rate": lambda own: own / 2},
    "step size of one and a half": {"learning_rate": lambda own: 1.5 * own},
    "no rows held out, last epoch": {"validation": 0.0},
    "4 networks of the recipe": {"members": 4},
    "networks of 5 folds": {"folds": 5},
    "the preset quick": {"preset": "quick"},
    "the preset best": {"preset": "best"},
}

OF_NUMBERS = {"numbers clipped to those of training"}
OF_CLASSES = {"label smoothing of 0.1"}
"""Variants that only such targets have; the others keep the recipe's figures."""

INTRODUCTION = """\
The recipe with one ingredient changed at a time. Rows are at most {rows} of each set's training rows, a fifth of them
held out to judge by; test rows are never looked at. Figures are the log loss of classes and the root mean squared error
of numbers, divided by those of the recipe: above 1 the ingredient pays. Means over seeds {seeds}; the last columns are
the geometric mean over the sets, that of the share of errors on the sets of classes, and processor time as a ratio to
the recipe's, which pays for what later variants find compiled. Another seed tells what is chance."""


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
    variants = list(VARIANTS)[: 2 if quick else None]
    figures = {
        name: {v: np.mean([fit(data, name, seed, v) for seed in range(seeds)], axis=0) for v in variants}
        for name in names
    }
    head = f"| | {' | '.join(names)} | mean | errors | time |"
    lines = [head, "|---" * (len(names) + 4) + "|"]
    classes = [SETS[name].task != "regression" for name in names]
    for variant in variants:
        ratios = np.array([figures[name][variant] / figures[name]["the recipe"] for name in names])
        mean, _, spent = np.exp(np.log(ratios).mean(axis=0))
        errors = f"{np.exp(np.log(ratios[classes, 1]).mean()):.3f}" if any(classes) else "–"
        lines.append(
            f"| {variant} | {' | '.join(f'{ratio:.3f}' for ratio in ratios[:, 0])} | {mean:.3f} | {errors} "
            f"| {spent:.2f} |"
        )
    text = INTRODUCTION.format(rows=ROWS, seeds=f"0 to {seeds - 1}" if seeds > 1 else "0")
    return "\n\n".join([text, "\n".join(lines)])


def fit(data: Path, name: str, seed: int, variant: str) -> tuple[float, float, float]:
    """Return log loss or root mean squared error on held-out training rows, share of errors, and processor seconds."""
    from thalweg import DenseClassifier, DenseRegressor

    classes = SETS[name].task != "regression"
    if variant in (OF_NUMBERS if classes else OF_CLASSES):
        variant = "the recipe"
    rows = load(data, name, 0)
    order = np.random.default_rng(seed).permutation(len(rows.y_train))[:ROWS]
    judged, used = order[: len(order) // 5], order[len(order) // 5 :]
    given = {key: value for key, value in VARIANTS[variant].items() if not callable(value)}
    kind = DenseClassifier if classes else DenseRegressor
    model = kind(**{"preset": "tabular", "random_state": seed} | given)
    began = time.process_time()
    with changed(variant):
        model.fit(rows.x_train[used], rows.y_train[used])
    spent = time.process_time() - began
    if variant == "halves of equal weight":
        model.model_ = replace(model.model_, likelihood=replace(model.model_.likelihood, weights=()))
    x, y = rows.x_train[judged], rows.y_train[judged]
    if classes:
        proba, places = model.predict_proba(x), np.searchsorted(model.classes_, y)
        p = proba[np.arange(len(y)), places]
        return float(-np.log(np.maximum(p, 1e-9)).mean()), float(np.mean(proba.argmax(axis=1) != places)), spent
    answers = model.predict(x)
    if variant == "numbers clipped to those of training":
        answers = answers.clip(rows.y_train[used].min(), rows.y_train[used].max())
    return float(np.sqrt(np.mean((answers - y) ** 2))), 1.0, spent


@contextmanager
def changed(variant: str) -> Iterator[None]:
    """Change what no setting says, for as long as the block lasts."""
    from thalweg.network import MemberScale, Scale
    from thalweg.recipes.presets import PRESETS

    own = {key: value for key, value in VARIANTS[variant].items() if callable(value)}
    recipe = PRESETS["tabular"]

    def tabular(facts: Any) -> dict[str, Any]:
        return {key: own[key](value) if key in own else value for key, value in recipe(facts).items()}

    class Unsigned(MemberScale):
        def init(self, key: Any, width_in: int) -> Any:
            return {"scale": abs(super().init(key, width_in)["scale"])}

    place = "thalweg.network.embeddings"
    with ExitStack() as stack:
        stack.enter_context(patch.dict(PRESETS, tabular=tabular))
        if variant == "feature scaling with steps as long as others":
            stack.enter_context(patch(f"{place}.Scale", lambda: Scale(1.0)))
        if variant == "members without signs":
            stack.enter_context(patch(f"{place}.MemberScale", Unsigned))
        yield
