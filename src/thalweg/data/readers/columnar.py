"""Parquet and Arrow files (IPC file, IPC stream, Feather version 2), by polars."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from thalweg.core.errors import DataError
from thalweg.data.readers.frames import from_frame
from thalweg.data.table import Table

Result = TypeVar("Result")


def read_parquet(path: Path, target: str | None, need_target: bool) -> Table:
    """Read a Parquet file.

    Raises:
        DataError: the file is truncated or damaged.
    """
    import polars as pl

    check_parquet(path)
    return from_frame(guarded(path, pl.read_parquet, "Parquet"), str(path), target, need_target)


def read_arrow(path: Path, target: str | None, need_target: bool) -> Table:
    """Read an Arrow file: IPC file, IPC stream or Feather version 2.

    Raises:
        DataError: the file is truncated or damaged.
    """
    import polars as pl

    with path.open("rb") as file:
        is_file = file.read(6) == b"ARROW1"
    if is_file and not _ends_with(path, b"ARROW1"):
        raise DataError(f"{path}: the Arrow file is truncated: its closing mark is missing. Fetch it again.")
    if is_file:
        frame = guarded(path, pl.read_ipc, "Arrow")
    else:
        frame = guarded(path, pl.read_ipc_stream, "Arrow")
    return from_frame(frame, str(path), target, need_target)


def check_parquet(path: Path) -> None:
    """Raise unless a Parquet file has its closing mark.

    Raises:
        DataError: it is truncated.
    """
    if not _ends_with(path, b"PAR1"):
        raise DataError(f"{path}: the Parquet file is truncated: its closing mark is missing. Fetch it again.")


def _ends_with(path: Path, mark: bytes) -> bool:
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - len(mark)))
        return size >= 2 * len(mark) and file.read() == mark


def guarded(path: Path, reader: Callable[[Path], Result], kind: str) -> Result:
    """What a reader makes of a file.

    Raises:
        DataError: the file is damaged.
    """
    import polars as pl

    try:
        return reader(path)
    except (pl.exceptions.PolarsError, OSError, ValueError) as error:
        why = (str(error).strip().splitlines() or ["no reason given"])[0]
    except pl.exceptions.PanicException:  # damaged bytes can make the parser itself fail
        why = "its content makes no sense"
    raise DataError(f"{path}: the {kind} file is damaged ({why}). Write or fetch it again.")
