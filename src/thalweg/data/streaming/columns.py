"""What a survey learns of one column: exact counts, and a few rows for each level that a sample may miss."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from thalweg.core.errors import DataError
from thalweg.data.schema import looks_numeric
from thalweg.data.streaming.sampling import together

if TYPE_CHECKING:
    import polars as pl

MOST_LEVELS = 40_000
"""So many levels are followed, in all columns of text together; a column with more holds names or identifiers."""

COPIES = 4
"""Rows kept for each level, so that every one that is not rare in the file is none in the sample either."""

ENOUGH = 101
"""So many different numbers in a column of text are many by every rule."""


@dataclass
class Column:
    """Exact statistics of a column, over all rows that are read.

    Args:
        name: of the column.
        dtype: its type.
        levels_matter: whether its values are levels, or may be: text, booleans, and every target.
        gaps_matter: whether a missing value is worth a row of its own.
        most_levels: how many levels are followed.
    """

    name: str
    dtype: Any
    levels_matter: bool
    gaps_matter: bool
    most_levels: int = MOST_LEVELS
    rows: int = 0
    missing: int = 0
    first_missing: tuple[str, int] | None = None
    low: Any = None
    high: Any = None
    numeric_cells: int = 0
    whole_numbers: bool = True
    numbers: set[str] = field(default_factory=set)
    first_slip: tuple[str, int, str] | None = None
    counts: pl.DataFrame | None = None
    extremes: list[Any] = field(default_factory=list)
    carriers: list[Any] = field(default_factory=list)

    def read(self, series: pl.Series, file: str, first: int) -> pl.DataFrame:
        """Count a piece of the column.

        Args:
            series: cells of consecutive rows.
            file: their file, for messages.
            first: rows of the file before them.

        Returns:
            The different cells, ``level``, and how often each occurs, ``count``.
        """
        import polars as pl

        gaps = series.null_count() + (int(series.is_nan().sum() or 0) if series.dtype.is_float() else 0)
        if gaps and self.first_missing is None:
            missing = series.is_null() | series.is_nan() if series.dtype.is_float() else series.is_null()
            self.first_missing = (file, first + int(missing.arg_true()[0]) + 1)
        self.rows += len(series)
        self.missing += gaps
        counted = series.value_counts() if self.levels_matter else pl.DataFrame({"level": [], "count": []})
        counted.columns = ["level", "count"]
        if series.dtype == pl.String:
            self._numbers(series, counted, file, first)
        return counted

    def _numbers(self, series: pl.Series, counted: pl.DataFrame, file: str, first: int) -> None:
        """How many cells of text spell numbers; remembers the first that does not."""
        import polars as pl

        known = counted.filter(pl.col("level").is_not_null())
        spelled = known.filter(pl.col("level").cast(pl.Float64, strict=False).is_not_null())
        self.numeric_cells += int(spelled["count"].sum())
        if spelled.height:
            whole = spelled["level"].cast(pl.Int64, strict=False).null_count() == 0
            self.whole_numbers = self.whole_numbers and whole
            if len(self.numbers) < ENOUGH:
                self.numbers.update(spelled["level"].head(ENOUGH).to_list())
        if spelled.height < known.height and self.first_slip is None:
            bad = series.cast(pl.Float64, strict=False).is_null() & series.is_not_null()
            place = int(bad.arg_true()[0])
            self.first_slip = (file, first + place + 1, str(series[place]))

    @property
    def known(self) -> int:
        """Cells that hold something."""
        return self.rows - self.missing

    @property
    def number_type(self) -> Any:
        """For text: the type of the numbers that all known cells spell, or None."""
        import polars as pl

        if self.dtype != pl.String or not self.known or self.numeric_cells < self.known:
            return None
        return pl.Int64 if self.whole_numbers else pl.Float64

    def check(self) -> None:
        """Raise where a column of numbers has slips of text.

        Raises:
            DataError: names file, column, row and cell.
        """
        if self.first_slip is None or not looks_numeric(self.numeric_cells, len(self.numbers), self.known):
            return
        file, row, cell = self.first_slip
        slips = self.known - self.numeric_cells
        more = f" ({slips} such cells)" if slips > 1 else ""
        raise DataError(
            f"{file}: column {self.name!r}, row {row}: expected a number, got {cell!r}{more}. "
            "Mend the cell, or leave it empty if the value is unknown."
        )

    def keep(self, train: pl.DataFrame, counted: pl.DataFrame | None = None) -> None:
        """Keep rows that carry levels with few rows so far, the first gaps, and the extremes.

        Args:
            train: rows that are trained on, with the column ``ROW``.
            counted: their different cells, if they have been counted.
        """
        import polars as pl

        series = train[self.name]
        if self.levels_matter:
            self._keep_levels(train, counted)
        elif self.gaps_matter and len(self.carriers) < COPIES and series.null_count():
            self.carriers.append(train.filter(pl.col(self.name).is_null()).head(1))
        if series.dtype.is_numeric() or series.dtype.is_temporal():
            if series.dtype.is_float():
                series = series.fill_nan(None)
            for place, end in ((series.arg_min(), "low"), (series.arg_max(), "high")):
                if place is None:
                    continue
                value, former = series[place], getattr(self, end)
                if former is None or (value < former if end == "low" else value > former):
                    setattr(self, end, value)
                    self.extremes = [*self.extremes[-1:], train[place]]

    def _keep_levels(self, train: pl.DataFrame, counted: pl.DataFrame | None) -> None:
        import polars as pl

        if counted is None:
            counted = train[self.name].value_counts()
            counted.columns = ["level", "count"]
        former = self.counts
        if former is None:
            scarce, merged = counted, counted
        else:
            enough = former.filter(pl.col("count") >= COPIES)
            scarce = counted.join(enough, on="level", how="anti", nulls_equal=True)
            merged = pl.concat([former, counted]).group_by("level").agg(pl.col("count").sum())
        self.counts = merged
        if merged.height > self.most_levels:
            self.levels_matter, self.counts, self.carriers = False, None, []
        elif scarce.height:
            levels = scarce.select(pl.col("level").alias(self.name))
            rows = train.join(levels, on=self.name, how="semi", nulls_equal=True, maintain_order="left")
            self.carriers.append(rows.group_by(self.name, maintain_order=True).head(COPIES).select(train.columns))

    def additions(self, sample: pl.DataFrame) -> list[pl.DataFrame]:
        """Rows to add to a sample: each level at least ``COPIES`` times, a gap, and a column that varies at all."""
        import polars as pl

        found = []
        series = sample[self.name]
        if self.carriers:
            kept = together(self.carriers)
            if self.levels_matter:
                kept = kept.group_by(self.name, maintain_order=True).head(COPIES).select(sample.columns)
                often = series.value_counts().filter(pl.col("count") >= COPIES).select(self.name)
                kept = kept.join(often, on=self.name, how="anti", nulls_equal=True)
            elif series.null_count():
                kept = kept.head(0)
            found.append(kept)
        if self.extremes and series.n_unique() <= 1 + (series.null_count() > 0):
            found += self.extremes
        return [rows.select(sample.columns) for rows in found if rows.height]
