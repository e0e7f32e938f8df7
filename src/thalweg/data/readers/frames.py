"""Data frames and arrays from Python to tables: which column is the target, and which mark the official test set."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from thalweg.core.errors import ArgumentError, DataError, nearest
from thalweg.data.table import Array, Table

if TYPE_CHECKING:
    import polars as pl

TARGET_NAMES = ("target", "label", "class", "y")  # taken for the target when none is named, in this order


def from_frame(
    frame: pl.DataFrame, name: str, target: str | None, need_target: bool, y: Any = None, *, official: bool = True
) -> Table:
    """A table of a polars data frame.

    Args:
        frame: one row an example.
        name: of the data, for messages.
        target: name of the target column, or of several, comma-separated; by default ``target``, ``label``, ``class``
            or ``y``.
        need_target: whether a table without target is an error; without it, no column is guessed.
        y: the target, when it is no column of the frame.
        official: whether a column of booleans called ``is_test`` marks the official test rows.

    Raises:
        ArgumentError: the target column is not there; names the nearest.
        DataError: the table is empty.
    """
    import polars as pl

    if frame.height == 0 or frame.width == 0:
        raise DataError(f"{name}: the table is empty ({frame.height} rows, {frame.width} columns). Give rows of data.")
    columns = frame.columns
    marks = None
    if official and "is_test" in columns and frame["is_test"].dtype == pl.Boolean and target != "is_test":
        marks = frame["is_test"].fill_null(value=False).to_numpy().copy()
        columns = [column for column in columns if column != "is_test"]
    if y is not None:
        labels = _target(y, name)
        if len(labels) != frame.height:
            raise ArgumentError("y", f"{frame.height} targets, one for each row", len(labels))
        return Table(name, _only(frame, columns), labels, tuple(columns), target or _own_names(y), None, marks)
    targets = chosen_targets(columns, target, name) if need_target or _all_there(columns, target) else ()
    features = [column for column in columns if column not in targets]
    if not features:
        raise DataError(f"{name}: no feature column is left to learn from. Give columns beside {target!r}.")
    series: Any = None
    if targets:
        series = frame[targets[0]] if len(targets) == 1 else frame.select(targets).to_numpy()
    return Table(name, _only(frame, features), series, tuple(features), ",".join(targets) or None, None, marks)


def _only(frame: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
    """Some columns of a frame; the frame itself if these are all, since picking takes its time for a single row."""
    return frame if columns == frame.columns else frame.select(columns)


def chosen_targets(columns: Sequence[str], target: str | None, name: str) -> tuple[str, ...]:
    """The target columns: those named, or the first usual name.

    Example:
        >>> chosen_targets(["a", "b", "y"], None, "toy"), chosen_targets(["a", "b", "y"], "y,a", "toy")
        (('y',), ('y', 'a'))
    """
    shown = ", ".join(map(repr, columns[:12])) + (f" and {len(columns) - 12} more" if len(columns) > 12 else "")
    if target is None:
        for usual in TARGET_NAMES:
            if usual in columns:
                return (usual,)
        raise ArgumentError("target", f"the name of a column of {name}", "nothing", f"Columns: {shown}.")
    names = split_names(target, columns)
    for part in names:
        if part not in columns:
            raise ArgumentError("target", f"a column of {name}: {shown}", repr(part), nearest(part, columns))
    if len(set(names)) < len(names):
        raise ArgumentError("target", "different columns", repr(target))
    return names


def split_names(target: str, columns: Sequence[str]) -> tuple[str, ...]:
    """Names from a comma-separated text, unless a column has the text itself for its name.

    Example:
        >>> split_names("x,y", ["x", "y"]), split_names("size, cm", ["size, cm"])
        (('x', 'y'), ('size, cm',))
    """
    return (target,) if target in columns else tuple(part.strip() for part in target.split(","))


def _all_there(columns: Sequence[str], target: str | None) -> bool:
    return target is not None and set(split_names(target, columns)) <= set(columns)


def _own_names(y: Any) -> str | None:
    """Names of the columns of targets that are a data frame."""
    columns = getattr(y, "columns", None)
    return None if columns is None else ",".join(map(str, columns))


def from_native(
    data: Any, name: str, target: str | None, need_target: bool, y: Any = None, *, official: bool = True
) -> Table:
    """A table of any data frame that narwhals understands (pandas, polars, PyArrow, Modin, DuckDB, …)."""
    import narwhals as nw
    import polars as pl

    if isinstance(data, pl.LazyFrame):
        data = data.collect()
    if isinstance(data, pl.DataFrame):
        return from_frame(data, name, target, need_target, y, official=official)
    check_names(data, name)
    frame: Any = nw.from_native(data)
    if isinstance(frame, nw.LazyFrame):
        frame = frame.collect(backend="polars")
    columns = pl.DataFrame([_column(column) for column in frame.iter_columns()])
    return from_frame(columns, name, target, need_target, y, official=official)


def check_names(data: Any, name: str) -> None:
    """Raise if columns of a data frame share a name; names of any type count by their text.

    Raises:
        DataError: names them.
    """
    import narwhals as nw

    try:
        columns: Any = nw.from_native(data).columns
    except nw.exceptions.DuplicateError:
        columns = getattr(data, "column_names", getattr(data, "columns", []))
    names = [str(column) for column in columns]
    if twice := sorted({column for column in names if names.count(column) > 1}):
        raise DataError(f"{name}: several columns are called {', '.join(map(repr, twice))}. Give each its own name.")


def _column(column: Any) -> pl.Series:
    """A polars series of a narwhals one; categories stay such, whatever they are."""
    import narwhals as nw
    import polars as pl

    try:
        series: pl.Series = column.to_polars()
    # pandas goes through PyArrow, which need not be there, and which refuses mixed and rare types.
    except (ImportError, TypeError, ValueError, OverflowError, NotImplementedError):
        series = _series(column, column.name)
    if isinstance(column.dtype, (nw.Categorical, nw.Enum)) and series.dtype.is_numeric():
        series = series.cast(pl.String)
    return series.alias(str(column.name))


def _series(column: Any, name: object) -> pl.Series:
    """A polars series of a narwhals one, value by value: pandas has a missing value for each type."""
    import polars as pl

    gaps = column.is_null().to_list()
    values = [None if gap else value for value, gap in zip(column.to_list(), gaps, strict=True)]
    return pl.Series(str(name), values, strict=False)


def frame_of_objects(array: Array) -> pl.DataFrame:
    """A data frame of an array (N, d) of Python objects or text; named x0, x1 and so on.

    Example:
        >>> frame_of_objects(np.array([[1, "a"], [None, "b"]], object)).schema
        Schema([('x0', Float64), ('x1', String)])
    """
    import polars as pl

    columns = []
    for number, column in enumerate(array.T.tolist()):
        cells = [None if cell is None or cell != cell else cell for cell in column]  # noqa: PLR0124  NaN
        text = any(isinstance(cell, str) for cell in cells)
        values = [cell if cell is None else str(cell) if text else float(cell) for cell in cells]
        columns.append(pl.Series(f"x{number}", values, pl.String if text else pl.Float64))
    return pl.DataFrame(columns)


def is_frame(data: Any) -> bool:
    """Whether narwhals takes this object for a data frame."""
    if isinstance(data, (np.ndarray, list, tuple, int, float)):
        return False
    if type(data).__module__.startswith("polars.") and type(data).__name__ in {"DataFrame", "LazyFrame"}:
        return True
    import narwhals as nw

    try:
        return isinstance(nw.from_native(data, pass_through=True), (nw.DataFrame, nw.LazyFrame))
    except nw.exceptions.DuplicateError:  # of columns, which reading it will tell
        return True


def from_arrays(
    x: Any, y: Any, name: str, *, names: Sequence[str] | None = None, target_name: str | None = None
) -> Table:
    """A table of an array of examples (N, …) and its targets (N,), (N, K) or None.

    Raises:
        ArgumentError: the examples are no numbers, or the lengths differ.
        DataError: no rows.
    """
    if hasattr(x, "toarray") and hasattr(x, "nnz"):
        raise ArgumentError("x", "a dense array", "a sparse matrix", "Give x.toarray().")
    examples: Array = x if isinstance(x, np.ndarray) else np.asarray(x)
    if examples.dtype.kind not in "biuf":
        hint = "Give a data frame when some columns are text."
        raise ArgumentError("x", f"an array of numbers in {name}", f"an array of {examples.dtype}", hint)
    if examples.dtype == np.float16:
        examples = examples.astype(np.float32)
    if examples.ndim == 0:
        raise ArgumentError("x", "an array with one row an example", f"the single number {examples}")
    if examples.size == 0:
        raise DataError(f"{name}: the table is empty (shape {examples.shape}). Give rows of data.")
    shape = examples.shape[1:]
    flat = examples.reshape(len(examples), -1) if examples.ndim != 2 else examples
    targets = None if y is None else _target(y, name)
    if targets is not None and len(targets) != len(flat):
        raise ArgumentError("y", f"{len(flat)} targets, one for each row of x", len(targets))
    named = names is not None and len(names) == flat.shape[1]
    columns = tuple(map(str, names or ())) if named else numbered(flat.shape[1])
    known = target_name or _own_names(y)
    return Table(name, flat, targets, columns, known, shape if len(shape) > 1 else None)


@lru_cache(maxsize=16)
def numbered(width: int) -> tuple[str, ...]:
    """Return the names of columns that have none.

    Example:
        >>> numbered(2)
        ('x0', 'x1')
    """
    return tuple(f"x{i}" for i in range(width))


def _target(y: Any, name: str) -> Any:
    """Targets as an array (N,) or (N, K), or a polars series left as it is."""
    if type(y).__module__.startswith("polars") and type(y).__name__ == "Series":
        return y
    if hasattr(y, "iloc") and getattr(y, "ndim", 1) == 1:
        import narwhals as nw

        return _series(nw.from_native(y, series_only=True), y.name or "y")
    labels: Array = y if isinstance(y, np.ndarray) else np.asarray(y)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim not in {1, 2}:
        raise ArgumentError("y", f"one target for each row of {name}, or a row of K targets", f"shape {labels.shape}")
    return labels
