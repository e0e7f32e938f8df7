"""The one in-memory form of data: features, target, names.

Readers produce tables, the encoder turns them into arrays. Features are a polars data frame, or a 2-D NumPy
array whose type is kept (uint8 images stay uint8, a memory-mapped array stays mapped).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import polars as pl

    from thalweg.data.streaming.stream import Whole

Array: TypeAlias = npt.NDArray[Any]

HASH_WHOLE_BYTES = 256 * 2**20  # larger arrays are hashed by size and sampled blocks
HASH_BLOCKS, HASH_BLOCK_BYTES = 64, 2**20


@dataclass(frozen=True, eq=False)
class Table:
    """Examples in rows: features, and the target when it is known.

    Args:
        name: where the data came from, for messages and reports.
        features: polars data frame, or array (N, d); images are flattened.
        target: polars series or array (N,), array (N, K) for several outputs, or None.
        feature_names: names of the d columns.
        target_name: name of the target column, when it has one.
        example_shape: shape of one example before flattening, such as ``(28, 28)``; None for plain tables.
        is_test: boolean (N,), rows of the official test set, when the data has one.
        whole: the encoded rows on disk that these are a sample of, when they do not fit into memory.
        places: numbers of the rows in the data they were picked from, when these are not all rows of it.

    Example:
        >>> table = Table("toy", np.eye(3), np.array([0, 1, 1]), ("a", "b", "c"))
        >>> len(table), table.width, len(table.rows([0, 2]))
        (3, 3, 2)
    """

    name: str
    features: pl.DataFrame | Array
    target: pl.Series | Array | None
    feature_names: tuple[str, ...]
    target_name: str | None = None
    example_shape: tuple[int, ...] | None = None
    is_test: Array | None = None
    whole: Whole | None = None
    places: Array | range | None = None

    def __len__(self) -> int:
        return len(self.features)

    def __repr__(self) -> str:
        return f"Table({self.name!r}, {len(self)} rows, {self.width} features, target={self.target_name!r})"

    @property
    def width(self) -> int:
        """Number of feature columns d."""
        return int(self.features.shape[1])

    @property
    def total(self) -> int:
        """Number of rows that the table stands for: its own, or those on disk that it is a sample of."""
        return len(self) if self.whole is None else self.whole.rows

    @property
    def is_frame(self) -> bool:
        """Whether the features are a data frame (typed columns) and not one array."""
        return not isinstance(self.features, np.ndarray)

    @property
    def frame(self) -> pl.DataFrame:
        """The features as a data frame; only for tables with ``is_frame``."""
        return cast("pl.DataFrame", self.features)

    @property
    def array(self) -> Array:
        """The features as an array; only for tables without ``is_frame``."""
        return cast(Array, self.features)

    @property
    def is_mapped(self) -> bool:
        """Whether the features live on disk in a memory-mapped array."""
        return isinstance(self.features, np.memmap)

    def target_array(self) -> Array:
        """The target as a NumPy array; text and missing values make an array of objects."""
        if self.target is None:
            raise ValueError(f"{self.name} has no target")
        return self.target if isinstance(self.target, np.ndarray) else self.target.to_numpy()

    def rows(self, indices: npt.ArrayLike | slice) -> Table:
        """The table of some rows: integer indices, a boolean mask, or a slice (which copies no array)."""
        pick: Any = indices
        if not isinstance(indices, slice):
            pick = np.asarray(indices)
            if pick.dtype == bool:
                pick = np.flatnonzero(pick)
        return replace(
            self,
            features=self.features[pick],
            target=None if self.target is None else self.target[pick],
            is_test=None if self.is_test is None else self.is_test[pick],
            whole=None,
            places=self.row_numbers(pick),
        )

    def row_numbers(self, pick: npt.ArrayLike | slice = slice(None)) -> Array | range:
        """Return the numbers that rows have in the data they come from, counted from 0.

        Example:
            >>> table = Table("toy", np.eye(4), None, ("a", "b", "c", "d"))
            >>> table.rows([3, 1, 2]).rows([True, False, True]).row_numbers([1]).tolist()
            [2]
        """
        known = range(len(self)) if self.places is None else self.places
        if isinstance(pick, slice):
            return known[pick]
        picked = np.asarray(pick)
        if picked.dtype == bool:
            picked = np.flatnonzero(picked)
        if isinstance(known, range):  # an array of all numbers would be as long as a set on disk
            picked = np.where(picked < 0, picked + len(known), picked)
            return np.asarray(known.start + known.step * picked)
        return cast(Array, known[picked])

    def hash(self) -> str:
        """SHA-256 over names, types and content, as hexadecimal text.

        Arrays above 256 MB are hashed by shape, type and 64 blocks of 1 MB, so that a set larger than memory
        costs 64 MB of reading.
        """
        digest = hashlib.sha256()
        digest.update(repr((self.feature_names, self.target_name, self.example_shape)).encode())
        if self.whole is not None:
            digest.update(self.whole.hash.encode())
        if self.is_frame:
            for column in self.frame.get_columns():
                _hash_series(digest, column)
        else:
            _hash_array(digest, self.array)
        if isinstance(self.target, np.ndarray):
            _hash_array(digest, self.target)
        elif self.target is not None:
            _hash_series(digest, self.target)
        if self.is_test is not None:
            _hash_array(digest, self.is_test)
        return digest.hexdigest()


def join(train: Table, test: Table) -> Table:
    """Training and official test rows of the same array columns as one table, marked in ``is_test``."""
    target = None
    if train.target is not None and test.target is not None:
        target = np.concatenate([train.target_array(), test.target_array()])
    marks = np.repeat([False, True], [len(train), len(test)])
    return replace(train, features=np.concatenate([train.array, test.array]), target=target, is_test=marks)


def _hash_array(digest: Any, array: Array) -> None:
    digest.update(repr((array.shape, array.dtype.str)).encode())
    if array.dtype.hasobject:
        digest.update(repr(array.tolist()).encode())
        return
    row_bytes = max(1, array.nbytes // max(1, len(array)))
    block = max(1, HASH_BLOCK_BYTES // row_bytes)
    starts: Any = range(0, len(array), block)
    if array.nbytes > HASH_WHOLE_BYTES:
        starts = np.linspace(0, len(array) - block, HASH_BLOCKS).astype(int)
    for start in starts:
        digest.update(np.ascontiguousarray(array[start : start + block]).tobytes())


def _hash_series(digest: Any, series: pl.Series) -> None:
    digest.update(repr((series.name, str(series.dtype), len(series))).encode())
    if series.dtype.is_numeric():
        digest.update(np.packbits(series.is_null().to_numpy()).tobytes())
        _hash_array(digest, series.fill_null(0).to_numpy())
    else:
        digest.update("\0".join(map(str, series.to_list())).encode())
