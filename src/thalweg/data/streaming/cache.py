"""The folder of a streamed table: its manifest, which tells what the files hold and how far they are written."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from thalweg.core.errors import StorageError
from thalweg.core.files import storage_errors, write_json
from thalweg.core.locks import take_lock
from thalweg.core.memory import size_text

MANIFEST, LOCK = "manifest.json", "lock"
FORMAT = 1
"""Raised when the files of a cache change their meaning: older ones are then written anew."""

PAUSE = 0.2
"""Seconds between two looks whether another process is done."""

HASH_BYTES = 2**22
MARGIN = 64 * 2**20
"""Bytes of the disk that are left free."""


@dataclass
class Cache:
    """A folder that holds one table, encoded in one way.

    Args:
        folder: its place.
        manifest: what is written in it; empty at the beginning.
    """

    folder: Path
    manifest: dict[str, Any] = field(default_factory=dict)
    _lock: Any = None

    @staticmethod
    def open(root: Path, key: Mapping[str, Any], say: Callable[[str], None]) -> Cache:
        """Open, or make, the folder for a table encoded in the way that ``key`` tells.

        Args:
            root: folder of all ways in which the table has been encoded.
            key: plain values; other ones make another folder.
            say: is told when another process has to be waited for.

        Raises:
            StorageError: the place cannot be written.
        """
        text = json.dumps(dict(key), sort_keys=True, default=str)
        folder = root / hashlib.sha256(text.encode()).hexdigest()[:12]
        with storage_errors("write the cache", folder):
            folder.mkdir(parents=True, exist_ok=True)
            lock = take_lock(folder / LOCK)
        if lock is None:
            say(f"another process is writing {folder}: waiting for it")
        while lock is None:
            time.sleep(PAUSE)
            lock = take_lock(folder / LOCK)
        cache = Cache(folder, _lock=lock)
        try:
            known = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return cache
        if known.get("format") == FORMAT:
            cache.manifest = known
        return cache

    def close(self) -> None:
        """Let other processes use the folder."""
        self._lock.close()

    def save(self, **changes: Any) -> None:
        """Write the manifest with some changes, whole or not at all."""
        self.manifest |= changes
        write_json(self.folder / MANIFEST, {"format": FORMAT} | self.manifest)

    def clear(self) -> None:
        """Remove what the folder holds."""
        self.manifest = {}
        for entry in self.folder.iterdir():
            if entry.name != LOCK:
                entry.unlink()

    def check_space(self, needed: int) -> None:
        """Raise unless the disk has room for so many bytes more.

        Raises:
            StorageError: too little room; tells how much is missing.
        """
        free = shutil.disk_usage(self.folder).free
        if free < needed + MARGIN:
            raise StorageError(
                f"The cache needs {size_text(needed)}, {size_text(free)} are free in {self.folder}. "
                "Make room, or choose another disk with --cache FOLDER."
            )

    def is_of(self, files: tuple[Path, ...], progress: Callable[[int], None]) -> bool:
        """Whether the manifest is of these very files: by size and times, and where those differ by their contents."""
        if not self.manifest:
            return False
        if self.manifest["files"] == (now := identities(files)):
            return True
        if [known["size"] for known in self.manifest["files"]] != [known["size"] for known in now]:
            return False
        if self.manifest["hash"] != content_hash(files, progress):
            return False
        self.save(files=now)  # copied, or touched
        return True


def default_root(name: str) -> Path:
    """The folder beside a table that holds its caches.

    Example:
        >>> default_root("data/flights.csv").as_posix(), default_root("data/part-*.parquet").name
        ('data/flights.csv.thalweg', 'part-.parquet.thalweg')
    """
    path = Path(name).expanduser()
    return path.with_name(re.sub(r"[^\w.-]+", "", path.name) + ".thalweg")


def identities(files: Iterable[Path]) -> list[dict[str, Any]]:
    """What the system tells of files; it changes with every writing, as Git's index has it."""
    found = []
    for file in files:
        told = file.stat()
        times = {"mtime_ns": told.st_mtime_ns, "ctime_ns": told.st_ctime_ns, "inode": told.st_ino}
        found.append({"name": file.name, "size": told.st_size} | times)
    return found


def content_hash(files: Iterable[Path], progress: Callable[[int], None]) -> str:
    """SHA-256 over the names and contents of files.

    Args:
        files: in their order.
        progress: is told how many bytes are done.
    """
    digest, done = hashlib.sha256(), 0
    for file in files:
        with storage_errors("read", file), file.open("rb") as stream:
            digest.update(f"{file.name}\0{file.stat().st_size}\0".encode())
            while block := stream.read(HASH_BYTES):
                digest.update(block)
                done += len(block)
                progress(done)
    return digest.hexdigest()
