"""Preparing the next chunk while the current one is computed."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Item = TypeVar("Item")

DEPTH = 1
"""Chunks prepared in advance."""

_ALIGNMENT = 64
_END = object()


class Buffers:
    """A ring of aligned buffers, so that chunks are neither allocated anew nor copied on their way to JAX.

    At any moment the loop computes with one chunk, has handed over a second, ``DEPTH`` wait in the queue, and one is
    being filled: that is the length of the ring.
    """

    def __init__(self) -> None:
        self._ring: list[NDArray[np.float32]] = []
        self._turn = 0

    def next(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Return the buffer whose contents nobody needs any more."""
        if len(self._ring) < DEPTH + 3:
            self._ring.append(aligned(shape))
            return self._ring[-1]
        self._turn = (self._turn + 1) % len(self._ring)
        return self._ring[self._turn - 1]


def aligned(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return an uninitialized float32 array that starts at a multiple of 64 bytes, which JAX takes without a copy.

    Example:
        >>> aligned((3, 5)).ctypes.data % 64
        0
    """
    size = int(np.prod(shape)) * 4
    raw = np.empty(size + _ALIGNMENT, np.uint8)
    offset = -raw.ctypes.data % _ALIGNMENT
    return raw[offset : offset + size].view(np.float32).reshape(shape)


def on_accelerator() -> bool:
    """Return whether JAX computes elsewhere than on the CPU."""
    import jax

    return jax.default_backend() != "cpu"


class ReadAhead(Generic[Item]):
    """The same items, each prepared by a thread while its predecessor is in use; the first at once.

    An error in the thread is raised where the item would have been; :meth:`close` ends the thread.

    Args:
        items: what to iterate over.

    Example:
        >>> list(ReadAhead(iter(range(4))))
        [0, 1, 2, 3]
    """

    def __init__(self, items: Iterator[Item]) -> None:
        self._items = items
        self._waiting: queue.Queue[Any] = queue.Queue(maxsize=DEPTH)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="thalweg-read-ahead", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        if self._stop.is_set():
            raise StopIteration
        item, error = self._waiting.get()
        if error is not None or item is _END:
            self.close()
            raise StopIteration if error is None else error
        found: Item = item
        return found

    def close(self) -> None:
        """End the thread; nothing more is yielded."""
        self._stop.set()
        self._thread.join()

    def _work(self) -> None:
        try:
            for item in self._items:
                self._offer((item, None))
                if self._stop.is_set():
                    return
        except BaseException as error:  # noqa: BLE001  whatever it is belongs to the consumer
            self._offer((None, error))
        else:
            self._offer((_END, None))

    def _offer(self, entry: Any) -> None:
        while not self._stop.is_set():
            try:
                self._waiting.put(entry, timeout=0.1)
            except queue.Full:
                continue
            return


def close(items: Iterator[Any] | None) -> None:
    """End whatever prepares the items, when they are no longer wanted."""
    if items is not None and hasattr(items, "close"):
        items.close()
