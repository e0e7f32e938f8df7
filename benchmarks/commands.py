"""Commands in processes of their own: those of thalweg as a user would start them, and workers that measure."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.machine import ENVIRONMENT
from benchmarks.rounds import ROOT


def thalweg(*arguments: str) -> list[str]:
    """Return the command: the script beside this Python, or the same by module."""
    script = Path(sys.executable).with_name("thalweg")
    started = [str(script)] if script.exists() else [sys.executable, "-c", "from thalweg.cli.main import main; main()"]
    return [*started, *arguments]


def seconds(command: list[str], folder: Path, cache: Path | None = None) -> float:
    """Return how long a command takes, from start to exit.

    Args:
        command: the command.
        folder: where it runs.
        cache: its folder for compiled programs; by default one in ``folder``.

    Raises:
        RuntimeError: it failed.
    """
    home = str(cache or folder / "cache")
    environment = os.environ | ENVIRONMENT | {"XDG_CACHE_HOME": home, "LOCALAPPDATA": home}
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)
    began = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    passed = time.perf_counter() - began
    _check(done)
    return passed


def worker_answer(module: str, *arguments: object) -> dict[str, Any]:
    """Run a module of the benchmarks and return what it prints, one line of JSON.

    Raises:
        RuntimeError: it failed.
    """
    command = [sys.executable, "-m", module, *map(str, arguments)]
    environment = os.environ | ENVIRONMENT
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    _check(done)
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def _check(done: subprocess.CompletedProcess[str]) -> None:
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise RuntimeError(f"{' '.join(done.args[1:])} failed: {' '.join(last)}")
