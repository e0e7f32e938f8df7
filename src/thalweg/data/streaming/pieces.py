"""A large table in pieces: which files it is made of, and reading them from any place on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from thalweg.core.files import storage_errors
from thalweg.data.formats import format_of, table_files

if TYPE_CHECKING:
    import polars as pl

LARGE_BYTES = 64 * 2**20
"""Tables up to this size are read whole when a model answers."""

COPIES = 5
"""Of a table's size, what reading, splitting and encoding it in memory take at their peak."""


@dataclass(frozen=True)
class Place:
    """Where reading goes on.

    Args:
        file: number of the file.
        offset: within it: bytes (of unpacked text), or rows of Parquet.
        row: rows of this file before that.
        rows: rows of all files before that.
    """

    file: int = 0
    offset: int = 0
    row: int = 0
    rows: int = 0


@dataclass(frozen=True, eq=False)
class Piece:
    """Some rows in a frame.

    Args:
        frame: the rows, with all columns.
        name: of their file.
        start: where they began.
        end: where the next ones begin.
        done: bytes of all files, up to here, for a progress bar.
    """

    frame: pl.DataFrame
    name: str
    start: Place
    end: Place
    done: int


class Source(Protocol):
    """Files that hold one table."""

    @property
    def name(self) -> str:
        """As the user gave it."""

    @property
    def files(self) -> tuple[Path, ...]:
        """In the order of their rows."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""

    @property
    def typed(self) -> bool:
        """Whether the files tell the types of their columns; else text that spells numbers alone is numbers."""

    @property
    def table_bytes(self) -> int:
        """About what the table takes as a frame in memory."""

    def pieces(self, types: Mapping[str, Any] | None = None, start: Place | None = None) -> Iterator[Piece]:
        """Yield the rows in order, from a place on.

        Args:
            types: of the columns of text files; without them the first piece decides.
            start: a place that a former reading told, by default the first row.

        Raises:
            DataError: a damaged or truncated file, or no table.
        """


def open_source(text: str | Path) -> Source | None:
    """The table that a path, a folder or a pattern stands for, to be read in pieces; None when it is something else.

    Raises:
        StorageError: files that cannot be read, or a pattern that none fits.
        DataError: an empty or truncated file, or files with different columns.
    """
    files = table_files(text)
    if not files:
        return None
    with storage_errors("read", files[0]):
        if format_of(files[0]) == "parquet":
            from thalweg.data.streaming.parquet_pieces import ParquetFiles

            return ParquetFiles.open(str(text), files)
        from thalweg.data.streaming.text_pieces import TextFiles

        return TextFiles.open(str(text), files)


def large_source(text: str | Path) -> Source | None:
    """The table that a path stands for, if it is so large that a model had better answer piece by piece."""
    source = open_source(text)
    return source if source is not None and source.table_bytes > LARGE_BYTES else None


def needed_memory(source: Source) -> int:
    """About how many bytes reading and encoding a table at once take: the frame, its numbers, their copies."""
    return COPIES * source.table_bytes


def total_bytes(files: tuple[Path, ...]) -> int:
    """Size of all files together."""
    return sum(file.stat().st_size for file in files)
