"""Values along which a column of a table is followed: steps through numbers and dates, the frequent levels of text."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from thalweg.data.encode import Encoder
from thalweg.data.schema import as_numbers
from thalweg.data.table import Array, Table

if TYPE_CHECKING:
    import polars as pl

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


def typed(table: Table, encoder: Encoder) -> Table:
    """The table with text that the encoder reads as numbers or dates turned into these.

    Example:
        >>> import polars as pl
        >>> rows = pl.DataFrame({"day": ["31.12.2024", "13.01.2025"] * 20, "x": range(40)})
        >>> table = Table("toy", rows, np.arange(40) / 2, ("day", "x"))
        >>> typed(table, Encoder.fit(table)).frame["day"].dtype
        Date
    """
    if not table.is_frame:
        return table
    frame = table.frame
    text = {name for name in frame.columns if str(frame[name].dtype) == "String"}
    read = [as_numbers(frame[name], table.name) for name in encoder.number_names if name in text]
    read += [dates.moments(frame[dates.name], table.name) for dates in encoder.dates if dates.name in text]
    return replace(table, features=frame.with_columns(read))


def grid(table: Table, column: int, points: int = 20, *, levels: bool = False) -> Grid:
    """Return the values that a column of the table is set to.

    Numbers and dates with at most ``points`` different values take each of them; others go in equal steps from their
    5 % to their 95 % quantile. Text, categories and booleans take their most frequent levels, and ``None`` where some
    are missing; with ``levels`` so do numbers, which then are codes.

    Example:
        >>> grid(Table("toy", np.arange(8.0).reshape(4, 2), None, ("a", "b")), 1).labels
        [1.0, 3.0, 5.0, 7.0]
    """
    if not table.is_frame:
        values = _steps(table.array[:, column], points)
        return Grid("number", values, [float(value) for value in values])
    series = table.frame[table.feature_names[column]]
    if levels:
        return _levels(series)
    if series.dtype.is_temporal():
        return _dates(series, points)
    if series.dtype.is_numeric():
        import polars as pl

        known = series.cast(pl.Float64).fill_nan(None).drop_nulls().to_numpy()
        values = _steps(known, points, whole=series.dtype.is_integer())
        return Grid("number", pl.Series(values), [float(value) for value in values])
    return _levels(series)


def _steps(values: Array, points: int, *, whole: bool | None = None) -> Array:
    known = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    different = np.unique(known)
    if len(different) <= points:
        return different
    low, high = np.quantile(known, [TAIL, 1 - TAIL])
    steps = np.linspace(low, high, points)
    whole = values.dtype.kind in "iub" if whole is None else whole
    return np.unique(np.round(steps)) if whole else np.unique(steps)


def _dates(series: pl.Series, points: int) -> Grid:
    import polars as pl

    places = series.drop_nulls().to_physical()
    steps = _steps(places.to_numpy(), points).astype(np.int64)
    values = pl.Series(steps).cast(places.dtype).cast(series.dtype)
    days = isinstance(series.dtype, (pl.Date, pl.Datetime))
    return Grid("date" if days else "levels", values, [str(value) for value in values.to_list()])


def _levels(series: pl.Series) -> Grid:
    import polars as pl

    counts = series.drop_nulls().value_counts(sort=True)
    order = sorted(zip(counts["count"].to_list(), counts[series.name].to_list(), strict=True), key=_rank)
    levels = [level for _, level in order[:MOST_LEVELS]]
    levels += [None] if series.null_count() else []
    return Grid("levels", pl.Series(levels, dtype=series.dtype), [None if v is None else str(v) for v in levels])


def _rank(counted: tuple[int, Any]) -> tuple[int, str]:
    """The most frequent level first, equals by name."""
    return -counted[0], str(counted[1])
