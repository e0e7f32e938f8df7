"""Passing over arrays of numbers a chunk at a time, so that a mapped array is never loaded whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from thalweg.core.errors import DataError
from thalweg.data.table import Array

CHUNK_BYTES = 2**24
ABSURD = 1e30  # a larger magnitude is taken for a mistake: its square does not fit into float32
SUM_ROWS = 1024  # float32 sums run over at most so many rows, then go on in float64


def chunks(x: Array, most: int = CHUNK_BYTES) -> Iterator[tuple[int, Array]]:
    """Yield (first row, rows) in pieces of about 16 MB and at most ``most`` rows."""
    step = min(most, max(1, CHUNK_BYTES // max(1, x.shape[1] * x.dtype.itemsize)))
    for start in range(0, len(x), step):
        yield start, np.asarray(x[start : start + step])


def check_numbers(x: Array, names: Sequence[str], source: str) -> None:
    """Refuse infinite and absurdly large numbers; missing ones (NaN) pass.

    Raises:
        DataError: names the column and the row, counted from 1.
    """
    if x.dtype.kind == "f":
        for start, rows in chunks(x):
            _check_chunk(rows, start, names, source)


def _check_chunk(rows: Array, start: int, names: Sequence[str], source: str) -> None:
    bad = np.abs(rows) > ABSURD  # NaN compares as False
    if bad.any():
        row, column = (int(i) for i in np.argwhere(bad)[0])
        name = names[column] if column < len(names) else f"x{column}"
        raise DataError(
            f"{source}: column {name!r}, row {start + row + 1} holds {rows[row, column]!s}; expected numbers within "
            f"±{ABSURD:g}. Mend or remove the row, or leave the cell empty if the value is unknown."
        )


def sums(x: Array, shared: bool, names: Sequence[str], source: str) -> tuple[Array, Array, Array, Array]:
    """Count, sum and sum of squares of x - shift per column, and the shift: the mean of the first chunk.

    A shift near the mean keeps the textbook formula E[(x-s)²] - E[x-s]² from cancelling. Within a chunk float32
    data stays float32, where BLAS is fast; chunks are added up in float64.

    Args:
        x: numbers (N, d); NaN where missing.
        shared: whether all columns share one shift.
        names: column names, for messages.
        source: name of the data, for messages.

    Raises:
        DataError: an infinite or absurdly large number; names column and row.
    """
    width = x.shape[1]
    count, total, square = (np.zeros(width) for _ in range(3))
    shift: Array | None = None
    kind = np.float32 if x.dtype.itemsize <= 2 or x.dtype == np.float32 else np.float64
    for start, rows in chunks(x, SUM_ROWS):
        if shift is None:
            with np.errstate(all="ignore"):
                first = rows.mean(axis=None if shared else 0, dtype=np.float64)
            # As it is subtracted: what rounding takes from it must not come back with the mean.
            shift = np.atleast_1d(np.where(np.isfinite(first), first, 0.0)).astype(kind).astype(np.float64)
        with np.errstate(all="ignore"):
            centered = np.subtract(rows, shift.astype(kind), dtype=kind)
            squares = np.einsum("nd,nd->d", centered, centered).astype(np.float64)
        if (squares < ABSURD**2 / 4).all():  # else something is missing, infinite or absurd
            count += len(rows)
            total += np.ones(len(rows), kind) @ centered
            square += squares
        else:
            _check_chunk(rows, start, names, source)
            wide = rows.astype(np.float64) - shift
            known = ~np.isnan(wide)
            wide[~known] = 0.0
            count += known.sum(axis=0)
            total += wide.sum(axis=0)
            square += np.einsum("nd,nd->d", wide, wide)
    assert shift is not None, "tables are not empty"
    return count, total, square, shift
