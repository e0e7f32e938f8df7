"""Memory that a program has freed goes back to the system."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from thalweg.core.memory import release_memory


def resident() -> int:
    """Bytes of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="needs the GNU C library"
)
def test_freed_memory_is_given_back() -> None:
    # Arrays so small come from the heap, and the last one keeps its end in use.
    arrays = [np.ones(8000) for _ in range(2000)]
    last = np.ones(8000)
    full = resident()
    del arrays
    release_memory()
    assert full - resident() > 0.7 * 2000 * last.nbytes
