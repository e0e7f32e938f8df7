"""Values of targets as they come from a table: present, named, and of the kind that is meant."""

from __future__ import annotations

import numpy as np

from thalweg.core.errors import ArgumentError, DataError
from thalweg.data.chunks import ABSURD
from thalweg.data.kinds import flags, is_one_hot
from thalweg.data.schema import is_number
from thalweg.data.table import Array, Table


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


def column_names(name: str | None, width: int) -> tuple[str, ...]:
    """Names of the columns of a target: those it was asked for by, else numbered.

    Example:
        >>> column_names("price", 1), column_names("red, green", 2), column_names("t", 2), column_names(None, 1)
        (('price',), ('red', 'green'), ('t1', 't2'), ('y',))
    """
    name = name or "y"
    if width == 1:
        return (name,)
    parts = tuple(part.strip() for part in name.split(","))
    named = len(parts) == width == len(set(parts))
    return parts if named else tuple(f"{name}{k + 1}" for k in range(width))


def as_labels(y: Array, names: tuple[str, ...] = ()) -> Array:
    """Class labels (N,): one-hot rows become names or indices, a single column becomes flat, text NumPy text."""
    if is_one_hot(y):
        indices: Array = np.argmax(flags(y), axis=1)
        return np.array(names)[indices] if names else indices
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.dtype.hasobject:
        kinds = {type(label) for label in y.tolist()}
        y = np.array(y.tolist()) if len(kinds) == 1 else y.astype(str)
    return y


def as_numbers(y: Array, what: str) -> Array:
    """Numbers (N, K) as float64.

    Raises:
        DataError: text, or numbers too large to be meant; names the row.
    """
    y = y.reshape(len(y), -1)
    if y.dtype.kind not in "biuf":
        for row, cells in enumerate(y.tolist(), 1):
            for cell in cells:
                if not (isinstance(cell, bool | np.bool_) or is_number(str(cell))):
                    raise DataError(
                        f"{what}: row {row}: expected a number, got {cell!r}. Mend the cell, or use classification."
                    )
    numbers = y.astype(np.float64)
    _check_cells(np.abs(numbers) <= ABSURD, numbers, what, f"expected numbers within ±{ABSURD:g}")
    return numbers


def as_counts(y: Array, what: str) -> Array:
    """Counts (N, K) as float64: whole numbers of at least 0.

    Raises:
        DataError: a fraction or a negative number; names row and value.
    """
    numbers = as_numbers(y, what)
    _check_cells((numbers >= 0) & (numbers == np.round(numbers)), numbers, what, "expected whole numbers from 0 on")
    return numbers


def as_flags(y: Array, what: str, names: tuple[str, ...]) -> Array:
    """Labels (N, K) that hold (1) or do not (0), as int32.

    Raises:
        DataError: another value; names row, label and value.
    """
    y = y.reshape(len(y), -1)
    codes = flags(y)
    bad = np.argwhere(codes < 0)
    if len(bad):
        row, column = bad[0]
        raise DataError(
            f"{what}: row {row + 1}, label {names[column]!r}: expected 0 or 1, or true or false, got "
            f"{y[row, column]!s}. Give a column of zeros and ones for each label."
        )
    return codes


def plain_targets(kind: str, y: Array, what: str = "y") -> Array:
    """Labels, counts or numbers without an encoder: int32 or float32 (N, K), neither shifted nor scaled.

    Example:
        >>> plain_targets("counts", np.array([0, 3])).tolist()
        [[0.0], [3.0]]
    """
    if kind == "labels":
        return as_flags(y, what, column_names(None, 1 if y.ndim == 1 else y.shape[1]))
    numbers = as_counts(y, what) if kind == "counts" else y
    return numbers.astype(np.float32).reshape(len(y), -1)


def _check_cells(good: Array, numbers: Array, what: str, expected: str) -> None:
    bad = np.argwhere(~good)
    if len(bad):
        row, column = bad[0]
        raise DataError(f"{what}: row {row + 1} holds {numbers[row, column]!s}; {expected}. Mend or remove the row.")
