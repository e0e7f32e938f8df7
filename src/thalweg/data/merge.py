"""Equal rows of a small table as one, so that a weight of two and two equal rows are the same data."""

from __future__ import annotations

import numpy as np

from thalweg.data.table import Array, Table


def merged(table: Table, weight: Array | None = None) -> tuple[Table, Array | None]:
    """Return the different rows of a table, sorted, and their weights.

    Rows are equal if features and targets are. The result depends on the weighted rows as a set alone: neither on
    their order, nor on whether a row is there twice or has twice the weight.

    Args:
        table: with a target; the columns of a frame hold numbers.
        weight: (N,) above 0; by default 1 for each row.

    Returns:
        The table, and the weights summed over equal rows, None where all are equal.

    Example:
        >>> table = Table("toy", np.array([[2.0], [1.0], [2.0]]), np.array(["b", "a", "b"]), ("x",))
        >>> rows, weight = merged(table)
        >>> rows.array.tolist(), weight.tolist()
        ([[1.0], [2.0]], [1.0, 2.0])
    """
    codes = np.column_stack([_frame_ranks(table) if table.is_frame else _ranks(table.array), _ranks(_target(table))])
    _, first, group = np.unique(codes, axis=0, return_index=True, return_inverse=True)
    total = np.bincount(group.reshape(-1), weight)
    return table.rows(first), None if (total == total[0]).all() else total.astype(np.float64)


def _target(table: Table) -> Array:
    y = table.target_array()
    return (y.astype(str) if y.dtype.hasobject else y).reshape(len(y), -1)


def _ranks(x: Array) -> Array:
    """The place of each cell among the different values of its column; missing numbers are equal."""
    return np.column_stack([np.unique(column, return_inverse=True)[1] for column in np.asarray(x).T])


def _frame_ranks(table: Table) -> Array:
    import polars as pl

    ranks: Array = table.frame.select(pl.all().rank("dense").fill_null(0)).to_numpy()
    return ranks
