"""Bringing a table to predict for into the columns that training had, whatever their order."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from thalweg.core.errors import ArgumentError, DataError, DataWarning, nearest
from thalweg.data.columns import some
from thalweg.data.table import Array, Table

if TYPE_CHECKING:
    import polars as pl


def aligned(
    table: Table, needed: Sequence[str], known: Sequence[str], trained_on: str, typed: bool
) -> Array | pl.DataFrame:
    """The features of a table, in the columns that training had and that are encoded.

    Columns may come in another order; those that training did not have are ignored with a warning. Where one side is
    an array, whose columns have no names of their own, as many columns are taken in their order.

    Args:
        table: rows to encode.
        needed: columns of training that are encoded.
        known: further columns that training had, which are no reason for a warning.
        trained_on: type of the training array, ``"frame"`` for data frames.
        typed: whether columns are read by name: some are levels or dates.

    Returns:
        The data frame, or an array (N, d) of the needed columns.

    Raises:
        DataError: a column is missing; names it.
    """
    if not (typed or table.is_frame) and table.feature_names == tuple(needed):
        return numeric(table)
    if table.is_frame and table.is_test is not None and "is_test" in needed:
        table = _unmarked(table)  # an estimator took the column for a feature
    columns = table.feature_names
    present, expected = set(columns), {*needed, *known}
    absent = [name for name in needed if name not in present]
    if absent and _positional(table, needed, trained_on, typed):
        return table.frame.rename(dict(zip(columns, needed, strict=True))) if table.is_frame else numeric(table)
    if absent:
        free = [name for name in columns if name not in needed]
        hint = nearest(absent[0], free) or f"It has {some(columns)}."
        more = "" if table.is_frame else " Give one example a row; a single example is x[None]."
        raise DataError(
            f"{table.name}: expected the {len(needed)} columns of training, {len(absent)} are missing: "
            f"{some(absent)}. {hint}{more}"
        )
    extra = [name for name in columns if name not in expected]
    if extra:
        told = f"columns that training did not have are ignored: {some(extra)}"
        warnings.warn(f"{table.name}: {told}.", DataWarning, stacklevel=4)
    if table.is_frame:
        return table.frame
    matrix = numeric(table)
    if typed:
        return _framed(matrix, columns)
    if columns != tuple(needed):
        place = {name: i for i, name in enumerate(columns)}
        matrix = matrix[:, [place[name] for name in needed]]
    return matrix


def framed(table: Table) -> Table:
    """The table of an array as a data frame, so that its columns may be of different kinds.

    Raises:
        ArgumentError: images, whose pixels are all alike, or an array on disk.
    """
    if table.example_shape is not None or table.is_mapped:
        raise ArgumentError("columns", "a table in memory", "images" if table.example_shape else "an array on disk")
    return replace(table, features=_framed(numeric(table), table.feature_names))


def numeric(table: Table) -> Array:
    """The features of an array table as numbers.

    Raises:
        ArgumentError: they are none.
    """
    x = table.array
    if x.dtype.kind not in "biuf":
        raise ArgumentError(
            "data",
            f"an array of numbers in {table.name}",
            f"an array of {x.dtype}",
            "Give text columns as a data frame.",
        )
    return x.astype(np.int8) if x.dtype.kind == "b" else x


def _unmarked(table: Table) -> Table:
    """The table with the marks of its official test rows as a column."""
    import polars as pl

    frame = table.frame.with_columns(pl.Series("is_test", table.is_test))
    return replace(table, features=frame, feature_names=tuple(frame.columns), is_test=None)


def _framed(x: Array, names: Sequence[str]) -> pl.DataFrame:
    import polars as pl

    return pl.DataFrame({name: x[:, i] for i, name in enumerate(names)}, nan_to_null=True)


def _positional(table: Table, needed: Sequence[str], trained_on: str, typed: bool) -> bool:
    """Whether columns fit by their order: an array on either side, no names of its own, the same number."""
    arrays = trained_on != "frame" or not table.is_frame
    nameless = _nameless(needed) or _nameless(table.feature_names)
    return arrays and nameless and not typed and table.width == len(needed)


def _nameless(names: Sequence[str]) -> bool:
    """Whether columns are only numbered, as those of an array are."""
    return all(re.fullmatch(r"(x|pixel|column_)\d+", name) for name in names)
