"""Ablation: the recipe for tables without one ingredient at a time, on rows held out of training rows alone.

A file keeps what each fit gave, and a later call fits only what is missing; it holds for the recipe that it was
measured with.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from benchmarks.tables_data import SETS, load

ROWS = 4000
"""Training rows of a set are at most so many: enough to tell ingredients apart, and a fit takes seconds."""

ALL = 1_000_000
"""More rows than any of the sets has."""

CHOSEN = ("concrete", "kin8nm", "california", "flights", "higgs7k", "magic", "adult", "letter")

WHOLE = ("energy", "kin8nm", "power", "diamonds", "protein", "adult", "letter", "connect_4")
"""Sets of which all training rows are taken, for the few variants that so many rows can tell apart."""

Setting = Any
"""Of a variant: a value that is given, or a function of the recipe's own."""

LIKED = {"weight_decay": 0.1, "feature_scaling": False, "warmup": 0.0, "activation": "gelu"}
"""What does better one by one on few rows."""

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
    "ReLU for all members": {"activation": "relu"},
    "hard swish for all members": {"activation": "hard_swish"},
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
    "annealing from the best epoch for twice as long": {"anneal": lambda own: 2 * own},
    "half the patience": {"patience": lambda own: max(1, own // 2)},
    "twice the patience": {"patience": lambda own: 2 * own},
    "no warm-up": {"warmup": 0.0},
    "no average of the weights": {"ema": 0.0},
    "no average of the weights, steps of two thirds": {"ema": 0.0, "learning_rate": lambda own: own / 1.5},
    "average of the weights, 0.9995": {"ema": 0.9995},
    "15 % of the rows held out": {"validation": 0.15},
    "minibatches half as large": {"batch_size": lambda own: own // 2},
    "minibatches twice as large": {"batch_size": lambda own: 2 * own},
    "β₂ = 0.999": {"optimizer_options": {"beta2": 0.999}},
    "step size of a half": {"learning_rate": lambda own: own / 2},
    "step size of one and a half": {"learning_rate": lambda own: 1.5 * own},
    "what few rows like": LIKED | {"optimizer_options": {"beta2": 0.999}},
    "no rows held out, last epoch": {"validation": 0.0},
    "4 networks of the recipe": {"members": 4},
    "the preset best: networks of 5 folds": {"preset": "best"},
    "the preset quick": {"preset": "quick"},
}

SEVERAL = ("energy", "kin8nm", "power", "adult", "letter")
"""Sets of ``WHOLE`` of which a fit takes seconds, for more seeds than one."""

DOUBTFUL = (
    "the recipe",
    "no feature scaling",
    "no warm-up",
    "β₂ = 0.999",
    "no weight decay",
    "weight decay of 0.1",
    "no average of the weights",
    "no average of the weights, steps of two thirds",
    "15 % of the rows held out",
    "ReLU for all members",
    "hard swish for all members",
    "annealing from the best epoch for twice as long",
)
"""What few rows cannot tell from chance, and what looked better on them."""

OF_NUMBERS = {"numbers clipped to those of training"}
OF_CLASSES = {"label smoothing of 0.1"}
"""Variants that only such targets have; the others keep the recipe's figures."""

INTRODUCTION = """\
The recipe with one ingredient changed at a time. Rows are at most {rows} of each set's training rows, a fifth of them
held out to judge by; test rows are never looked at. Figures are the log loss of classes and the root mean squared error
of numbers, divided by those of the recipe: above 1 the ingredient pays. Geometric means over seeds {seeds}, which draw
other rows too; the last columns are the geometric mean over the sets, the least and the most of its seeds, that of the
share of errors on the sets of classes, and processor time as a ratio to the recipe's, which pays for what later
variants find compiled. Another seed tells what is chance."""

OF_WHOLE = """\
The same on all training rows of eight sets, for what {rows} rows cannot tell from chance: {seeds} seeds of {several},
one of the others."""


class Fits:
    """What a file keeps of fits: JSON lines [rows at most, set, seed, variant, [loss, share of errors, seconds]].

    Args:
        file: its path.
        data: folder of the sets.
    """

    def __init__(self, file: Path, data: Path) -> None:
        self.file, self.data = file, data
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        self.known = {tuple(line[:4]): line[4] for line in map(json.loads, lines)}

    def of(self, *key: Any) -> Any:
        """Return the figures of a fit by rows, set, seed and variant; it is measured now if it is not there."""
        if key not in self.known:
            print("  ablation:", *key, flush=True)
            self.known[key] = fit(self.data, *key)
            with self.file.open("a", encoding="utf-8") as file:
                file.write(json.dumps([*key, self.known[key]], ensure_ascii=False) + "\n")
        return self.known[key]


def measure(*, data: Path, results: Path, seeds: int, quick: bool) -> str:
    """Return the section's text.

    Args:
        data: folder of the sets.
        results: file of JSON lines with the fits.
        seeds: how many, from 0.
        quick: the two smallest sets and two variants, of which nothing is kept.
    """
    if any(not (data / f"{SETS[name].file}.parquet").exists() for name in (*CHOSEN, *WHOLE)):
        return "Not measured: sets are missing in the folder of `--data`."
    with tempfile.TemporaryDirectory() as folder:
        fits = Fits(Path(folder) / "ablation.jsonl" if quick else results, data)
        few = table(
            fits, ROWS, dict.fromkeys(CHOSEN[: 2 if quick else None], seeds), list(VARIANTS)[: 2 if quick else None]
        )
        text = [INTRODUCTION.format(rows=ROWS, seeds=f"0 to {seeds - 1}" if seeds > 1 else "0"), few]
        if not quick:
            whole = {name: seeds if name in SEVERAL else 1 for name in WHOLE}
            text += [
                OF_WHOLE.format(rows=ROWS, seeds=seeds, several=", ".join(SEVERAL)),
                table(fits, ALL, whole, DOUBTFUL),
            ]
    return "\n\n".join(text)


def table(fits: Fits, rows: int, sets: dict[str, int], variants: Sequence[str]) -> str:
    """Return the table of variants on so many rows, with the seeds of each set."""
    lines = [f"| | {' | '.join(sets)} | mean | of seeds | errors | time |", "|---" * (len(sets) + 5) + "|"]
    classes = [SETS[name].task != "regression" for name in sets]
    for variant in variants:
        logs = [
            np.log([np.divide(*(fits.of(rows, name, k, v) for v in (variant, "the recipe"))) for k in range(seeds)])
            for name, seeds in sets.items()
        ]
        means = np.array([log.mean(axis=0) for log in logs])
        mean, _, spent = np.exp(means.mean(axis=0))
        all_have = min(sets.values())
        each = np.exp(np.mean([log[:all_have, 0] for log in logs], axis=0))
        between = f"{each.min():.3f} – {each.max():.3f}" if all_have > 1 else ""
        errors = f"{np.exp(means[classes, 1].mean()):.3f}" if any(classes) else "–"
        lines.append(
            f"| {variant} | {' | '.join(f'{ratio:.3f}' for ratio in np.exp(means[:, 0]))} | {mean:.3f} | {between} "
            f"| {errors} | {spent:.2f} |"
        )
    return "\n".join(lines)


def fit(data: Path, rows: int, name: str, seed: int, variant: str) -> tuple[float, float, float]:
    """Return log loss or root mean squared error on held-out training rows, share of errors, and processor seconds.

    Args:
        data: folder of the sets.
        rows: at most so many of the training rows are taken, a fifth of them to judge by.
        name: of the set.
        seed: of the rows taken and of the fit.
        variant: a key of ``VARIANTS``.
    """
    from thalweg import DenseClassifier, DenseRegressor

    classes = SETS[name].task != "regression"
    if variant in (OF_NUMBERS if classes else OF_CLASSES):
        variant = "the recipe"
    of = load(data, name, 0)
    order = np.random.default_rng(seed).permutation(len(of.y_train))[:rows]
    judged, used = order[: len(order) // 5], order[len(order) // 5 :]
    given = {key: value for key, value in VARIANTS[variant].items() if not callable(value)}
    kind = DenseClassifier if classes else DenseRegressor
    model = kind(**{"preset": "tabular", "random_state": seed} | given)
    began = time.process_time()
    with changed(variant):
        model.fit(of.x_train[used], of.y_train[used])
    spent = time.process_time() - began
    if variant == "halves of equal weight":
        model.model_ = replace(model.model_, likelihood=replace(model.model_.likelihood, weights=()))
    x, y = of.x_train[judged], of.y_train[judged]
    if classes:
        proba, places = model.predict_proba(x), np.searchsorted(model.classes_, y)
        p = proba[np.arange(len(y)), places]
        return float(-np.log(np.maximum(p, 1e-9)).mean()), float(np.mean(proba.argmax(axis=1) != places)), spent
    answers = model.predict(x)
    if variant == "numbers clipped to those of training":
        answers = answers.clip(of.y_train[used].min(), of.y_train[used].max())
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
