"""Targets: class labels to class indices, numbers to standardized numbers, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from thalweg.core.errors import ArgumentError, DataError
from thalweg.data.numbers import ABSURD
from thalweg.data.schema import is_number, looks_numeric
from thalweg.data.table import Array, Table

Label = str | int | float | bool

FEW_CLASSES, MANY_CLASSES = 20, 100  # whole numbers with at most so many values are taken for classes


@dataclass(frozen=True, eq=False)
class Targets:
    """A fitted map of targets.

    Args:
        task: ``"classification"`` or ``"regression"``.
        classes: labels in the order of their indices; None for regression.
        mean: (K,) subtracted from regression targets.
        scale: (K,) regression targets are divided by it.
    """

    task: str
    classes: tuple[Label, ...] | None
    mean: Array
    scale: Array

    @staticmethod
    def fit(table: Table, *, task: str = "auto", standardize: bool = True) -> Targets:
        """Learn classes, or mean and standard deviation, from the training rows.

        Raises:
            ArgumentError: ``task`` is unknown or does not fit the target.
            DataError: missing, absurd or constant targets; text among numbers.
        """
        if task not in {"auto", "classification", "regression"}:
            raise ArgumentError("task", "one of auto, classification, regression", repr(task))
        y = known_target(table)
        what = target_called(table)
        if y.dtype.kind in "mM":
            raise DataError(f"{what}: holds dates; expected labels or numbers. Turn it into a number first.")
        if task == "auto":
            task = guess_task(y)
        if task == "classification":
            labels = _labels(y)
            if labels.ndim != 1:
                raise ArgumentError("task", f"regression for {what} of shape {y.shape}", "'classification'")
            classes = np.unique(labels)
            if labels.dtype.kind == "f" and len(classes) > max(FEW_CLASSES, len(labels) // 2):
                raise ArgumentError(
                    "task", f"regression for {what} with {len(classes)} different numbers", "'classification'"
                )
            if len(classes) < 2:
                raise DataError(
                    f"{what}: expected at least two classes, got only {classes[0].item()!r} in all {len(labels)} rows. "
                    "Add rows of another class, or choose another target."
                )
            return Targets(task, tuple(label.item() for label in classes), np.zeros(1), np.ones(1))
        numbers = _numbers(y, what)
        mean, scale = numbers.mean(axis=0), numbers.std(axis=0)
        if (scale <= 1e-13 * np.abs(mean)).any():
            raise DataError(
                f"{what}: all {len(numbers)} rows hold {numbers[0, np.argmin(scale)]:g}, there is nothing to learn. "
                "Choose another target."
            )
        if not standardize:
            mean, scale = np.zeros_like(mean), np.ones_like(scale)
        return Targets(task, None, mean, scale)

    def transform(self, table: Table) -> Array:
        """Encode: int32 (N,) class indices, or float32 (N, K) standardized numbers.

        Raises:
            DataError: missing targets, or labels that training did not have.
        """
        y, what = known_target(table), target_called(table)
        if self.classes is None:
            numbers = _numbers(y, what)
            if numbers.shape[1] != len(self.mean):
                raise DataError(f"{what}: expected {len(self.mean)} numbers a row, got {numbers.shape[1]}.")
            return ((numbers - self.mean) / self.scale).astype(np.float32)
        labels = _labels(y)
        if labels.ndim != 1:
            raise DataError(f"{what}: expected one label a row, got the shape {labels.shape}.")
        if labels.dtype.kind in "biu" and self.classes == tuple(range(len(self.classes))):
            inside = (labels >= 0) & (labels < len(self.classes))
            indices = np.where(inside, labels, -1).astype(np.int32)
        else:
            places = {_spelled(label): i for i, label in enumerate(self.classes)}
            values, inverse = np.unique(labels, return_inverse=True)
            indices = np.array([places.get(_spelled(v.item()), -1) for v in values], np.int32)[inverse]
        unseen = np.flatnonzero(indices < 0)
        if len(unseen):
            some = sorted({repr(label.item()) for label in np.unique(labels[unseen])})
            shown = ", ".join(some[:5]) + (f" and {len(some) - 5} more" if len(some) > 5 else "")
            known = ", ".join(repr(label) for label in self.classes[:10]) + (", …" if len(self.classes) > 10 else "")
            raise DataError(
                f"{what}: labels unseen in training: {shown} in {len(unseen)} rows, first in row {unseen[0] + 1}; "
                f"expected {known}. Remove these rows, or train on data that has them."
            )
        return indices

    def labels(self, indices: Array) -> Array:
        """Labels of class indices (N,), in the type they had in the training data."""
        assert self.classes is not None, "regression has no labels"
        labels: Array = np.array(self.classes)[np.asarray(indices)]
        return labels

    def unscale(self, y: Array) -> Array:
        """Standardized numbers (N, K) in original units."""
        return np.asarray(y) * self.scale + self.mean

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        classes = None if self.classes is None else list(self.classes)
        return {"task": self.task, "classes": classes, "mean": self.mean.tolist(), "scale": self.scale.tolist()}

    @staticmethod
    def from_dict(data: dict[str, Any]) -> Targets:
        """Inverse of ``to_dict``."""
        classes = None if data["classes"] is None else tuple(data["classes"])
        return Targets(data["task"], classes, np.array(data["mean"], float), np.array(data["scale"], float))


def guess_task(y: Array) -> str:
    """Whether a target looks like classes or like numbers.

    Text and booleans are classes. Whole numbers are classes when they take at most 20 values, half of the rows, or
    at most 100 values, a hundredth of the rows; whole numbers stored as floats count as classes up to 10 values.

    Example:
        >>> guess_task(np.array([0, 1, 1, 0])), guess_task(np.array([0.5, 1.25, 3.0]))
        ('classification', 'regression')
    """
    if is_one_hot(y):
        return "classification"
    if y.ndim > 1 and y.shape[1] > 1:
        return "regression"
    y = y.reshape(len(y))
    if y.dtype.kind not in "iuf":
        if y.dtype.kind == "b" or y.dtype.kind not in "OUS":
            return "classification"
        numbers = [text for text in y.astype(str).tolist() if is_number(text)]
        # Numbers with a few slips of text are numbers: encoding them names the cell.
        slips = len(numbers) < len(y) and looks_numeric(len(numbers), len(set(numbers)), len(y))
        return "regression" if slips else "classification"
    if y.dtype.kind == "f" and not (y == np.round(y)).all():
        return "regression"
    different = len(np.unique(y))
    if y.dtype.kind == "f" and different > 10:
        return "regression"
    few = different <= min(FEW_CLASSES, max(2, len(y) // 2))
    return "classification" if few or different <= min(MANY_CLASSES, len(y) // 100) else "regression"


def is_one_hot(y: Array) -> bool:
    """Whether rows are one-hot codes: zeros and a single one."""
    if y.ndim != 2 or y.shape[1] < 2 or y.dtype.kind not in "biuf":
        return False
    return bool(((y == 0) | (y == 1)).all() and (y.sum(axis=1) == 1).all())


def known_target(table: Table) -> Array:
    """The target of a table that must have one.

    Raises:
        ArgumentError: the table has no target.
        DataError: some targets are missing; says how many and which is first.
    """
    if table.target is None:
        raise ArgumentError("target", f"the name of a column of {table.name}", "nothing")
    y = table.target_array()
    if isinstance(table.target, np.ndarray):
        flat = y.reshape(len(y), -1)
        if flat.dtype.kind == "f":
            missing = np.isnan(flat).any(axis=1)
        elif flat.dtype.hasobject:
            missing = np.array([any(v is None or v != v for v in row) for row in flat.tolist()], bool)  # noqa: PLR0124
        else:
            missing = np.zeros(len(y), bool)
    else:
        series = table.target
        missing = (series.is_null() | series.is_nan() if series.dtype.is_float() else series.is_null()).to_numpy()
    if missing.any():
        count, first = int(missing.sum()), int(np.argmax(missing)) + 1
        raise DataError(
            f"{target_called(table)}: {count} of {len(y)} rows have no value, first row {first}. "
            "Fill them in, or remove these rows."
        )
    return y


def target_called(table: Table) -> str:
    """How messages call the target of a table."""
    return f"{table.name}: target {table.target_name!r}" if table.target_name else f"{table.name}: target"


def _labels(y: Array) -> Array:
    """Labels (N,): one-hot rows become indices, a single column becomes flat, text becomes NumPy text."""
    if is_one_hot(y):
        indices: Array = np.argmax(y, axis=1)
        return indices
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.dtype.hasobject:
        kinds = {type(label) for label in y.tolist()}
        y = np.array(y.tolist()) if len(kinds) == 1 else y.astype(str)
    return y


def _numbers(y: Array, what: str) -> Array:
    """Numbers (N, K) as float64."""
    y = y.reshape(len(y), -1)
    if y.dtype.kind not in "biuf":
        for row, cell in enumerate(y[:, 0].tolist(), 1):
            if not is_number(str(cell)):
                raise DataError(
                    f"{what}: row {row}: expected a number, got {cell!r}. Mend the cell, or use classification."
                )
    numbers = y.astype(np.float64)
    bad = np.argwhere(~(np.abs(numbers) <= ABSURD))
    if len(bad):
        row, column = bad[0]
        raise DataError(
            f"{what}: row {row + 1} holds {numbers[row, column]!s}; expected numbers within ±{ABSURD:g}. "
            "Mend or remove the row."
        )
    return numbers


def _spelled(label: Label) -> str:
    """One spelling for labels that files may store in different types: 3, 3.0 and "3"."""
    if isinstance(label, float) and label.is_integer():
        return str(int(label))
    return {"True": "true", "False": "false"}.get(str(label), str(label))
