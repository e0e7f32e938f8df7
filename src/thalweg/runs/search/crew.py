"""Processes that work on one search."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Any

from thalweg.core.errors import ThalwegError
from thalweg.core.processors import processors

if TYPE_CHECKING:
    from thalweg.runs.search.run import Request

PAUSE = 0.3
"""Seconds between two looks at what the processes have done."""

CODE = """
import sys
from thalweg.core.errors import ThalwegError
from thalweg.runs.search.run import main
try:
    sys.exit(main(sys.stdin.read()))
except ThalwegError as error:
    sys.exit(f"{error}")
except KeyboardInterrupt:
    sys.exit(130)
"""


class Crew:
    """Processes that work on one search, each on its own processors.

    Args:
        request: what is asked of the search.
        jobs: how many processes.
    """

    def __init__(self, request: Request, jobs: int) -> None:
        threads = request.threads or max(1, processors() // jobs)
        self.requests = [dataclasses.replace(request, place=place, threads=threads) for place in range(jobs)]

    def work(self, look: Callable[[], None]) -> bool:
        """Start the processes and wait for them; Ctrl-C goes to all of them.

        Args:
            look: called now and then.

        Returns:
            False when they were interrupted.

        Raises:
            ThalwegError: a process failed; in its own words.
        """
        with tempfile.TemporaryFile("w+") as errors:
            started = [self._start(request, errors) for request in self.requests]
            try:
                while any(process.poll() is None for process in started):
                    look()
                    time.sleep(PAUSE)
            except KeyboardInterrupt:
                self._stop(started)
                return False
            except BaseException:
                self._stop(started)
                raise
            look()
            codes = [process.wait() for process in started]
            if any(code not in (0, 130) for code in codes):
                errors.seek(0)
                words = [line for line in errors.read().splitlines() if line.strip()]
                raise ThalwegError(f"A process of the search failed: {words[-1] if words else f'codes {codes}'}")
        return 130 not in codes

    @staticmethod
    def _start(request: Request, errors: IO[str]) -> subprocess.Popen[str]:
        process = subprocess.Popen(  # noqa: S603 (this interpreter, on a text of ours)
            [sys.executable, "-c", CODE],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            text=True,
            env=os.environ | _compiled(),
            start_new_session=True,  # Ctrl-C reaches this process, which hands it on once
        )
        assert process.stdin is not None, "it was asked for"
        process.stdin.write(json.dumps(dataclasses.asdict(request)))
        process.stdin.close()
        return process

    @staticmethod
    def _stop(started: list[subprocess.Popen[str]]) -> None:
        for process in started:
            if process.poll() is None:
                process.send_signal(signal.SIGINT if os.name != "nt" else signal.SIGTERM)
        for process in started:
            process.wait()


def _compiled() -> dict[str, str]:
    """Environment that lets processes share the folder of compiled programs, where this one has one."""
    import jax

    folder: Any = getattr(jax.config, "jax_compilation_cache_dir", None)
    if not folder:
        return {}
    return {
        "JAX_COMPILATION_CACHE_DIR": str(folder),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
