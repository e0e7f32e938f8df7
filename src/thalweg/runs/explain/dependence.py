"""Partial dependence: how the average answer moves with one column of the table, and how that of single rows does."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalweg.deploy import Model
from thalweg.runs.explain.columns import Columns, outputs_of


def partial_dependence(model: Model, columns: Columns, column: int, values: Any) -> NDArray[np.float64]:
    """Set one column of every row to a value, and predict; for each of G values.

    The partial dependence of the answer f̂ on column j is its mean over the rows, with all other columns as they are,

        PD_j(v) = 1/N Σ_n f̂(x_n with x_nj = v);

    the single terms, lines over v, are individual conditional expectations (ICE).

    Args:
        model: with an encoder.
        columns: the rows.
        column: number of the column in the table.
        values: (G,), an array or a polars series of the column's type, see `thalweg.data.grids.grid`.

    Returns:
        (G, N, K): for each value and row the probability of each class or label, or the mean of each target in its
        units. The mean over the second axis is the partial dependence.

    Source: Friedman, *Greedy Function Approximation* (2001), section 8.2; Goldstein et al., *Peeking Inside the Black
    Box* (2015).
    """
    outputs = outputs_of(model, columns.filled(column, values), len(columns.table))
    return np.stack([np.asarray(answers(model, block), np.float64) for block in outputs])


def answers(model: Model, outputs: NDArray[np.float32]) -> NDArray[Any]:
    """Return what raw outputs stand for: probabilities (N, K), or means in the units of the target."""
    if model.task == "regression":
        return model.in_units(np.asarray(model.likelihood.mean(outputs)))  # type: ignore[arg-type]
    return model.probabilities(outputs)


def answer_names(model: Model) -> list[str]:
    """Return what the K answers of `partial_dependence` are called: classes, labels or targets."""
    if model.task == "regression" and model.encoder is not None:
        return [str(name) for name in model.encoder.target_names]
    return [str(name) for name in model.classes]
