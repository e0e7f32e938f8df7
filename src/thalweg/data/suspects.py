"""Columns to look at twice: those that give the target away, and those whose numbers float32 cannot tell apart."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from thalweg.core.errors import DataWarning
from thalweg.data.schema import FEW_ROWS
from thalweg.data.table import Array

Test: TypeAlias = Callable[[Array, Array], bool]

FIRST_ROWS = 2000  # so many rows tell which columns are worth looking at in full
SAME = 1e-6  # relative difference below which two numbers count as one: float32 copies pass
KNOWN = 0.5  # a column with fewer known cells tells nothing for sure
RARE = 5  # of fewer rows with a label, or without, another column may have the same by chance


def warn_of_leaks(columns: Mapping[str, Array], y: Array, source: str, labels: Sequence[str] = ()) -> None:
    """Warn of columns that equal the target or are one-to-one with it, wherever they are known.

    Args:
        columns: name ↦ numbers, or codes of levels (N,); NaN where missing.
        y: class indices (N,), numbers (N, K), or labels that hold or do not (N, K).
        source: name of the data, for messages.
        labels: names of the K labels; none for classes and numbers.
    """
    if len(y) < FEW_ROWS or len(columns) < 2:
        return  # a single column that tells all is what there is to learn from
    first = slice(None, None, max(1, len(y) // FIRST_ROWS))
    targets = y.reshape(len(y), -1).T
    names = [f"label {name!r}" for name in labels] or ["the target"] * len(targets)
    tests = [_renames if y.ndim == 1 or labels else _test_of(target) for target in targets]
    often = [not labels or RARE <= target.sum() <= len(target) - RARE for target in targets]
    for name, column in columns.items():
        for target, called, test, suspect in zip(targets, names, tests, often, strict=True):
            if suspect and _where_known(test, column[first], target[first]) and _where_known(test, column, target):
                how = "equals" if _equal(column, target) else "is one-to-one with"
                warnings.warn(
                    f"{source}: column {name!r} {how} {called}. If it is not known before the target is, set it to "
                    "ignore.",
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


def _where_known(test: Test, column: Array, target: Array) -> bool:
    """Whether a column passes the test, be it in the rows alone where it is not missing, if these are enough."""
    if test(column, target):
        return True
    known = ~np.isnan(column)
    enough = max(FEW_ROWS, KNOWN * len(column)) <= known.sum() < len(column)
    return bool(enough) and test(column[known], target[known])


def _test_of(target: Array) -> Test:
    """The test for a target of numbers; where they repeat they may be named as classes are."""
    repeats = 2 * len(np.unique(target)) <= len(target)
    return (lambda column, y: _orders(column, y) or _renames(column, y)) if repeats else _orders


def _renames(column: Array, target: Array) -> bool:
    """Whether a column is the target by another name: as many values as classes, one for each."""
    like_first = np.isnan(column) if np.isnan(column[0]) else column == column[0]
    if not np.array_equal(like_first, target == target[0]):  # most columns are done with here
        return False
    values, codes = np.unique(column, return_inverse=True)
    present, classes = np.unique(target, return_inverse=True)
    pairs = len(np.unique(codes * len(present) + classes))
    return 2 <= len(values) == len(present) == pairs


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
    known = ~np.isnan(column)
    return bool(np.allclose(column[known].astype(np.float64), target[known], rtol=SAME, atol=0))
