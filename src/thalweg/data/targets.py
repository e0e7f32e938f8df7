"""Targets: class labels to class indices, numbers to standardized numbers, and back."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from thalweg.core.errors import ArgumentError, DataError, DataWarning, nearest
from thalweg.data.kinds import FEW_CLASSES, TASKS, guess_kind
from thalweg.data.schema import FEW_ROWS, is_number
from thalweg.data.table import Array, Table
from thalweg.data.target_values import (
    as_counts,
    as_flags,
    as_labels,
    as_numbers,
    column_names,
    known_target,
    target_called,
)

Label = str | int | float | bool

MANY_ROWS = 50  # of fewer whole numbers with gaps between them, all may differ by chance


@dataclass(frozen=True, eq=False)
class Targets:
    """A fitted map of targets.

    Args:
        kind: a key of ``TASKS``: what the targets are.
        classes: labels in the order of their indices; None for all but classes and ordered ones.
        names: names of the K columns.
        mean: (K,) subtracted from numbers; 0 for all other kinds.
        scale: (K,) numbers are divided by it; 1 for all other kinds.

    Example:
        >>> targets = Targets.fit(Table("toy", np.zeros((3, 1)), np.array([0.0, 3.0, 9.0]), ("a",)), kind="counts")
        >>> targets.task, targets.names, targets.scale.tolist()
        ('regression', ('y',), [1.0])
    """

    kind: str
    classes: tuple[Label, ...] | None
    names: tuple[str, ...]
    mean: Array
    scale: Array

    @property
    def task(self) -> str:
        """``"classification"``, ``"multilabel"`` or ``"regression"``."""
        return TASKS[self.kind]

    @staticmethod
    def fit(
        table: Table, *, kind: str = "auto", classes: Sequence[str] | None = None, standardize: bool = True
    ) -> Targets:
        """Learn classes, or mean and standard deviation, from the training rows.

        Args:
            table: with a target.
            kind: what the targets are, or ``"auto"``.
            classes: labels in their order; by default sorted, or as an enumeration has them.
            standardize: whether numbers are shifted and scaled.

        Raises:
            ArgumentError: ``kind`` is unknown or does not fit the target; ``classes`` for targets that have none.
            DataError: missing or absurd targets; text among numbers; a value that is none of the kind; a single class,
                or a different one in each row.
        """
        if kind not in {"auto", *TASKS}:
            raise ArgumentError("kind", f"one of auto, {', '.join(TASKS)}", repr(kind))
        y = known_target(table)
        what = target_called(table)
        if y.dtype.kind in "mM":
            raise DataError(f"{what}: holds dates; expected labels or numbers. Turn it into a number first.")
        if kind == "auto":
            kind = "classes" if classes else guess_kind(y)
        if TASKS[kind] == "classification":
            return _fit_classes(table, y, what, kind, classes)
        if classes:
            raise ArgumentError("classes", f"a target of classes beside it, not {kind}", ", ".join(classes))
        width = 1 if y.ndim == 1 else y.shape[1]
        names, zeros, ones = column_names(table.target_name, width), np.zeros(width), np.ones(width)
        if kind == "labels":
            _warn_of_constant(as_flags(y, what, names), names, what)
            return Targets(kind, None, names, zeros, ones)
        numbers = as_counts(y, what) if kind == "counts" else as_numbers(y, what)
        if width == 1:
            _warn_of_identifier(numbers[:, 0], what)
        mean, scale = numbers.mean(axis=0), numbers.std(axis=0)
        constant = scale <= 1e-13 * np.abs(mean)
        if constant.any():
            warnings.warn(
                f"{what}: all {len(numbers)} rows hold {numbers[0, np.argmax(constant)]:g}: nothing but that can be "
                "learned.",
                DataWarning,
                stacklevel=3,
            )
            scale[constant] = 1.0
        if kind == "counts" or not standardize:
            mean, scale = zeros, ones
        return Targets(kind, None, names, mean, scale)

    def transform(self, table: Table) -> Array:
        """Encode: int32 (N,) class indices, int32 (N, K) labels, float32 (N, K) standardized numbers or counts.

        Raises:
            DataError: missing targets, labels that training did not have, or values that are none of the kind.
        """
        y, what = known_target(table), target_called(table)
        if self.classes is None:
            width = 1 if y.ndim == 1 else y.shape[1]
            if width != len(self.mean):
                raise DataError(f"{what}: expected {len(self.mean)} numbers a row, got {width}.")
            if self.kind == "labels":
                return as_flags(y, what, self.names)
            numbers = as_counts(y, what) if self.kind == "counts" else as_numbers(y, what)
            return ((numbers - self.mean) / self.scale).astype(np.float32)
        labels = as_labels(y, _hot_names(table, y))
        if labels.ndim != 1:
            raise DataError(f"{what}: expected one label a row, got the shape {labels.shape}.")
        indices = self._indices(labels)
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

    def _indices(self, labels: Array) -> Array:
        """The index of each label, -1 for one that is not known."""
        assert self.classes is not None
        if labels.dtype.kind in "biu" and self.classes == tuple(range(len(self.classes))):
            inside = (labels >= 0) & (labels < len(self.classes))
            return np.where(inside, labels, -1).astype(np.int32)
        places = {_spelled(label): i for i, label in enumerate(self.classes)}
        values, inverse = np.unique(labels, return_inverse=True)
        return np.array([places.get(_spelled(v.item()), -1) for v in values], np.int32)[inverse]

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
        return {
            "kind": self.kind,
            "classes": None if self.classes is None else list(self.classes),
            "names": list(self.names),
            "mean": self.mean.tolist(),
            "scale": self.scale.tolist(),
        }

    @staticmethod
    def from_dict(data: dict[str, Any], target_name: str | None = None) -> Targets:
        """Inverse of ``to_dict``; files of schema 1 had a task in place of kind and names."""
        classes = None if data["classes"] is None else tuple(data["classes"])
        mean, scale = np.array(data["mean"], float), np.array(data["scale"], float)
        if "kind" in data:
            kind, names = data["kind"], tuple(data["names"])
        else:
            kind = {"classification": "classes", "regression": "numbers"}[data["task"]]
            names = column_names(target_name, len(mean))
        if kind not in TASKS:
            raise ValueError(f"{kind!r} is no kind of targets")
        return Targets(kind, classes, names, mean, scale)


def _fit_classes(table: Table, y: Array, what: str, kind: str, order: Sequence[str] | None) -> Targets:
    labels = as_labels(y, _hot_names(table, y))
    if labels.ndim != 1:
        raise ArgumentError(
            "likelihood", f"one for {what} of shape {y.shape}, such as gaussian or multilabel", f"one of {kind}"
        )
    found = np.unique(labels)
    if labels.dtype.kind == "f" and len(found) > max(FEW_CLASSES, len(labels) // 2):
        if order is not None:
            raise ArgumentError("classes", f"none for {what} with {len(found)} different numbers", ", ".join(order))
        raise ArgumentError("kind", f"numbers for {what} with {len(found)} different numbers", repr(kind))
    if len(found) < 2:
        raise DataError(
            f"{what}: expected at least two classes, got only {found[0].item()!r} in all {len(labels)} rows. "
            "Add rows of another class, or choose another target."
        )
    if len(found) == len(labels) >= FEW_ROWS and labels.dtype.kind == "U" and order is None:
        raise DataError(
            f"{what}: each of the {len(labels)} rows has a class of its own, such as {found[0].item()!r}, as names or "
            "identifiers do. Choose another target."
        )
    seen = [label.item() for label in found]
    if order is None:
        order = _enumerated(table)
    classes = tuple(_sorted(seen, what, kind)) if order is None else _ordered(seen, order, labels, what)
    warn_of_few_rows(labels, len(classes), what, stacklevel=5)
    return Targets(kind, classes, column_names(table.target_name, 1), np.zeros(1), np.ones(1))


def warn_of_few_rows(labels: Array, classes: int, what: str, *, stacklevel: int) -> None:
    """Warn where most classes have a single row or none.

    That is where there are more classes than rows, where each of three rows or more has its own, and where over half
    as many classes occur as there are rows, of which there are many.

    Args:
        labels: (N,) of the rows to train on.
        classes: how many there are, of which some may have no row.
        what: the target, for the message.
        stacklevel: as of `warnings.warn`, seen from here.
    """
    found, rows = len(np.unique(labels)), len(labels)
    # Of few rows half the classes may have a single one by chance, but not all; two rows are an example, no data.
    if classes > rows or found == rows > 2 or 2 * found > rows >= FEW_ROWS:
        warnings.warn(
            f"{what}: {classes} classes for {rows} rows: most have too few rows to learn from. Give more rows, or put "
            "classes together.",
            DataWarning,
            stacklevel=stacklevel,
        )


def _sorted(seen: list[Label], what: str, kind: str) -> list[Label]:
    """Sorted labels; text whose order counts is sorted by its numbers, or with a warning by its letters."""
    if kind != "ordered" or not isinstance(seen[0], str):
        return seen
    if all(is_number(str(label)) for label in seen):
        return sorted(seen, key=float)
    shown = " < ".join(map(str, seen[:6])) + (" …" if len(seen) > 6 else "")
    warnings.warn(
        f"{what}: the order of its classes is that of their letters: {shown}. Give another with --classes.",
        DataWarning,
        stacklevel=5,
    )
    return seen


def _ordered(seen: list[Label], order: Sequence[str], labels: Array, what: str) -> tuple[Label, ...]:
    """The classes in a given order, in the type the data has them; some may be absent from the data."""
    types = {_spelled(label): label for label in seen}
    listed = [_spelled(name) for name in order]
    if twice := [name for name, spelled in zip(order, listed, strict=True) if listed.count(spelled) > 1]:
        raise ArgumentError("classes", "different names", f"{twice[0]!r} twice")
    for label in seen:
        if _spelled(label) not in listed:
            row = int(np.flatnonzero(labels == label)[0]) + 1
            raise DataError(
                f"{what}: row {row} holds {label!r}, which is not among the classes given: {', '.join(order)}. "
                f"{nearest(str(label), order)}".rstrip()
            )
    numeric = not isinstance(seen[0], str) and all(is_number(name) for name in order)
    return tuple(types.get(name, float(name) if numeric else name) for name in listed)


def _enumerated(table: Table) -> list[str] | None:
    """The categories of an enumeration, which has an order of its own."""
    categories = getattr(getattr(table.target, "dtype", None), "categories", None)
    if type(getattr(table.target, "dtype", None)).__name__ != "Enum" or categories is None:
        return None
    return [str(name) for name in categories]


def _hot_names(table: Table, y: Array) -> tuple[str, ...]:
    """Names of one-hot columns that were asked for by name."""
    several = y.ndim == 2 and y.shape[1] > 1 and table.target_name is not None and "," in table.target_name
    return column_names(table.target_name, y.shape[1]) if several else ()


def _warn_of_identifier(y: Array, what: str) -> None:
    """Warn of whole numbers that are all different and leave none or, if they are many, few out between them."""
    rows, low, high = len(y), y.min(), y.max()
    most = 2 * rows if rows >= MANY_ROWS else rows  # as rows that are counted do, and some of them held out
    if rows >= FEW_ROWS and high - low < most and len(np.unique(y)) == rows and (y == np.round(y)).all():
        warnings.warn(
            f"{what}: each of the {rows} rows has a whole number of its own between {low:.0f} and {high:.0f}, as "
            "identifiers do. Choose another target, unless it is a rank.",
            DataWarning,
            stacklevel=4,
        )


def _warn_of_constant(flags: Array, names: tuple[str, ...], what: str) -> None:
    for name, share in zip(names, flags.mean(axis=0).tolist(), strict=True):
        if share in {0.0, 1.0}:
            warnings.warn(
                f"{what}: label {name!r} is {share:g} in all {len(flags)} rows; nothing can be learned of it.",
                DataWarning,
                stacklevel=4,
            )


def _spelled(label: Label) -> str:
    """One spelling for labels that files may store in different types: 3, 3.0 and "3"."""
    if isinstance(label, float) and label.is_integer():
        return str(int(label))
    return {"True": "true", "False": "false"}.get(str(label), str(label))
