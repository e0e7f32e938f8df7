"""One way in: a name, a file, a folder, arrays or a data frame becomes a table.

The format is known by the first bytes of a file, else by its suffix.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from thalweg.core.errors import ArgumentError, DataError, StorageError, nearest
from thalweg.data.bundled import DATASETS, joined
from thalweg.data.formats import PATTERN, table_files
from thalweg.data.readers import arrays, columnar, frames, idx, images, text
from thalweg.data.table import Table

Reader = Callable[[Path, str | None, bool], Table]


@dataclass(frozen=True)
class Format:
    """A file format.

    Args:
        suffixes: endings of file names.
        magic: possible first bytes of such a file; none for text.
        read: (path, target, need_target) → table.
    """

    suffixes: tuple[str, ...]
    magic: tuple[bytes, ...]
    read: Reader


FORMATS: dict[str, Format] = {
    "npz": Format((".npz",), (b"PK\x03\x04", b"PK\x05\x06"), arrays.read_npz),
    "npy": Format((".npy",), (b"\x93NUMPY",), arrays.read_npy),
    "parquet": Format((".parquet", ".pq"), (b"PAR1",), columnar.read_parquet),
    "arrow": Format((".arrow", ".feather", ".ipc", ".arrows"), (b"ARROW1", b"\xff\xff\xff\xff"), columnar.read_arrow),
    "idx": Format(
        ("-ubyte", ".idx", "-ubyte.gz", ".idx.gz"),
        tuple(bytes([0, 0, kind]) for kind in idx.TYPES),
        idx.read_images,
    ),
    "csv": Format((".csv", ".tsv", ".tab", ".txt", ".data", ".csv.gz", ".tsv.gz", ".txt.gz"), (), text.read_text),
}


def read(source: Any, *, target: str | None = None, need_target: bool = True, official: bool = True) -> Table:
    """Read data from wherever it is.

    Args:
        source: a bundled name such as ``"iris"``; the path of a file; of a folder, or a pattern such as
            ``part-*.parquet``, of CSV or Parquet files with the same columns; of a folder with a sub-folder of images
            for each class; ``(x, y)`` or ``x`` as arrays or data frames; or a table, which is returned as it is.
        target: name of the target column (or key, or file, see the readers); by default ``target``, ``label``,
            ``class`` or ``y``.
        need_target: whether data without a target is an error; without it, no target is guessed from columns.
        official: whether a column of booleans in a data frame that is called ``is_test`` marks an official test set, as
            it does in files; else it is a feature like any other.

    Returns:
        A table; rows of an official test set are marked in its ``is_test``.

    Raises:
        StorageError: no such file; names the nearest.
        DataError: a format that is not known, a truncated or damaged file, an empty table.
        ArgumentError: no such target column; names the nearest.

    Example:
        >>> read("iris")
        Table('iris', 150 rows, 4 features, target='species')
        >>> read(([[0.0, 1.0], [1.0, 0.0]], ["a", "b"])).width
        2
    """
    if isinstance(source, Table):
        return _checked(source, target, need_target)
    if isinstance(source, (str, Path)):
        if str(source) in DATASETS:
            return _checked(joined(str(source)), target, need_target)
        return _read_path(Path(source).expanduser(), target, need_target)
    x, y = source if isinstance(source, tuple) and len(source) == 2 else (source, None)
    if frames.is_frame(x):
        return frames.from_native(x, "data", target, need_target, y, official=official)
    if y is None and need_target:
        raise ArgumentError("data", "(x, y), a data frame, a file or a name", f"{type(source).__name__} without target")
    return frames.from_arrays(x, y, "data", target_name=target)


def check_exists(path: Path) -> None:
    """Refuse a path at which there is nothing, unless it is a pattern of names.

    Raises:
        StorageError: names the nearest file or bundled set.
    """
    if not path.exists() and not any(mark in path.name for mark in PATTERN):
        raise StorageError(_absent(path))


def _read_path(path: Path, target: str | None, need_target: bool) -> Table:
    check_exists(path)
    try:
        files = () if path.is_file() else table_files(path)
        if files:
            return _read_files(path, files, target, need_target)
        if path.is_dir():
            return images.read_images(path, target, need_target)
        return FORMATS[detect(path)].read(path, target, need_target)
    except PermissionError:
        raise StorageError(f"{path}: reading is not permitted. Change its permissions.") from None


def _read_files(path: Path, files: Sequence[Path], target: str | None, need_target: bool) -> Table:
    """Read files with the same columns below one another."""
    import polars as pl

    tables = [FORMATS[detect(file)].read(file, None, False) for file in files]
    columns = tables[0].feature_names
    for file, table in zip(files, tables, strict=True):
        if (table.is_test is None) != (tables[0].is_test is None) or set(table.feature_names) != set(columns):
            raise DataError(f"{file}: its columns are not those of {files[0]}.")
    frame = pl.concat([table.frame.select(columns) for table in tables], how="vertical_relaxed")
    if tables[0].is_test is not None:
        marks = [table.is_test for table in tables if table.is_test is not None]
        frame = frame.with_columns(pl.Series("is_test", np.concatenate(marks)))
    return frames.from_frame(frame, str(path), target, need_target)


def detect(path: Path) -> str:
    """The key in ``FORMATS`` of a file, by its first bytes, else by its suffix.

    Raises:
        DataError: the format is not known, or the file is not what its suffix says.
    """
    with path.open("rb") as file:
        head = file.read(8)
    name = path.name.lower()
    by_name = next((key for key, known in FORMATS.items() if name.endswith(known.suffixes)), None)
    if not head:
        raise DataError(f"{path}: the file is empty (0 bytes). Write or fetch it again.")
    if name.endswith((".xlsx", ".xls", ".ods")):
        raise DataError(f"{path}: spreadsheets are not read. Save the sheet as CSV.")
    for key, known in FORMATS.items():
        if known.magic and head.startswith(known.magic):
            return key
    if by_name in {"csv", "idx"}:
        return by_name  # text has no mark of its own, and gzip hides the one of idx
    formats = ", ".join(suffix for known in FORMATS.values() for suffix in known.suffixes)
    if by_name is not None:
        raise DataError(f"{path}: not a{'n' if by_name[0] in 'an' else ''} {by_name} file: it starts with {head!r}.")
    raise DataError(f"{path}: unknown format; expected one of {formats}, or a folder of images.")


def _absent(path: Path) -> str:
    """Message for a path that does not exist, with the nearest file or bundled name."""
    near = nearest(str(path), DATASETS)
    if not near and path.parent.is_dir():
        near = nearest(path.name, (entry.name for entry in path.parent.iterdir()))
    bundled = "" if near or path.suffix else f"Bundled names: {', '.join(DATASETS)}."
    return f"{path}: no such file or folder. {near or bundled}".rstrip()


def _checked(table: Table, target: str | None, need_target: bool) -> Table:
    """A ready table, whose target cannot be chosen any more."""
    if need_target and table.target is None:
        raise ArgumentError("target", f"data with a target in {table.name}", "nothing")
    named = target is not None and table.target_name is not None
    if need_target and named and target != table.target_name:
        raise ArgumentError("target", f"{table.target_name!r} for {table.name}", repr(target))
    return table
