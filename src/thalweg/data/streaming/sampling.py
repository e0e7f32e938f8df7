"""Random choices about rows that are seen once: a function of seed and row number, so that a second pass repeats them.

u(n) = mix(n + seed) / 2⁶⁴ is as good as independent draws; rows are split by comparing it with the fractions asked
for, and the k rows of smallest u are a uniform sample of k rows, whatever the order of the file.

Source: the mixing function is SplitMix64 (Steele, Lea, Flood 2014); samples by smallest hash, Broder 1997.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from thalweg.data.table import Array

if TYPE_CHECKING:
    import polars as pl

PARTS = ("train", "validation", "test")
"""What a row can be for; the index in this tuple is its number, -1 for a row that is left out."""

SAMPLE_STREAM, TEST_STREAM, VALIDATION_STREAM, ORDER_STREAM = range(4)
"""Independent draws about the same row."""


def draws(first: int, rows: int, seed: int, stream: int) -> Array:
    """Return u in [0, 1) for each of so many rows.

    Args:
        first: number of the first row.
        rows: how many.
        seed: of the draws.
        stream: which draw about a row, one of the ``…_STREAM`` numbers.

    Example:
        >>> whole = draws(0, 5, seed=1, stream=0)
        >>> bool((whole[3:] == draws(3, 2, seed=1, stream=0)).all()), whole.shape
        (True, (5,))
    """
    start = _mix(_mix(np.array([seed], np.uint64)) + np.uint64(stream))
    x = _mix(start + np.arange(first, first + rows, dtype=np.uint64))
    u: Array = (x >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return u


def _mix(x: Array) -> Array:
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Array = x ^ (x >> np.uint64(31))
    return mixed


@dataclass(frozen=True)
class Split:
    """Which rows are trained on, watched by early stopping, and tested.

    Args:
        test: fraction of the rows to test on; None for the official test rows where the data marks them, else a
            fifth; 0 for no test.
        validation: fraction of the remaining rows.
        seed: of the draws.
    """

    test: float | None = None
    validation: float = 0.0
    seed: int = 0

    def parts(self, first: int, rows: int, is_test: Array | None) -> Array:
        """Return the number in ``PARTS`` of each of so many rows, -1 for official test rows that are not asked for.

        Example:
            >>> Split(test=0.5).parts(0, 8, None).tolist()
            [0, 0, 0, 0, 0, 0, 0, 2]
        """
        part = np.zeros(rows, np.int8)
        if self.validation:
            part[draws(first, rows, self.seed, VALIDATION_STREAM) < self.validation] = 1
        if self.test is None and is_test is not None:
            part[is_test] = 2
            return part
        share = 0.2 if self.test is None else self.test
        part[draws(first, rows, self.seed, TEST_STREAM) < share] = 2
        if is_test is not None:
            part[is_test] = -1  # they are never trained on
        return part


@dataclass
class Sample:
    """A uniform sample of rows that come in pieces.

    Args:
        most: rows it holds.
        most_bytes: fewer, where rows are so large that they would take more.
    """

    most: int
    most_bytes: int
    _frames: list[pl.DataFrame] = field(default_factory=list)
    _keys: list[Array] = field(default_factory=list)
    _limit: float = 1.0

    def add(self, frame: pl.DataFrame, numbers: Array, keys: Array) -> None:
        """Offer rows.

        Args:
            frame: the rows.
            numbers: (n,) their numbers in the file.
            keys: (n,) draws u; the smallest are kept.
        """
        import polars as pl

        if not len(frame):
            return
        self.most = min(self.most, max(1, self.most_bytes * len(frame) // max(1, int(frame.estimated_size()))))
        keep = np.flatnonzero(keys < self._limit)
        self._frames.append(frame[keep].with_columns(pl.Series(ROW, numbers[keep])))
        self._keys.append(keys[keep])
        if sum(map(len, self._keys)) > 2 * self.most:
            self._shrink()

    def _shrink(self) -> None:
        keys = np.concatenate(self._keys)
        frame = together(self._frames)
        if len(keys) > self.most:
            keep = np.sort(np.argpartition(keys, self.most)[: self.most])
            keys, frame = keys[keep], frame[keep]
            self._limit = float(keys.max())
        self._frames, self._keys = [frame], [keys]

    def rows(self) -> pl.DataFrame | None:
        """Return the sample in the order of the file, with the column ``ROW``; None when no row was offered."""
        if not self._frames:
            return None
        self._shrink()
        return self._frames[0]


ROW = "\0row"
"""Name of the column that holds the number of a row; no file has such a column."""


def together(frames: list[Any]) -> pl.DataFrame:
    """Frames below one another; a column of whole numbers here and of fractions there becomes one of fractions."""
    import polars as pl

    joined: pl.DataFrame = pl.concat(frames, how="vertical_relaxed")
    return joined
