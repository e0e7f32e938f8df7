"""Standardizing numbers: z = (x - mean) / std, fitted chunk by chunk so that a mapped array is never loaded whole.

Columns that never vary become 0. A column with missing numbers (NaN) in the training set takes the median for them
and gets an indicator column; where training missed none, the mean stands in. Images share one mean and one standard
deviation: pixels that are almost always off would otherwise be blown up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from thalweg.core.errors import DataError
from thalweg.data.table import Array

CHUNK_BYTES = 2**24
ABSURD = 1e30  # a larger magnitude is taken for a mistake: its square does not fit into float32
TINY = 1e-37  # a smaller deviation has no inverse in float32: the column counts as one that never varies
SUM_ROWS = 1024  # float32 sums run over at most so many rows, then go on in float64
MEDIAN_ROWS = 200_000  # medians come from at most so many rows, evenly spaced


@dataclass(frozen=True, eq=False)
class Numbers:
    """A fitted map from raw numbers (N, d) to float32 (N, d + indicators).

    Args:
        mean: (d,), or (1,) when all columns share it.
        std: same shape; 0 for a column that never varies.
        fill: same shape; what stands for a missing number.
        missing: indices of the columns that get an indicator of missing numbers.
        width: d.

    Example:
        >>> numbers = Numbers.fit(np.array([[1.0, 5.0], [3.0, 5.0]]))
        >>> numbers.transform(np.array([[1.0, 5.0], [2.0, 9.0]])).tolist()
        [[-1.0, 0.0], [0.0, 0.0]]
    """

    mean: Array
    std: Array
    fill: Array
    missing: tuple[int, ...]
    width: int

    @staticmethod
    def fit(
        x: Array, *, standardize: bool = True, shared: bool = False, names: Sequence[str] = (), source: str = "data"
    ) -> Numbers:
        """Fit on the training rows.

        Args:
            x: numbers (N, d); may be memory-mapped.
            standardize: whether to subtract the mean and divide by the standard deviation; without it, unsigned
                bytes are still divided by 255.
            shared: one mean and one standard deviation for all columns (images).
            names: column names, for messages.
            source: name of the data, for messages.

        Raises:
            DataError: an infinite or absurdly large number; names column and row.
        """
        count, total, square, shift = _sums(x, shared, names, source)
        missing = tuple(int(i) for i in np.flatnonzero(count < len(x)))
        if shared:
            count, total, square = count.sum(keepdims=True), total.sum(keepdims=True), square.sum(keepdims=True)
        known = np.maximum(count, 1)
        mean = shift + total / known
        variance = np.maximum(square / known - (total / known) ** 2, 0.0)
        std = np.sqrt(variance)
        std[std <= np.maximum(1e-13 * np.abs(mean), TINY)] = 0.0
        fill = mean.copy()
        if missing:
            fill = np.broadcast_to(mean, (x.shape[1],)).copy()
            sample = x[:: max(1, len(x) // MEDIAN_ROWS)]
            for i in missing:
                column = np.asarray(sample[:, i], dtype=np.float64)
                column = column[~np.isnan(column)]
                fill[i] = np.median(column) if len(column) else 0.0
        if not standardize:
            mean = np.zeros_like(mean)
            std = np.full_like(std, 255.0 if x.dtype == np.uint8 else 1.0)
        return Numbers(mean, std, fill, missing, int(x.shape[1]))

    @property
    def feature_width(self) -> int:
        """Number of encoded columns."""
        return self.width + len(self.missing)

    def transform(self, x: Array) -> Array:
        """Encode raw rows (n, d), a chunk or all of them, as float32 (n, feature_width)."""
        with np.errstate(divide="ignore"):
            gain = np.where(self.std > 0, 1.0 / self.std, 0.0)
        if x.dtype.itemsize <= 2 or x.dtype == np.float32:
            out = np.empty(x.shape, np.float32)
            np.subtract(x, self.mean.astype(np.float32), out=out)
        else:  # dates and identifiers need the digits of float64 before the mean is taken off
            out = np.subtract(x, self.mean, dtype=np.float64).astype(np.float32)
        out *= gain.astype(np.float32)
        if x.dtype.kind == "f":
            # One sum finds out whether anything is missing, at the cost of one pass over memory.
            with np.errstate(over="ignore", invalid="ignore"):
                suspicious = bool(self.missing) or bool(np.isnan(out.sum()))
            if suspicious:
                return self._filled(out, x, gain)
        elif self.missing:
            return self._filled(out, x, gain)
        return out

    def _filled(self, out: Array, x: Array, gain: Array) -> Array:
        gaps = np.isnan(x)
        filled = np.broadcast_to(((self.fill - self.mean) * gain).astype(np.float32), x.shape)
        np.copyto(out, filled, where=gaps)
        if not self.missing:
            return out
        return np.concatenate([out, gaps[:, list(self.missing)].astype(np.float32)], axis=1)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "mean": self.mean.tolist(),
            "std": self.std.tolist(),
            "fill": self.fill.tolist(),
            "missing": list(self.missing),
            "width": self.width,
        }

    @staticmethod
    def from_dict(data: dict[str, Any]) -> Numbers:
        """Inverse of ``to_dict``."""
        mean, std, fill = (np.array(data[key], dtype=np.float64) for key in ("mean", "std", "fill"))
        return Numbers(mean, std, fill, tuple(data["missing"]), int(data["width"]))


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


def _sums(x: Array, shared: bool, names: Sequence[str], source: str) -> tuple[Array, Array, Array, Array]:
    """Count, sum and sum of squares of x - shift per column, and the shift: the mean of the first chunk.

    A shift near the mean keeps the textbook formula E[(x-s)²] - E[x-s]² from cancelling. Within a chunk float32
    data stays float32, where BLAS is fast; chunks are added up in float64.
    """
    width = x.shape[1]
    count, total, square = (np.zeros(width) for _ in range(3))
    shift: Array | None = None
    kind = np.float32 if x.dtype.itemsize <= 2 or x.dtype == np.float32 else np.float64
    for start, rows in chunks(x, SUM_ROWS):
        if shift is None:
            with np.errstate(all="ignore"):
                first = rows.mean(axis=None if shared else 0, dtype=np.float64)
            shift = np.atleast_1d(np.where(np.isfinite(first), first, 0.0))
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
