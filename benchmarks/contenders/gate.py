"""A training loop that belongs to a library, run epoch by epoch on command."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Queue


class Gate:
    """Runs a function in a thread and holds it at the start of every epoch.

    The function must call :meth:`started` at each epoch's start and :meth:`ended` at its end, in its own callbacks.
    What the library does between two epochs happens before the next call of :meth:`epoch` or is counted with it.
    """

    def __init__(self, run: Callable[[], object]) -> None:
        self._go: Queue[None] = Queue()
        self._done: Queue[BaseException | None] = Queue()
        self._thread = threading.Thread(target=self._guarded, args=(run,), daemon=True)

    def epoch(self) -> None:
        """Let one epoch pass.

        Raises:
            RuntimeError: training ended, or failed.
        """
        if not self._thread.ident:
            self._thread.start()
        self._go.put(None)
        error = self._done.get()
        if error is not None:
            raise RuntimeError(f"{type(error).__name__}: {error}") from error

    def started(self) -> None:
        """Wait for the command."""
        self._go.get()

    def ended(self) -> None:
        """Report an epoch as done."""
        self._done.put(None)

    def _guarded(self, run: Callable[[], object]) -> None:
        try:
            run()
        except BaseException as error:  # noqa: BLE001  whatever it is belongs to the caller
            self._done.put(error)
        else:
            self._done.put(RuntimeError("no epochs are left"))
