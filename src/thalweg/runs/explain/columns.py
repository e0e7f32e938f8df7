"""Rows encoded once, and which encoded columns each column of the user's table feeds.

Permuting a column of the table, or setting it to a value, changes its encoded columns alone. Known which those are,
nothing has to be encoded again: a permuted table is the encoded one with a few columns permuted.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalweg.data.encode import Encoder
from thalweg.data.table import Table
from thalweg.deploy import Model
from thalweg.deploy.rows import bucket


@dataclass(frozen=True, eq=False)
class Columns:
    """The rows of a table as the network sees them, and the way from its columns to the network's.

    Args:
        table: the rows (N, J).
        encoded: the same rows, encoded (N, D).
        sources: (D,) number of the table's column that each encoded column comes from; -1 where an encoded column
            has one value in all rows, so that no permutation changes it.
        encoder: what encodes them.

    Example:
        >>> import polars as pl
        >>> frame = pl.DataFrame({"a": [1.0, 2.0, 4.0], "b": ["x", "y", "z"]})
        >>> table = Table("toy", frame, np.array([0.5, 1.5, 1.0]), ("a", "b"))
        >>> Columns.of(Encoder.fit(table), table).sources.tolist()
        [0, 1, 1, 1]
    """

    table: Table
    encoded: NDArray[np.float32]
    sources: NDArray[np.intp]
    encoder: Encoder

    @staticmethod
    def of(encoder: Encoder, table: Table) -> Columns:
        """Encode the rows of a table, and find out where each encoded column comes from.

        A column shifted by one row changes exactly those of its encoded columns that are not constant. Columns are
        numbered from 1 and shifted together where the same binary digit of their number is 1: the digits that change
        an encoded column then spell the number of its source. That takes log2(J + 1) encodings instead of J, and
        holds for any encoder whose columns have one source each.

        Raises:
            DataError: rows that cannot be encoded.
        """
        encoded = _encode(encoder, table)
        numbers = np.arange(1, table.width + 1)
        found = np.zeros(encoded.shape[1], np.intp)
        shifted = np.roll(np.arange(len(table)), 1)
        for digit in range(table.width.bit_length()):
            moved = _encode(encoder, _reordered(table, np.flatnonzero(numbers >> digit & 1), shifted))
            found |= (moved != encoded).any(axis=0).astype(np.intp) << digit
        return Columns(table, encoded, found - 1, encoder)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the table's columns (J,)."""
        return self.table.feature_names

    def permuted(self, column: int, order: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return the encoded rows (N, D), with one column of the table in another order."""
        own = self.sources == column
        rows = self.encoded.copy()
        rows[:, own] = self.encoded[order][:, own]
        return rows

    def filled(self, column: int, values: Any) -> Iterator[NDArray[np.float32]]:
        """Yield for each value the encoded rows (N, D), with all cells of one column of the table set to it.

        Args:
            column: its number.
            values: (G,), an array or a polars series of the column's type.
        """
        example = _encode(self.encoder, _filled(self.table, column, values))
        # Columns that have one value in all rows may take another on the grid.
        own = (self.sources == column) | (example != self.encoded[0]).any(axis=0)
        for row in example:
            rows = self.encoded.copy()
            rows[:, own] = row[own]
            yield rows


def _encode(encoder: Encoder, rows: Table) -> NDArray[np.float32]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # permuted cells say nothing new about the data
        return np.asarray(encoder.features(rows), np.float32)


def outputs_of(model: Model, blocks: Iterator[NDArray[np.float32]], rows: int) -> Iterator[NDArray[np.float32]]:
    """Yield the network's outputs for blocks of as many rows each, several at a time so that programs run full."""
    at_once = max(1, bucket(rows) // max(1, rows))
    waiting: list[NDArray[np.float32]] = []
    for block in blocks:
        waiting.append(block)
        if len(waiting) == at_once:
            yield from _split(model, waiting)
            waiting = []
    if waiting:
        yield from _split(model, waiting)


def _split(model: Model, blocks: list[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    outputs = model.encoded_outputs(np.concatenate(blocks))
    return np.split(outputs, len(blocks))


def _reordered(table: Table, which: NDArray[np.intp], order: NDArray[np.intp]) -> Table:
    """The table with some of its columns in another order of the rows."""
    if table.is_frame:
        frame = table.frame
        names = [table.feature_names[i] for i in which]
        return replace(table, features=frame.with_columns(frame.select(names)[order].get_columns()))
    array = table.array.copy()
    array[:, which] = array[order][:, which]
    return replace(table, features=array)


def _filled(table: Table, column: int, values: Any) -> Table:
    """The first row once for each value, with the value in one column."""
    first = table.rows(np.zeros(len(values), np.intp))
    if table.is_frame:
        name = table.feature_names[column]
        return replace(first, features=first.frame.with_columns(values.alias(name)))
    array = first.array.astype(np.result_type(table.array.dtype, values.dtype))
    array[:, column] = values
    return replace(first, features=array)
