"""Parquet files in pieces of rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thalweg.core.errors import DataError
from thalweg.data.readers.columnar import check_parquet, guarded
from thalweg.data.streaming.pieces import Piece, Place

if TYPE_CHECKING:
    import polars as pl

PIECE_CELLS = 2_000_000
"""Cells of a piece: as numbers 16 MB; a reader also holds the pages of the row group that they are in."""


@dataclass(frozen=True)
class ParquetFiles:
    """Parquet files with the same columns.

    Args:
        name: as the user gave it.
        files: in the order of their rows.
        columns: names of the columns.
        rows: of each file.
    """

    name: str
    files: tuple[Path, ...]
    columns: tuple[str, ...]
    rows: tuple[int, ...]

    @staticmethod
    def open(name: str, files: tuple[Path, ...]) -> ParquetFiles:
        """Look at the files' headers.

        Raises:
            DataError: a damaged or truncated file, or files with different columns.
        """
        import polars as pl

        columns: tuple[str, ...] = ()
        rows = []
        for file in files:
            check_parquet(file)
            schema = guarded(file, pl.read_parquet_schema, "Parquet")
            columns = columns or tuple(schema)
            if set(schema) != set(columns):
                odd = min(set(schema) ^ set(columns))
                raise DataError(f"{file}: its columns are not those of {files[0]}: {odd!r} is in one of them alone.")
            rows.append(guarded(file, _height, "Parquet"))
        return ParquetFiles(name, files, columns, tuple(rows))

    @property
    def typed(self) -> bool:
        """Parquet files do."""
        return True

    @property
    def table_bytes(self) -> int:
        """Eight bytes a cell."""
        return 8 * len(self.columns) * sum(self.rows)

    def pieces(self, types: Mapping[str, Any] | None = None, start: Place | None = None) -> Iterator[Piece]:
        """Yield the rows in order, see `Source`; types are those of the files."""
        import polars as pl

        del types
        place = start or Place()
        step = max(1, PIECE_CELLS // max(1, len(self.columns)))
        before = sum(file.stat().st_size for file in self.files[: place.file])
        for number in range(place.file, len(self.files)):
            file, rows = self.files[number], self.rows[number]
            size = file.stat().st_size
            while place.row < rows:
                first = place.row

                def rows_of(path: Path, first: int = first) -> pl.DataFrame:
                    return pl.scan_parquet(path, glob=False).select(self.columns).slice(first, step).collect()

                frame = guarded(file, rows_of, "Parquet")
                row = first + frame.height
                end = Place(number, row, row, place.rows + frame.height)
                yield Piece(frame, str(file), place, end, before + size * row // rows)
                place = end
            before += size
            place = Place(number + 1, 0, 0, place.rows)


def _height(path: Path) -> int:
    import polars as pl

    return int(pl.scan_parquet(path, glob=False).select(pl.len()).collect().item())
