"""Partial dependence: how the average answer moves with one column of the table, and how that of single rows does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalweg.deploy import Model
from thalweg.runs.explain.columns import Columns, outputs_of

TAIL = 0.05  # share of the rows beyond either end of the grid, where the network has seen little
MOST_LEVELS = 12


@dataclass(frozen=True, eq=False)
class Grid:
    """Values that a column is set to.

    Attributes:
        kind: ``"number"``, ``"date"`` or ``"levels"``.
        values: (G,), an array or a polars series of the column's type.
        labels: (G,) the same as JSON values: numbers, ISO dates, or text; None stands for a missing value.
    """

    kind: str
    values: Any
    labels: list[float | str | None]


def partial_dependence(model: Model, columns: Columns, column: int, values: Any) -> NDArray[np.float64]:
    """Set one column of every row to a value, and predict; for each of G values.

    The partial dependence of the answer f̂ on column j is its mean over the rows, with all other columns as they are,

        PD_j(v) = 1/N Σ_n f̂(x_n with x_nj = v);

    the single terms, lines over v, are individual conditional expectations (ICE).

    Args:
        model: with an encoder.
        columns: the rows.
        column: number of the column in the table.
        values: (G,), an array or a polars series of the column's type, see `grid`.

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


def grid(columns: Columns, column: int, points: int = 20) -> Grid:
    """Return the values that a column of the table is set to.

    Numbers and dates with at most ``points`` different values take each of them; others go in equal steps from their
    5 % to their 95 % quantile. Text, categories and booleans take their most frequent levels, and ``None`` where some
    are missing.

    Example:
        >>> from thalweg.data.encode import Encoder
        >>> from thalweg.data.table import Table
        >>> table = Table("toy", np.arange(8.0).reshape(4, 2), np.arange(4.0), ("a", "b"))
        >>> grid(Columns.of(Encoder.fit(table), table), 1).labels
        [1.0, 3.0, 5.0, 7.0]
    """
    if not columns.table.is_frame:
        values = _steps(columns.table.array[:, column], points)
        return Grid("number", values, [float(value) for value in values])
    series = columns.table.frame[columns.names[column]]
    if series.dtype.is_temporal():
        return _dates(series, points)
    if series.dtype.is_numeric():
        import polars as pl

        known = series.cast(pl.Float64).fill_nan(None).drop_nulls().to_numpy()
        values = _steps(known, points, whole=series.dtype.is_integer())
        return Grid("number", pl.Series(values), [float(value) for value in values])
    return _levels(series)


def _steps(values: NDArray[Any], points: int, *, whole: bool | None = None) -> NDArray[Any]:
    known = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    different = np.unique(known)
    if len(different) <= points:
        return different
    low, high = np.quantile(known, [TAIL, 1 - TAIL])
    steps = np.linspace(low, high, points)
    whole = values.dtype.kind in "iub" if whole is None else whole
    return np.unique(np.round(steps)) if whole else np.unique(steps)


def _dates(series: Any, points: int) -> Grid:
    import polars as pl

    places = series.drop_nulls().to_physical()
    steps = _steps(places.to_numpy(), points).astype(np.int64)
    values = pl.Series(steps).cast(places.dtype).cast(series.dtype)
    days = isinstance(series.dtype, (pl.Date, pl.Datetime))
    return Grid("date" if days else "levels", values, [str(value) for value in values.to_list()])


def _levels(series: Any) -> Grid:
    import polars as pl

    counts = series.drop_nulls().value_counts(sort=True)
    order = sorted(zip(counts["count"].to_list(), counts[series.name].to_list(), strict=True), key=_rank)
    levels = [level for _, level in order[:MOST_LEVELS]]
    levels += [None] if series.null_count() else []
    return Grid("levels", pl.Series(levels, dtype=series.dtype), [None if v is None else str(v) for v in levels])


def _rank(counted: tuple[int, Any]) -> tuple[int, str]:
    """The most frequent level first, equals by name."""
    return -counted[0], str(counted[1])
