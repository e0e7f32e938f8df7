"""From the columns of a data frame to their fitted encodings: what each is, what is left out, and why."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from thalweg.core.errors import ArgumentError, DataWarning, nearest
from thalweg.core.registry import lookup
from thalweg.data.codes import Codes
from thalweg.data.dates import Dates
from thalweg.data.levels import MOST_LEVELS, Levels, as_text
from thalweg.data.schema import FEW_ROWS, KINDS, Column, as_numbers, kind_of
from thalweg.data.table import Array, Table

if TYPE_CHECKING:
    import polars as pl

FEW_LEVELS = 8
"""Columns of at most so many levels are one-hot coded, others embedded: as in RealMLP (Holzmüller et al. 2024)."""

FINGERPRINT = 64  # so many cells tell which columns are worth comparing in full


@dataclass(frozen=True)
class Wishes:
    """What a user says about the columns; everything else is inferred.

    Args:
        kinds: column ↦ a key of ``KINDS``.
        embed: whether columns with more than ``onehot_levels`` levels get codes, of which the network learns vectors;
            without it they are one-hot coded too, up to 100 levels each.
        onehot_levels: see ``embed``.
        min_count: levels with fewer rows share one code or column; by default 2 for codes, 1 for one-hot columns.
    """

    kinds: Mapping[str, str]
    embed: bool = False
    onehot_levels: int = FEW_LEVELS
    min_count: int | None = None

    def check(self, names: Sequence[str], source: str) -> None:
        """Check that the columns and kinds exist.

        Raises:
            ArgumentError: they do not; names the nearest.
        """
        for name, kind in self.kinds.items():
            if name not in names:
                raise ArgumentError("columns", f"columns of {source}", repr(name), nearest(name, names))
            lookup(KINDS, kind, f"columns: {name}")


@dataclass(frozen=True)
class Fitted:
    """The fitted encodings of the columns of a data frame.

    Args:
        columns: what each column is, in the order of the frame.
        numbers: names of the columns that are quantities.
        dates: fitted dates.
        levels: fitted one-hot columns.
        codes: fitted codes.
    """

    columns: tuple[Column, ...]
    numbers: tuple[str, ...]
    dates: tuple[Dates, ...]
    levels: tuple[Levels, ...]
    codes: tuple[Codes, ...]

    @property
    def ignored(self) -> tuple[str, ...]:
        """Columns that are left out."""
        return tuple(column.name for column in self.columns if column.kind == "ignore")


def fit_columns(table: Table, wishes: Wishes) -> Fitted:
    """Find out what the columns of a data frame are, and fit their encodings.

    Columns that hold no value, never vary, equal another or look like identifiers are left out with a warning, unless
    their kind was asked for.

    Raises:
        ArgumentError: a wish for a column or kind that does not exist.
        DataError: a column that cannot be learned from, or cells that do not fit its kind.
    """
    frame, source = table.frame, table.name
    wishes.check(table.feature_names, source)
    columns, contents = [], {}
    for name in table.feature_names:
        wish = wishes.kinds.get(name)
        kind, why = (wish, "as asked for") if wish is not None else kind_of(frame[name], source)
        if wish is None and why:
            warnings.warn(f"{source}: column {name!r} {why}; it is left out.", DataWarning, stacklevel=3)
        if kind != "ignore":
            contents[name] = _content(frame[name], kind, source)
            why = ""
        columns.append(_counted(Column(name, kind, why=why), contents.get(name, frame[name])))
    columns = _without_idle(columns, frame, contents, wishes.kinds, source)
    kinds = {column.name: column.kind for column in columns}
    orders = {name: order for name, order in kinds.items() if order in {"dmy", "mdy"}}
    dated = [name for name, kind in kinds.items() if kind == "date" or name in orders]
    many = {c.name for c in columns if wishes.embed and (c.levels or 0) > wishes.onehot_levels}
    text = [name for name, kind in kinds.items() if kind == "levels"]
    levels = tuple(Levels.fit(frame[n], min_count=wishes.min_count or 1) for n in text if n not in many)
    for column in levels:
        if column.other and len(column.levels) == MOST_LEVELS:
            _warn_of_levels(column.name, contents[column.name].drop_nulls().n_unique(), source)
    return Fitted(
        columns=tuple(replace(c, kind="date") if c.name in orders else c for c in columns),
        numbers=tuple(name for name, kind in kinds.items() if kind == "number"),
        dates=tuple(Dates.fit(frame[name], orders.get(name), source) for name in dated),
        levels=levels,
        codes=tuple(Codes.fit(frame[name], wishes.min_count or 2) for name in text if name in many),
    )


def number_matrix(frame: pl.DataFrame, names: Sequence[str], dates: Sequence[Dates], source: str) -> Array:
    """The numbers and the parts of dates of a frame as one matrix (N, d), NaN where missing.

    It has float64, or float32 where the frame has nothing else.

    Raises:
        DataError: a cell that is no number or date; names column, row and cell.
    """
    if not dates and tuple(frame.columns) == tuple(names) and all(_native(kind) for kind in frame.dtypes):
        # At once, which for a single row takes a tenth of the time; row by row, as many rows are read again and again.
        whole: Array = frame.to_numpy(order="c")
        return whole if whole.dtype == np.float32 else whole.astype(np.float64, copy=False)
    parts = [date.transform(frame[date.name], source) for date in dates]
    matrix = np.empty((len(frame), len(names) + sum(part.shape[1] for part in parts)), order="F")
    for i, name in enumerate(names):
        series = frame[name]
        matrix[:, i] = (series if _native(series.dtype) else as_numbers(series, source)).to_numpy()
    if parts:
        np.concatenate(parts, axis=1, out=matrix[:, len(names) :])
    return matrix


def _native(kind: pl.DataType) -> bool:
    """Whether NumPy has the type; what is missing then becomes NaN."""
    return kind.is_float() or (kind.is_integer() and not str(kind).endswith("128"))


def _content(series: pl.Series, kind: str, source: str) -> pl.Series:
    """The column as it will be encoded, so far as telling equal ones needs it."""
    if kind == "number":
        return as_numbers(series, source)
    return as_text(series) if kind == "levels" else series


def _counted(column: Column, content: pl.Series) -> Column:
    levels = content.drop_nulls().n_unique() if column.kind == "levels" else None
    return replace(column, missing=content.null_count(), levels=levels)


def _without_idle(
    columns: list[Column], frame: pl.DataFrame, contents: Mapping[str, pl.Series], asked: Mapping[str, str], source: str
) -> list[Column]:
    """Leave out columns that never vary, or equal an earlier one."""
    seen: dict[tuple[object, ...], list[str]] = {}
    why: dict[str, str] = {}
    for column in columns:
        name = column.name
        if column.kind == "ignore":
            continue
        raw, content = frame[name], contents[name]
        if name not in asked and len(raw) > 1 and raw.head(FINGERPRINT).n_unique() == raw.n_unique() == 1:
            why[name] = "never varies"
            continue
        step = max(1, len(content) // FINGERPRINT)
        mark = (column.kind, column.missing, content.dtype, *content.gather_every(step).to_list())
        twin = next((other for other in seen.get(mark, []) if contents[other].equals(content, null_equal=True)), None)
        if twin is not None and name not in asked and len(content) >= FEW_ROWS:
            why[name] = f"equals {twin!r}"
        else:
            seen.setdefault(mark, []).append(name)
    constant = [name for name, reason in why.items() if reason == "never varies"]
    equal = [f"{name!r} ({reason})" for name, reason in why.items() if reason != "never varies"]
    for what, names in (("never vary", some(constant)), ("equal another", some(equal, str))):
        if names:
            warnings.warn(f"{source}: columns that {what} are left out: {names}.", DataWarning, stacklevel=4)
    return [replace(c, kind="ignore", why=why[c.name]) if c.name in why else c for c in columns]


def some(names: Sequence[str], spelled: type[str] | None = None) -> str:
    """A few names for a message.

    Example:
        >>> some(["a", "b"]), some(list("abcdefg"))
        ("'a', 'b'", "'a', 'b', 'c', 'd', 'e' and 2 more")
    """
    shown = ", ".join(map(spelled or repr, names[:5]))
    return f"{shown} and {len(names) - 5} more" if len(names) > 5 else shown


def _warn_of_levels(name: str, count: int, source: str) -> None:
    warnings.warn(
        f"{source}: column {name!r} has {count} levels: the {MOST_LEVELS} most frequent get a column each, the others "
        "share one.",
        DataWarning,
        stacklevel=4,
    )
