"""What the columns of a data frame are: numbers, levels, dates, or left out; and cells that do not fit."""

from __future__ import annotations

import warnings
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from thalweg.core.errors import DataError, DataWarning
from thalweg.data.dates import date_forms

if TYPE_CHECKING:
    import polars as pl

MOSTLY = 0.9  # text of which so many cells are numbers, and different ones, is taken for numbers with slips
SOME_CODES = 20  # text with at most so many different numbers is taken for codes of categories
MANY_CODES = 100
FEW_ROWS = 20  # of fewer rows, all being different or two columns being equal may be chance

KINDS: dict[str, str] = {
    "number": "a quantity, which is scaled",
    "levels": "categories: a column each, or a code each where there are many",
    "date": "dates or times: elapsed days and cycles",
    "dmy": "text with dates, the day first",
    "mdy": "text with dates, the month first",
    "ignore": "left out",
}
"""What a column can be, and can be said to be."""


@dataclass(frozen=True)
class Column:
    """What was found out about one column of a table, and what is made of it.

    Args:
        name: name of the column.
        kind: a key of ``KINDS``; dates are ``"date"`` in whatever order.
        missing: rows without a value.
        levels: how many different levels there are, for ``"levels"``.
        why: for ``"ignore"``, the reason.
    """

    name: str
    kind: str
    missing: int = 0
    levels: int | None = None
    why: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)


def as_numbers(series: pl.Series, source: str) -> pl.Series:
    """A column as Float64: dates become days since 1970, NaN becomes missing.

    Raises:
        DataError: a cell is text that is no number; names column, row and cell.
    """
    import polars as pl

    kind = series.dtype
    if kind == pl.Date:
        return series.cast(pl.Int32).cast(pl.Float64)
    if isinstance(kind, pl.Datetime):
        return series.cast(pl.Datetime("us")).cast(pl.Int64).cast(pl.Float64) / 86_400e6
    if isinstance(kind, pl.Duration):
        return series.dt.total_microseconds().cast(pl.Float64) / 86_400e6
    if kind == pl.Time:
        return series.cast(pl.Int64).cast(pl.Float64) / 86_400e9
    if kind == pl.String or isinstance(kind, (pl.Categorical, pl.Enum)):
        text = series.cast(pl.String)
        numbers = text.str.strip_chars().cast(pl.Float64, strict=False)
        bad = numbers.is_null() & text.is_not_null()
        if bad.any():
            row = int(bad.arg_true()[0])
            more = f" ({bad.sum()} such cells)" if bad.sum() > 1 else ""
            raise DataError(
                f"{source}: column {series.name!r}, row {row + 1}: expected a number, got {text[row]!r}{more}. "
                "Mend the cell, or leave it empty if the value is unknown."
            )
        series = numbers
    return series.cast(pl.Float64).fill_nan(None)


def kind_of(series: pl.Series, source: str) -> tuple[str, str]:
    """What a feature column is taken for, when nobody says: a key of ``KINDS``; and why, where it is left out.

    Raises:
        DataError: a column of lists, structures or objects; or text in a column of numbers.
    """
    import polars as pl

    kind = series.dtype
    if kind.is_numeric() or isinstance(kind, pl.Duration):
        known = series.is_not_nan() if kind.is_float() else series.is_not_null()
        return ("number", "") if known.any() else ("ignore", "holds no value")
    if kind != pl.Null and not kind.is_temporal() and kind not in {pl.String, pl.Boolean} and not _categories(kind):
        raise DataError(
            f"{source}: column {series.name!r} holds {kind}; expected numbers, text, categories, booleans or dates. "
            "Remove the column, or spread it over several."
        )
    if series.null_count() == len(series):
        return "ignore", "holds no value"
    if kind.is_temporal():
        return "date", ""
    return _kind_of_text(series, source) if kind == pl.String else ("levels", "")


def _kind_of_text(series: pl.Series, source: str) -> tuple[str, str]:
    import polars as pl

    known = series.drop_nulls()
    numbers = known.str.strip_chars().cast(pl.Float64, strict=False).drop_nulls()
    if len(numbers) == len(known) and numbers.n_unique() > MANY_CODES:
        warnings.warn(
            f"{source}: column {series.name!r} is text that holds numbers alone; it is read as numbers.",
            DataWarning,
            stacklevel=2,
        )
        return "number", ""
    if len(numbers) < len(known) and looks_numeric(len(numbers), numbers.n_unique(), len(known)):
        as_numbers(series, source)  # raises, and names the cell
    forms = date_forms(known)
    if len(forms) > 1:
        warnings.warn(
            f"{source}: column {series.name!r} holds dates of which day and month cannot be told apart. Say dmy or "
            "mdy for the column, or write them as 2024-12-31.",
            DataWarning,
            stacklevel=2,
        )
    elif forms:
        return "date", ""
    if len(known) >= FEW_ROWS and known.n_unique() == len(known):
        return "ignore", f"holds {len(known)} different texts, as names or identifiers do"
    return "levels", ""


def _categories(kind: pl.DataType) -> bool:
    import polars as pl

    return isinstance(kind, (pl.Categorical, pl.Enum))


def is_number(text: str) -> bool:
    """Return whether a text spells a number.

    Example:
        >>> [is_number(text) for text in ("-1e3", " 2 ", "nan", "1,5", "")]
        [True, True, True, False, False]
    """
    try:
        float(text)
    except ValueError:
        return False
    return True


def looks_numeric(numbers: int, different: int, cells: int) -> bool:
    """Whether text is a column of numbers with slips: nearly all cells are numbers, and they differ."""
    return numbers >= MOSTLY * cells and different > min(SOME_CODES, cells // 2)
