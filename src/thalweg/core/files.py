"""Files and folders that are either written whole or not at all, with errors in plain words."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from thalweg.core.errors import StorageError
from thalweg.core.plain import plain

_REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EFBIG: "the file would be larger than allowed here",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "it is on a read-only file system",
    errno.EACCES: "permission is denied (read-only for you)",
    errno.EPERM: "permission is denied (read-only for you)",
    errno.ENOTDIR: "a part of the path is a file, not a folder",
    errno.EISDIR: "it is a folder, not a file",
    errno.ENOENT: "it does not exist",
    errno.ENAMETOOLONG: "the name is too long",
}


@contextmanager
def storage_errors(action: str, path: Path | str) -> Iterator[None]:
    """Turn any ``OSError`` inside the block into one `StorageError` that says what could not be done and why.

    Args:
        action: what is being done, e.g. ``"write"``.
        path: the file or folder in question.

    Raises:
        StorageError: in place of the operating system's error.

    Example:
        >>> with storage_errors("read", "/nowhere"):
        ...     open("/nowhere")
        Traceback (most recent call last):
            ...
        thalweg.core.errors.StorageError: Cannot read /nowhere: it does not exist.
    """
    try:
        yield
    except StorageError:
        raise
    except OSError as error:
        reason = _REASONS.get(_code(error), error.strerror or str(error))
        raise StorageError(f"Cannot {action} {path}: {reason}.") from error


def _code(error: OSError) -> int:
    """The operating system's number of an error, which libraries in Rust (Polars) give in the text alone."""
    told = re.search(r"\(os error (\d+)\)", str(error)) if error.errno is None and os.name == "posix" else None
    return int(told[1]) if told else error.errno or 0


def write_atomic(path: Path | str, write: bytes | str | Callable[[Path], object]) -> None:
    """Write a file so that readers see the old contents or the new, never a part.

    The contents go to a temporary file beside the target, are flushed to disk, and take its name in one step.

    Args:
        path: the file to write; its folder must exist.
        write: the contents, or a function that writes them to the path it is given.

    Raises:
        StorageError: the folder is missing or read-only, or the disk is full; nothing is left behind.
    """
    path = Path(path)
    # The suffix stays last, since writers choose their format by it.
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")
    with storage_errors("write", path):
        if path.is_dir():
            raise StorageError(f"Cannot write {path}: it is a folder, not a file.")
        # Told here, since writers of other libraries would name the temporary file.
        if not path.parent.exists():
            raise StorageError(f"Cannot write {path}: the folder {path.parent} does not exist.")
        try:
            if callable(write):
                write(temporary)
            else:
                temporary.write_bytes(write.encode() if isinstance(write, str) else write)
            sync(temporary)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def write_json(path: Path | str, content: Mapping[str, Any]) -> None:
    """Write a JSON file, whole or not at all; numbers that are not finite become null.

    Raises:
        StorageError: the place is read-only, full or gone.
    """
    write_atomic(path, json.dumps(plain(content), indent=1, allow_nan=False) + "\n")


def append_line(path: Path | str, row: Mapping[str, Any]) -> None:
    """Append one line of JSON to a file, whole or not at all; numbers that are not finite become null.

    Raises:
        StorageError: the disk is full or the folder is gone.
    """
    path = Path(path)
    line = json.dumps(plain(row), allow_nan=False) + "\n"
    with storage_errors("write", path):
        before = path.stat().st_size if path.exists() else 0
        try:
            with path.open("a", encoding="utf-8") as stream:
                stream.write(line)
        except OSError:
            if path.exists():
                os.truncate(path, before)
            raise


def write_folder_atomic(folder: Path | str, fill: Callable[[Path], object], names: Collection[str]) -> None:
    """Write a folder of files so that it exists whole or not at all; an older one survives any failure.

    Args:
        folder: the folder to write.
        fill: writes the files into the (temporary) folder it is given.
        names: all files that a folder of ours can hold; one that holds anything else is never replaced.

    Raises:
        StorageError: the place holds something else, is read-only, or the disk is full; nothing is left behind.
    """
    folder = Path(os.path.abspath(folder))
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    with storage_errors("write", folder):
        restore_folder(folder)
        if folder.exists() and not folder.is_dir():
            raise StorageError(f"Cannot write {folder}: a file of that name is there.")
        if folder.is_dir() and (foreign := sorted({entry.name for entry in folder.iterdir()} - set(names))):
            raise StorageError(
                f"Cannot write {folder}: the folder holds other files, such as {foreign[0]!r}. Choose another folder."
            )
        try:
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
            fill(temporary)
            for file in temporary.iterdir():
                sync(file)
            sync(temporary)
            if folder.is_dir():
                # A folder with files cannot be replaced in one step: the old one waits beside, and
                # `restore_folder` puts it back should the process die between the two renames.
                folder.replace(_previous(folder))
            temporary.replace(folder)
            shutil.rmtree(_previous(folder), ignore_errors=True)
        except BaseException:
            restore_folder(folder)
            raise
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def restore_folder(folder: Path | str) -> None:
    """Put back the older folder when a process died while replacing it."""
    folder = Path(os.path.abspath(folder))
    if not folder.exists() and _previous(folder).is_dir():
        _previous(folder).replace(folder)


def sync(path: Path) -> None:
    """Flush a file or folder to the disk; folders only where the system allows it."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except PermissionError:  # Windows opens no folders
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _previous(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.previous")
