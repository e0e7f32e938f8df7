"""The first pass over a large table: exact counts of every column, and a sample of rows to fit the encoder on.

Exact, over all rows: the number of rows, missing cells, the type of each column and cells that do not fit it, the
levels of text and targets and whether a column varies at all. From the sample: means, deviations, medians and
quantiles. Rows are added to the sample so that it has every level, every kind of gap and every class of the file.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from thalweg.core.errors import DataError
from thalweg.data.readers.frames import chosen_targets
from thalweg.data.streaming.columns import MOST_LEVELS, Column
from thalweg.data.streaming.pieces import Piece, Source
from thalweg.data.streaming.sampling import PARTS, ROW, SAMPLE_STREAM, Sample, Split, draws, together
from thalweg.data.streaming.text_pieces import TypesChanged
from thalweg.data.table import Array

if TYPE_CHECKING:
    import polars as pl

SAMPLE_ROWS = {"train": 200_000, "validation": 20_000, "test": 100_000}
"""Rows kept of each part: to fit the encoder on, to fit the noise and a calibration on, and to judge in detail."""

SAMPLE_BYTES = 64 * 2**20

Progress = Callable[[int], None]


@dataclass
class Survey:
    """What one pass has found.

    Args:
        source: the files.
        targets: names of the target columns.
        split: which row is for what.
        types: of the columns, as they have to be read.
    """

    source: Source
    targets: tuple[str, ...]
    split: Split
    types: dict[str, Any] = field(default_factory=dict)
    rows: int = 0
    texts: int = 1
    part_rows: list[int] = field(default_factory=lambda: [0] * len(PARTS))
    columns: dict[str, Column] = field(default_factory=dict)
    samples: dict[str, Sample] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.samples = {part: Sample(SAMPLE_ROWS[part], SAMPLE_BYTES) for part in PARTS}

    @property
    def kinds(self) -> dict[str, Any]:
        """Types of the columns as they are used: in files of text, cells that all spell numbers are numbers."""
        typed = self.source.typed
        return {
            name: column.dtype if typed else column.number_type or column.dtype for name, column in self.columns.items()
        }

    def read(self, piece: Piece) -> None:
        """Count the rows of a piece, and offer them to the samples."""
        import polars as pl

        frame = piece.frame
        self.texts = max(1, sum(map(_is_text, frame.dtypes)))
        first, rows = piece.start.rows, len(frame)
        self.rows += rows
        marks = official(frame, self.targets)
        parts = self.split.parts(first, rows, marks)
        keys = draws(first, rows, self.split.seed, SAMPLE_STREAM)
        numbers = np.arange(first, first + rows)
        for index, part in enumerate(PARTS):
            chosen = np.flatnonzero(parts == index)
            self.part_rows[index] += len(chosen)
            self.samples[part].add(frame[chosen], numbers[chosen], keys[chosen])
        train = frame.with_columns(pl.Series(ROW, numbers))
        whole = not (parts != 0).any()
        train = train if whole else train.filter(pl.Series(parts == 0))
        for name in frame.columns:
            if name == "is_test" and marks is not None:
                continue
            series, column = frame[name], self._column(frame[name])
            column.dtype = series.dtype
            counted = column.read(series, piece.name, piece.start.row)
            column.keep(train, counted if whole else None)

    def _column(self, series: pl.Series) -> Column:
        import polars as pl

        known = self.columns.get(series.name)
        if known is None:
            kind = series.dtype
            levels = _is_text(kind) or kind == pl.Boolean
            target = series.name in self.targets
            known = Column(series.name, kind, levels or target, not target, max(1000, MOST_LEVELS // self.texts))
            self.columns[series.name] = known
        return known

    def check(self, told: Collection[str] = ()) -> None:
        """Raise for data that cannot be learned from, while rows still have their numbers.

        Args:
            told: columns whose kind is told, in which text among numbers may be meant.

        Raises:
            DataError: no rows, no training or test rows, slips of text among numbers, or missing targets.
        """
        if not self.rows:
            raise DataError(f"{self.source.name}: the table has no rows. Give at least two.")
        train, _, test = self.part_rows
        if not train or (not test and self.split.test is None):
            part = "test" if train else "training"
            raise DataError(f"{self.source.name}: no {part} rows are left. Give more rows, or another test fraction.")
        for column in self.columns.values():
            if column.name not in told:
                column.check()
            if column.name in self.targets and column.first_missing is not None:
                file, row = column.first_missing
                raise DataError(
                    f"{file}: target {column.name!r}: {column.missing} of {column.rows} rows have no value, first row "
                    f"{row}. Fill them in, or remove these rows."
                )

    def sample(self, part: str) -> pl.DataFrame | None:
        """Return the sample of a part in the order of the file; that of the training rows with its additions."""
        frame = self.samples[part].rows()
        if frame is None:
            return None
        if part == "train":
            added = [rows for column in self.columns.values() for rows in column.additions(frame)]
            frame = together([frame, *added]).unique(ROW, maintain_order=True).sort(ROW)
        return finished(frame.drop(ROW), self.kinds)


def survey(
    source: Source,
    target: str | None,
    split: Split,
    progress: Progress = lambda done: None,
    told: Collection[str] = (),
) -> Survey:
    """Read a large table once.

    Args:
        source: the files.
        target: name of the target column, or of several, comma-separated; by default a usual name.
        split: which row is for what.
        progress: is told how many bytes are read.
        told: columns whose kind is told, in which text among numbers may be meant.

    Raises:
        ArgumentError: no such target column.
        DataError: damaged files, or data that cannot be learned from.
    """
    columns = [name for name in source.columns if name != "is_test"]
    targets = chosen_targets(columns, target, source.name)
    types: Mapping[str, Any] | None = None
    while True:
        found = Survey(source, targets, split, dict(types or {}))
        start = None
        while True:
            try:
                for piece in source.pieces(types, start):
                    types = types or dict(piece.frame.schema)
                    found.types = dict(types)
                    found.read(piece)
                    start = piece.end
                    progress(piece.done)
            except TypesChanged as change:
                types = found.types = change.types
                if change.lossy:
                    break  # text was read as numbers: the survey begins again
                continue
            found.check(told)
            return found


def _is_text(kind: Any) -> bool:
    import polars as pl

    return kind == pl.String or isinstance(kind, (pl.Categorical, pl.Enum))


def official(frame: pl.DataFrame, targets: tuple[str, ...] = ()) -> Array | None:
    """Marks (n,) of official test rows, when the data has them."""
    import polars as pl

    if "is_test" not in frame.columns or "is_test" in targets or frame["is_test"].dtype != pl.Boolean:
        return None
    marks: Array = frame["is_test"].fill_null(value=False).to_numpy()
    return marks


def finished(frame: pl.DataFrame, kinds: Mapping[str, Any]) -> pl.DataFrame:
    """The columns in the types they are used in; of text that spells numbers alone, its numbers."""
    return frame.with_columns(
        frame[name].cast(kind) for name, kind in kinds.items() if name in frame.columns and frame[name].dtype != kind
    )
