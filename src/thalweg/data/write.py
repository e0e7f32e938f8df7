"""Columns to files: what ``thalweg predict`` leaves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from thalweg.core.errors import ArgumentError
from thalweg.core.files import write_atomic
from thalweg.data.table import Array

if TYPE_CHECKING:
    import polars as pl

Columns = Mapping[str, Array]


def write_columns(path: Path, columns: Columns) -> None:
    r"""Write named columns of equal length, in the format of the file's name, whole or not at all.

    Args:
        path: ends in one of the keys of ``WRITERS``; ``.npy`` holds the first column alone.
        columns: arrays (N,).

    Raises:
        ArgumentError: another ending.
        StorageError: the file cannot be written.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "a.csv"
        >>> write_columns(path, {"x": np.array([1, 2]), "y": np.array(["a", "b"])})
        >>> path.read_text()
        'x,y\n1,a\n2,b\n'
    """
    check_ending(path)
    write_atomic(path, lambda temporary: WRITERS[path.suffix.lower()](temporary, columns))


def check_ending(path: Path) -> None:
    """Raise unless a file of that name can be written.

    Raises:
        ArgumentError: another ending.
    """
    if path.suffix.lower() not in WRITERS:
        raise ArgumentError("output", f"a file name ending in {', '.join(WRITERS)}", repr(path.name))


def _frame(columns: Columns) -> pl.DataFrame:
    import polars as pl

    return pl.DataFrame({name: v.tolist() if v.dtype.kind in "OU" else v for name, v in columns.items()})


def _write_npz(path: Path, columns: Columns) -> None:
    arrays: dict[str, Any] = dict(columns)
    np.savez_compressed(path, **arrays)


WRITERS: dict[str, Callable[[Path, Columns], object]] = {
    ".csv": lambda path, columns: _frame(columns).write_csv(path),
    ".tsv": lambda path, columns: _frame(columns).write_csv(path, separator="\t"),
    ".parquet": lambda path, columns: _frame(columns).write_parquet(path),
    ".arrow": lambda path, columns: _frame(columns).write_ipc(path),
    ".npz": _write_npz,
    ".npy": lambda path, columns: np.save(path, next(iter(columns.values()))),
}
"""File formats by ending."""
