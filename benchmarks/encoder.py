"""The encoder beside scikit-learn's transformers: numbers by each scaling, and a column of many levels."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
import polars as pl

from benchmarks.figures import duration, figures, ratios, spread
from benchmarks.table import table

ROWS, COLUMNS, LEVELS = 1_000_000, 10, 4000

Steps = tuple[Callable[[], Any], Callable[[Any], Any]]
"""What fits, and what then transforms."""


def measure(*, rounds: int, quick: bool) -> str:
    """Return the section's text.

    Args:
        rounds: turns of each.
        quick: a hundredth of the rows.
    """
    rows = ROWS // 100 if quick else ROWS
    lines = []
    for what, (peer, pair) in _contenders(rows).items():
        print(f"  encoder: {what}", flush=True)
        turns = [(_took(pair[0]), _took(pair[1])) for _ in range(rounds + 1)][1:]
        for step, verb in enumerate(("fit", "transform")):
            own, other = ([turn[side][step] for turn in turns] for side in (0, 1))
            less = ratios(own, other)
            took = [duration(median(own)), peer, duration(median(other))]
            lines.append([f"{what}, {verb}", *took, figures(median(less)), spread(less)])
    text = (
        f"{rows} rows: {COLUMNS} columns of log-normal numbers in float64, or one column of text with {LEVELS} levels. "
        f"Both answer the same question; thalweg's answer is float32 and checked for infinities. Medians of {rounds} "
        "turns. Robust scaling is followed by smooth clipping here, not there; quantiles come from 200 000 rows "
        "here, from 10 000 there, and text goes in as a Polars column here, as an array of objects there."
    )
    columns = ["what", "thalweg", "beside scikit-learn's", "takes", "ratio", "smallest – largest"]
    return text + "\n\n" + table(columns, lines)


def _contenders(rows: int) -> dict[str, tuple[str, tuple[Steps, Steps]]]:
    from sklearn.preprocessing import OrdinalEncoder, QuantileTransformer, RobustScaler, StandardScaler

    from thalweg.data.codes import Codes
    from thalweg.data.numbers import Numbers

    rng = np.random.default_rng(0)
    x = np.exp(rng.normal(size=(rows, COLUMNS)))
    words = pl.Series("tail", [f"N{i}" for i in rng.integers(0, LEVELS, rows)])
    objects = words.to_numpy().astype(object)[:, None]

    def numbers(scaling: str) -> Steps:
        return lambda: Numbers.fit(x, scaling=scaling), lambda fitted: fitted.transform(x)

    def peer(transformer: Any, data: Any) -> Steps:
        return lambda: transformer.fit(data), lambda fitted: fitted.transform(data)

    quantiles = QuantileTransformer(output_distribution="normal")
    ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    codes: Steps = (lambda: Codes.fit(words), lambda fitted: fitted.transform(words))
    return {
        "standard": ("`StandardScaler`", (numbers("standard"), peer(StandardScaler(), x))),
        "robust": ("`RobustScaler`", (numbers("robust"), peer(RobustScaler(), x))),
        "quantile": ("`QuantileTransformer`", (numbers("quantile"), peer(quantiles, x))),
        "codes": ("`OrdinalEncoder`", (codes, peer(ordinal, objects))),
    }


def _took(steps: Steps) -> tuple[float, float]:
    """Seconds of fitting and of transforming."""
    fit, transform = steps
    start = time.perf_counter()
    fitted = fit()
    middle = time.perf_counter()
    transform(fitted)
    return middle - start, time.perf_counter() - middle
