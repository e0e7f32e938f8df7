"""Kinds of targets: what they are by name, and what a target looks like when nobody says."""

from __future__ import annotations

import numpy as np

from thalweg.data.schema import is_number, looks_numeric
from thalweg.data.table import Array

TASKS = {
    "classes": "classification",
    "ordered": "classification",
    "labels": "multilabel",
    "numbers": "regression",
    "counts": "regression",
}
"""The task of each kind of targets (see `thalweg.likelihoods.likelihood.TargetKind`)."""

FEW_CLASSES, MANY_CLASSES = 20, 100  # whole numbers with at most so many values are taken for classes

YES, NO = {"1", "1.0", "true"}, {"0", "0.0", "false"}  # how text spells a label that holds, and one that does not


def guess_kind(y: Array) -> str:
    """Whether a target looks like classes, like several labels that hold or not, or like numbers.

    Text and booleans are classes. Whole numbers are classes when they take at most 20 values, half of the rows, or
    at most 100 values, a hundredth of the rows; whole numbers stored as floats count as classes up to 10 values.
    Several columns of zeros and ones are labels, unless each row has a single one: then they are classes.

    Example:
        >>> guess_kind(np.array([0, 1, 1, 0])), guess_kind(np.array([0.5, 1.25, 3.0]))
        ('classes', 'numbers')
        >>> guess_kind(np.array([[0, 1], [1, 1], [0, 0]]))
        'labels'
    """
    if is_one_hot(y):
        return "classes"
    if y.ndim > 1 and y.shape[1] > 1:
        return "labels" if bool((flags(y) >= 0).all()) else "numbers"
    y = y.reshape(len(y))
    if y.dtype.kind not in "iuf":
        if y.dtype.kind == "b" or y.dtype.kind not in "OUS":
            return "classes"
        numbers = [text for text in y.astype(str).tolist() if is_number(text)]
        # Numbers with a few slips of text are numbers: encoding them names the cell.
        slips = len(numbers) < len(y) and looks_numeric(len(numbers), len(set(numbers)), len(y))
        return "numbers" if slips else "classes"
    if y.dtype.kind == "f" and not (y == np.round(y)).all():
        return "numbers"
    different = len(np.unique(y))
    if y.dtype.kind == "f" and different > 10:
        return "numbers"
    few = different <= min(FEW_CLASSES, max(2, len(y) // 2))
    return "classes" if few or different <= min(MANY_CLASSES, len(y) // 100) else "numbers"


def is_one_hot(y: Array) -> bool:
    """Whether rows are one-hot codes: zeros and a single one."""
    if y.ndim != 2 or y.shape[1] < 2:
        return False
    codes = flags(y)
    return bool((codes >= 0).all() and (codes.sum(axis=1) == 1).all())


def flags(y: Array) -> Array:
    """Targets that are zeros and ones, booleans, or the words true and false, as int32; anything else is -1.

    Example:
        >>> flags(np.array([[0.0, 1.0], [2.0, 0.0]])).tolist(), flags(np.array(["true", "False", "?"])).tolist()
        ([[0, 1], [-1, 0]], [1, 0, -1])
    """
    if y.dtype.kind in "biuf":
        return np.where((y == 0) | (y == 1), y, -1).astype(np.int32)
    codes = dict.fromkeys(YES, 1) | dict.fromkeys(NO, 0)
    values, inverse = np.unique(y.astype(str), return_inverse=True)
    known = np.array([codes.get(str(value).strip().lower(), -1) for value in values], np.int32)
    return np.asarray(known[inverse.reshape(y.shape)])
