"""The rows of a large file as tables, one after the other: for a model that answers, not for one that learns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from thalweg.data.readers.frames import from_frame
from thalweg.data.streaming.pieces import Piece, Source
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
