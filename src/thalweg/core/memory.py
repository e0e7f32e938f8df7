"""How much memory there is, and words for amounts of it."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

UNKNOWN = 8 * 2**30
"""Taken where the system does not tell."""


def available_memory() -> int:
    """Bytes of memory that this process may still take, as far as the system tells.

    On Linux what is free or easily freed, and not more than the control group leaves; elsewhere half of the machine's.

    Example:
        >>> available_memory() > 0
        True
    """
    told = [_meminfo(), _control_group()]
    known = [size for size in told if size is not None]
    if known:
        return max(1, min(known))
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    return UNKNOWN


def release_memory() -> None:
    """Give memory that was freed back to the system, where the C library keeps it: compilers leave some 100 MB.

    Example:
        >>> release_memory()
    """
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:
        trim(0)


def size_text(size: float) -> str:
    """A number of bytes in words.

    Example:
        >>> size_text(1_500), size_text(9.87e9)
        ('1.5 kB', '9.9 GB')
    """
    units = ("bytes", "kB", "MB", "GB", "TB")
    step = next(i for i in range(len(units)) if size < 1000 ** (i + 1) or i == len(units) - 1)
    return f"{size / 1000**step:.{1 if step else 0}f} {units[step]}"


def _meminfo() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    found = [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")]
    return found[0] if found else None


def _control_group() -> int | None:
    root = Path("/sys/fs/cgroup")
    try:
        limit, used = ((root / name).read_text(encoding="ascii").strip() for name in ("memory.max", "memory.current"))
    except OSError:
        return None
    return None if limit == "max" else max(0, int(limit) - int(used))
