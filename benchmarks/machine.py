"""What the figures were measured on, and two processors for everybody."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

PROCESSORS = 2

ENVIRONMENT = {
    "OMP_NUM_THREADS": str(PROCESSORS),
    "OPENBLAS_NUM_THREADS": str(PROCESSORS),
    "MKL_NUM_THREADS": str(PROCESSORS),
    "JAX_PLATFORMS": "cpu",
    "CUDA_VISIBLE_DEVICES": "",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}
"""Variables of every process that is measured: two threads, no accelerator."""


def limit_processors() -> None:
    """Bind this process and its children to two processors, where the system can do that."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:PROCESSORS])


def describe() -> str:
    """Return date, processor, memory and Python in a line, with nothing that names the machine."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    day = datetime.now(UTC).strftime("%Y-%m-%d")
    system = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return f"{day} · {_processor()}, {bound} of {os.cpu_count()} cores, {memory('MemTotal')} of memory · {system}"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    if sys.platform == "darwin":
        return subprocess.run(
            ["sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True, check=False
        ).stdout.strip()
    return platform.processor() or platform.machine()


def memory(kind: str) -> str:
    """Return a line of /proc/meminfo in words: ``MemTotal``, ``MemAvailable``."""
    size = memory_bytes(kind)
    return "unknown size" if size is None else f"{size / 2**30:.0f} GiB"


def memory_bytes(kind: str) -> int | None:
    """Return a line of /proc/meminfo in bytes, or None elsewhere than on Linux."""
    return status_bytes(Path("/proc/meminfo"), kind)


def status_bytes(file: Path, *kinds: str) -> int | None:
    """Return the sum of the lines called ``kinds`` of a file in the form of /proc/self/status, in bytes."""
    if not file.exists():
        return None
    lines = (line.split() for line in file.read_text().splitlines())
    return sum(1024 * int(parts[1]) for parts in lines if parts and parts[0].rstrip(":") in kinds)
