"""Columns to look at twice: those that give the target away, and those whose numbers float32 cannot tell apart."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import numpy as np

from thalweg.core.errors import DataWarning
from thalweg.data.schema import FEW_ROWS
from thalweg.data.table import Array

FIRST_ROWS = 2000  # so many rows tell which columns are worth looking at in full
SAME = 1e-6  # relative difference below which two numbers count as one: float32 copies pass


def warn_of_leaks(columns: Mapping[str, Array], y: Array, source: str) -> None:
    """Warn of columns that equal the target or are one-to-one with it.

    Args:
        columns: name ↦ numbers, or codes of levels (N,).
        y: class indices (N,), or numbers (N, K).
        source: name of the data, for messages.
    """
    if len(y) < FEW_ROWS or len(columns) < 2:
        return  # a single column that tells all is what there is to learn from
    first = slice(None, None, max(1, len(y) // FIRST_ROWS))
    for name, column in columns.items():
        for target in y.reshape(len(y), -1).T:
            test = _renames if y.ndim == 1 else _orders
            if test(column[first], target[first]) and test(column, target):
                how = "equals the target" if _equal(column, target) else "is one-to-one with the target"
                warnings.warn(
                    f"{source}: column {name!r} {how}. If it is not known before the target is, set it to ignore.",
                    DataWarning,
                    stacklevel=3,
                )
                break


def warn_of_lost_digits(columns: Mapping[str, tuple[int, Array]], source: str) -> None:
    """Warn of numbers that are different, but no longer so once they are encoded as float32.

    Args:
        columns: name ↦ how many different numbers some rows hold, and these rows encoded (n,).
        source: name of the data, for messages.
    """
    for name, (different, encoded) in columns.items():
        kept = len(np.unique(encoded))
        if 2 * kept < different:
            warnings.warn(
                f"{source}: column {name!r}: of {different} different numbers only {kept} stay different in float32. "
                "Subtract a number near them, or set the column to levels or ignore.",
                DataWarning,
                stacklevel=3,
            )


def _renames(column: Array, classes: Array) -> bool:
    """Whether a column is the class by another name: as many values as classes, one for each."""
    present = len(np.unique(classes))
    values, codes = np.unique(column, return_inverse=True)
    if len(values) != present or present < 2:
        return False
    return len(np.unique(codes * (int(classes.max()) + 1) + classes)) == present


def _orders(column: Array, target: Array) -> bool:
    """Whether a column is the target in other units: it rises (or falls) wherever the target does."""
    if not np.isfinite(column).all():
        return False
    order = np.argsort(column, kind="stable")
    steps, rises = np.diff(column[order]), np.diff(target[order])
    rises = rises[steps > SAME * np.abs(column[order][1:])]
    values = len(np.unique(target))
    return values > 2 and len(rises) >= 0.9 * (values - 1) and bool((rises > 0).all() or (rises < 0).all())


def _equal(column: Array, target: Array) -> bool:
    return bool(np.allclose(column.astype(np.float64), target, rtol=SAME, atol=0, equal_nan=True))
