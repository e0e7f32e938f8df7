"""Locks between processes, as files: the system drops them when the process that holds one ends, however it ends."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from thalweg.core.files import storage_errors

PAUSE = 0.02
"""Seconds between two tries for a lock that is held."""


def take_lock(path: Path) -> IO[str] | None:
    """Take the lock of a file, which is made when absent, and return what holds it until it is closed.

    Returns:
        None when another process, or another holder in this one, has it.

    Raises:
        StorageError: the file cannot be made.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / ".lock"
        >>> lock = take_lock(path)
        >>> take_lock(path) is None, is_held(path)
        (True, True)
        >>> lock.close()
        >>> is_held(path)
        False
    """
    with storage_errors("lock", path):
        stream = path.open("a")
    if _try_lock(stream):
        return stream
    stream.close()
    return None


def is_held(path: Path) -> bool:
    """Return whether a living process holds the lock of a file."""
    try:
        stream = path.open("r+")
    except OSError:  # absent, or not ours to write: nobody holds it for writing as this user
        return False
    with stream:
        return not _try_lock(stream)


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock of a file for the length of a block, waiting for it as long as others do.

    Raises:
        StorageError: the file cannot be made.
    """
    while (lock := take_lock(path)) is None:
        time.sleep(PAUSE)
    with lock:
        yield


def _try_lock(stream: IO[str]) -> bool:
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
