"""The rows of a large file as tables, one after the other: for a model that answers, not for one that learns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from thalweg.core.errors import DataError
from thalweg.data.read import read
from thalweg.data.readers.frames import from_frame
from thalweg.data.streaming import survey
from thalweg.data.streaming.pieces import Piece, Source, large_source
from thalweg.data.streaming.sampling import ROW, SAMPLE_STREAM, Sample, draws
from thalweg.data.streaming.text_pieces import TypesChanged
from thalweg.data.table import Table

ANSWERED_ROWS = 2**16
"""A model answers so many rows at once: distributions take some hundred bytes a row."""


def settled_types(source: Source) -> dict[str, Any] | None:
    """The types of the columns that hold for all rows of files of text, by reading them once; None where files tell.

    Raises:
        DataError: a damaged or truncated file, or no table.
    """
    if source.typed:
        return None
    types: dict[str, Any] | None = None
    start = None
    while True:
        try:
            for piece in source.pieces(types, start):
                types = types or dict(piece.frame.schema)
                start = piece.end
        except TypesChanged as change:
            types = change.types  # wider ones hold for what has been read, too
            continue
        return types


def read_some(data: str | Path, target: str | None, part: str) -> tuple[Table, int]:
    """Return the rows of data with their target, of a large file a uniform sample; and of how many rows.

    Args:
        data: file, folder, pattern of names, or bundled set.
        target: name of the target column; by default the usual ones.
        part: what the rows are for, a key of ``SAMPLE_ROWS``.

    Raises:
        StorageError: no such file.
        DataError: a damaged or truncated file, or no table.
        ArgumentError: no such column.
    """
    source = large_source(data)
    if source is None:
        table = read(data, target=target)
        return table, len(table)
    sample, rows = Sample(survey.SAMPLE_ROWS[part], survey.SAMPLE_BYTES), 0
    for piece in source.pieces(settled_types(source)):
        numbers = np.arange(len(piece.frame))
        sample.add(piece.frame, rows + numbers, draws(rows, len(numbers), 0, SAMPLE_STREAM))
        rows += len(numbers)
    chosen = sample.rows()
    if chosen is None:
        raise DataError(f"{source.name}: the table is empty. Give rows of data.")
    return from_frame(chosen.drop(ROW), source.name, target, need_target=True), rows


def tables_of(source: Source, target: str | None = None) -> Iterator[tuple[Table, Piece, int]]:
    """Yield all rows as tables in their order, with the piece they come from and how many of its rows lie before.

    Args:
        source: the files.
        target: name of the target column; tables without it have none.

    Raises:
        DataError: a damaged or truncated file, or no table.
    """
    for piece in source.pieces(settled_types(source)):
        for first in range(0, len(piece.frame), ANSWERED_ROWS):
            rows = piece.frame[first : first + ANSWERED_ROWS]
            yield from_frame(rows, piece.name, target, need_target=False), piece, first
