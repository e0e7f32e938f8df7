"""Columns to files: what ``thalweg predict`` leaves."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
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


def write_pieces(path: Path, pieces: Iterable[Columns]) -> int:
    """Write columns that come in pieces of rows, whole or not at all, and return how many rows there are.

    Text, Parquet and Arrow files are written with the memory of a piece; ``.npz`` and ``.npy`` hold all of them.

    Args:
        path: as for `write_columns`.
        pieces: columns of consecutive rows, at least one, of the same names.

    Raises:
        ArgumentError: another ending.
        StorageError: the file cannot be written.
        Exception: what ``pieces`` raises; no file is left then.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "a.parquet"
        >>> write_pieces(path, ({"x": np.arange(first, first + 2)} for first in (0, 2)))
        4
        >>> import polars as pl
        >>> pl.read_parquet(path)["x"].to_list()
        [0, 1, 2, 3]
    """
    check_ending(path)
    ending = path.suffix.lower()
    count = 0

    def counted() -> Iterator[Columns]:
        nonlocal count
        for columns in pieces:
            count += len(next(iter(columns.values())))
            yield columns

    if ending in {".npz", ".npy"}:
        parts = list(counted())
        write_columns(path, {name: np.concatenate([part[name] for part in parts]) for name in parts[0]})
    else:
        write = _sink if ending in {".parquet", ".arrow"} else _write_lines
        write_atomic(path, lambda temporary: write(temporary, counted()))
    return count


def _write_lines(path: Path, pieces: Iterator[Columns]) -> None:
    separator = "\t" if path.suffix.lower() == ".tsv" else ","
    with path.open("wb") as stream:
        for number, columns in enumerate(pieces):
            _frame(columns).write_csv(stream, separator=separator, include_header=number == 0)


def _sink(path: Path, pieces: Iterator[Columns]) -> None:
    """Write each piece into a file of its own, and let polars stream them into one."""
    import polars as pl

    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.stem}.") as folder:
        files = []
        for number, columns in enumerate(pieces):
            files.append(Path(folder) / f"{number:08}.parquet")
            _frame(columns).write_parquet(files[-1])
        rows = pl.scan_parquet(files)
        if path.suffix.lower() == ".parquet":
            rows.sink_parquet(path)
        else:
            rows.sink_ipc(path)


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
