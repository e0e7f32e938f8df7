"""Dates and times as numbers: elapsed days, and a point on a circle for each cycle that varies.

A network sees from elapsed time what is early and what is late, but not that December is followed by January. The
year, the week and the day therefore become cos and sin of 2π times the share of them that has passed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from thalweg.core.errors import DataError
from thalweg.data.table import Array

if TYPE_CHECKING:
    import polars as pl

DAY = 86_400e6  # microseconds
ISO = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d")
DAY_FIRST = ("%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y", "%d %b %Y", "%d %B %Y", "%d-%b-%Y")
MONTH_FIRST = ("%m/%d/%Y", "%m-%d-%Y", "%b %d, %Y", "%B %d, %Y")
TIMES = ("", "T%H:%M:%S%.f", " %H:%M:%S%.f", "T%H:%M", " %H:%M", "T%H:%M:%S%.f%#z", " %H:%M:%S%.f%#z")
SHAPE = re.compile(
    r"\s*(\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|\d{1,2}[ -][A-Za-z]{3,9}[ -]\d{4}|[A-Za-z]{3,9} \d{1,2}, \d{4})"
)
FIRST_CELLS = 200  # so many cells tell which forms are worth trying on all


@dataclass(frozen=True)
class Dates:
    """A fitted map of one column of dates, moments or times of day to numbers.

    Args:
        name: name of the column.
        cycles: keys of ``CYCLES`` that varied in training.
        form: for text, how it spells a date, as in ``strptime``.
        zone: time zone in which days and hours are counted.

    Example:
        >>> import polars as pl
        >>> days = pl.Series("when", ["2024-01-01", "2024-01-02", None])
        >>> dates = Dates.fit(days)
        >>> dates.cycles, dates.form, dates.feature_names
        (('week',), '%Y-%m-%d', ('when', 'when (week cos)', 'when (week sin)'))
        >>> dates.transform(days)[:, 0].tolist()
        [19723.0, 19724.0, nan]
    """

    name: str
    cycles: tuple[str, ...]
    form: str | None = None
    zone: str | None = None

    @staticmethod
    def fit(series: pl.Series, order: str | None = None, source: str = "data") -> Dates:
        """Find out what varies, and how text spells dates.

        Args:
            series: dates, moments, times of day, or text.
            order: ``"dmy"`` or ``"mdy"`` where text does not tell whether the day or the month comes first.
            source: name of the data, for messages.

        Raises:
            DataError: text that spells no dates, or none that can be told for sure; names the column.
        """
        import polars as pl

        form = zone = None
        if series.dtype == pl.String:
            forms = date_forms(series, order)
            if len(forms) != 1:
                why = "day and month cannot be told apart" if forms else "no known form of dates fits all its cells"
                hint = "Say dmy or mdy for the column" if forms else "Write dates as 2024-12-31, or choose another kind"
                raise DataError(f"{source}: column {series.name!r}: {why}. {hint}.")
            form = forms[0]
            series = _parsed(series, form)
        if isinstance(series.dtype, pl.Datetime):
            zone = series.dtype.time_zone
        elif series.dtype not in {pl.Date, pl.Time}:
            raise DataError(
                f"{source}: column {series.name!r}: expected dates, got {series.dtype}. Choose another kind."
            )
        known = series.drop_nulls()
        return Dates(series.name, tuple(name for name in CYCLES if _varies(known, name)), form, zone)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the columns it makes."""
        parts = (f"{self.name} ({cycle} {wave})" for cycle in self.cycles for wave in ("cos", "sin"))
        return (self.name, *parts)

    def transform(self, series: pl.Series, source: str = "data") -> Array:
        """Numbers (n, parts) as float64: days since 1970 (or of a time, since midnight), then cos and sin of cycles.

        A missing date is NaN in the first column and the center of the circle, 0, in the others.

        Raises:
            DataError: a cell that is no date, or a column of another type; names column, row and cell.
        """
        moments = self.moments(series, source)
        gaps = moments.is_null().to_numpy()
        out = np.zeros((len(moments), len(self.feature_names)))
        out[:, 0] = _elapsed(moments)
        for i, cycle in enumerate(self.cycles):
            angle = 2 * np.pi * CYCLES[cycle](moments).fill_null(0.0).to_numpy()
            out[:, 1 + 2 * i] = np.where(gaps, 0.0, np.cos(angle))
            out[:, 2 + 2 * i] = np.where(gaps, 0.0, np.sin(angle))
        return out

    def moments(self, series: pl.Series, source: str = "data") -> pl.Series:
        """The cells as dates, moments or times of day, text read and zones moved as in training.

        Raises:
            DataError: a cell that is no date, or a column of another type; names column, row and cell.
        """
        import polars as pl

        if series.dtype == pl.String:
            forms = date_forms(series) if self.form is None else [self.form]
            moments = _parsed(series, forms[0]) if forms else pl.Series(series.name, [None] * len(series), pl.Date)
            bad = moments.is_null() & series.is_not_null()
            if bad.any():
                row = int(bad.arg_true()[0])
                form = f" like {self.form}" if self.form else ""
                raise DataError(
                    f"{source}: column {series.name!r}, row {row + 1}: expected a date{form}, got {series[row]!r}. "
                    "Mend the cell, or leave it empty if the value is unknown."
                )
            series = moments
        if series.dtype == pl.Null:
            return series.cast(pl.Date)
        if not series.dtype.is_temporal() or isinstance(series.dtype, pl.Duration):
            raise DataError(
                f"{source}: column {series.name!r}: expected dates as in training, got {series.dtype}. "
                "Give dates, or train again."
            )
        if isinstance(series.dtype, pl.Datetime):
            if series.dtype.time_zone and self.zone:
                return series.dt.convert_time_zone(self.zone)
            if self.zone:  # a wall clock of that zone
                return series.dt.replace_time_zone(self.zone, ambiguous="earliest", non_existent="null")
            return series.dt.replace_time_zone(None)
        return series

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {"name": self.name, "cycles": list(self.cycles), "form": self.form, "zone": self.zone}

    @staticmethod
    def from_dict(data: dict[str, Any]) -> Dates:
        """Inverse of ``to_dict``."""
        if not set(data["cycles"]) <= set(CYCLES):
            raise ValueError(f"no cycles of dates: {data['cycles']}")
        return Dates(data["name"], tuple(data["cycles"]), data["form"], data["zone"])


def date_forms(series: pl.Series, order: str | None = None) -> list[str]:
    """The forms of dates that all cells of a text column have and that read them differently; usually one or none.

    Example:
        >>> import polars as pl
        >>> date_forms(pl.Series(["31/12/2024", "01/02/2024"])), date_forms(pl.Series(["01/02/2024", "03/04/2024"]))
        (['%d/%m/%Y'], ['%d/%m/%Y', '%m/%d/%Y'])
    """
    known = series.drop_nulls()
    if not len(known) or not all(SHAPE.match(cell) for cell in known.head(FIRST_CELLS).to_list()):
        return []
    orders = {"dmy": DAY_FIRST, "mdy": MONTH_FIRST, None: (*ISO, *DAY_FIRST, *MONTH_FIRST)}[order]
    found: dict[str, pl.Series] = {}
    for form in (day + time for day in orders for time in TIMES):
        if _parsed(known.head(FIRST_CELLS), form).null_count():
            continue
        moments = _parsed(known, form)
        if not moments.null_count() and not any(moments.equals(other) for other in found.values()):
            found[form] = moments
    return list(found)


def _parsed(series: pl.Series, form: str) -> pl.Series:
    import polars as pl

    kind = pl.Datetime("us") if "%H" in form else pl.Date
    moments = series.str.strip_chars().str.strptime(kind, form, strict=False)
    # Two digits are no year: 24 would be the time of Augustus.
    return moments.set(moments.dt.year() < 100, None) if len(moments) else moments


def _elapsed(moments: pl.Series) -> Array:
    """Days since 1970, or of a time of day since midnight; NaN where missing."""
    import polars as pl

    if moments.dtype == pl.Date:
        days = moments.cast(pl.Int32).cast(pl.Float64)
    elif moments.dtype == pl.Time:
        days = moments.cast(pl.Int64).cast(pl.Float64) / (1e3 * DAY)
    else:
        days = moments.cast(pl.Datetime("us", moments.dtype.time_zone)).cast(pl.Int64).cast(pl.Float64) / DAY  # type: ignore[attr-defined]
    array: Array = days.fill_null(np.nan).to_numpy()
    return array


def _year(moments: pl.Series) -> pl.Series:
    return (moments.dt.ordinal_day() - 1).cast(float) / 365.25


def _week(moments: pl.Series) -> pl.Series:
    return (moments.dt.weekday() - 1).cast(float) / 7


def _day(moments: pl.Series) -> pl.Series:
    hours = moments.dt.hour().cast(float) + moments.dt.minute().cast(float) / 60 + moments.dt.second() / 3600
    return hours / 24


CYCLES: dict[str, Callable[[pl.Series], pl.Series]] = {"year": _year, "week": _week, "day": _day}
"""Cycles of time: the share of each that has passed."""


def _varies(moments: pl.Series, cycle: str) -> bool:
    import polars as pl

    if moments.dtype == pl.Time:
        return cycle == "day" and moments.n_unique() > 1
    if cycle == "year":  # within one month there is no course of the year to see
        return moments.dt.month().n_unique() > 1
    if cycle == "week":
        return moments.dt.weekday().n_unique() > 1
    return moments.dtype != pl.Date and _day(moments).n_unique() > 1
