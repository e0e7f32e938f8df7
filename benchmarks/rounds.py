"""Contenders that take turns, each in its own process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks.contenders import CONTENDERS
from benchmarks.machine import ENVIRONMENT
from benchmarks.nets import Work

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 600.0
"""Seconds after which a contender that does not answer is given up."""
PAUSE = 0.05
"""Seconds between two turns, in which the pools of threads of the one before go to sleep."""


class Worker:
    """A contender's process. After an error it stays silent, and ``error`` says what it was."""

    def __init__(self, name: str, work: Work, epochs: int, *, quick: bool) -> None:
        self.name, self.label, self.version = name, CONTENDERS[name].label, ""
        self.loss: float | None = None
        self.error = ""
        self.seconds: list[float] = []
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115  lives as long as the worker
        self._home = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        homes = {"KERAS_HOME": self._home.name, "TORCHINDUCTOR_CACHE_DIR": self._home.name}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", name, work.name, str(epochs)] + ["--quick"] * quick,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            cwd=ROOT,
            env=os.environ | ENVIRONMENT | CONTENDERS[name].environment | homes,
        )
        ready = self._answer()
        self.version, self.loss = ready.get("version", ""), ready.get("loss")

    def round(self) -> None:
        """Take a turn."""
        if self.error:
            return
        time.sleep(PAUSE)
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        answer = self._answer()
        if "seconds" in answer:
            self.seconds.append(answer["seconds"])

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._log):
            if stream is not None:
                stream.close()
        self._home.cleanup()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        timer = threading.Timer(PATIENCE, self._process.kill)
        timer.start()
        line = self._process.stdout.readline()
        timer.cancel()
        answer: dict[str, Any] = json.loads(line) if line else {"error": self._last_words()}
        self.error = answer.get("error", "")
        return answer

    def _last_words(self) -> str:
        self._log.seek(0)
        lines = self._log.read().strip().splitlines()
        return f"ended without an answer: {lines[-1][:200] if lines else 'no message'}"


def take_turns(names: tuple[str, ...], work: Work, *, rounds: int, epochs: int, quick: bool) -> list[Worker]:
    """Let contenders train the work in turns.

    Args:
        names: contenders.
        work: what to train.
        rounds: turns of each.
        epochs: epochs of each to warm up, after which losses are compared.
        quick: short epochs.

    Returns:
        The workers, ended, with their figures.
    """
    workers: list[Worker] = []
    try:
        for name in names:
            print(f"  {work.name}: {CONTENDERS[name].label} warms up", flush=True)
            workers.append(Worker(name, work, epochs, quick=quick))
        for number in range(rounds):
            # Every other round goes backwards, so that nobody always runs behind the same neighbor.
            for worker in workers[:: 1 if number % 2 == 0 else -1]:
                worker.round()
    finally:
        for worker in workers:
            worker.close()
    return workers
