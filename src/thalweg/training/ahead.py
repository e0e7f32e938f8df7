"""Compiling a program in a thread before it is first called: XLA compiles on one core, without Python's lock.

The call itself then finds the program compiled, as its arguments are of the types foreseen here.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import jax

from thalweg.data.batches import Batches, Chunk


def compiling(program: Any, batches: Batches, arguments: Callable[[Chunk], tuple[Any, ...]]) -> list[Future[Any]]:
    """Begin to compile a program of a set's chunks, on the CPU; an error comes again when the program is called.

    Args:
        program: a jitted function.
        batches: the set.
        arguments: a chunk ↦ what the program will be called with, or its shapes.

    Returns:
        What to wait for, nothing where there is nothing to do. The process outlives the thread: XLA must not be torn
        down while it works.

    Example:
        >>> import numpy as np
        >>> from thalweg.data.batches import ArrayBatches
        >>> total = jax.jit(lambda chunk: chunk.x.sum())
        >>> batches = ArrayBatches(np.ones((4, 3)), np.ones(4), batch_size=4)
        >>> wait(compiling(total, batches, lambda chunk: (chunk,)))
        >>> float(total(next(batches.chunks(epoch=None))))
        12.0
    """
    if jax.default_backend() != "cpu" or not hasattr(batches, "blank"):
        return []
    try:
        # Traced in the caller's thread, where its JAX settings hold.
        lowered = program.lower(*arguments(batches.blank()))
    except Exception:  # noqa: BLE001  of whatever kind, the call meets it again
        return []
    pool = ThreadPoolExecutor(1, "thalweg-compile")
    compiled = pool.submit(lowered.compile)
    pool.shutdown(wait=False)
    return [compiled]


def wait(compiled: list[Future[Any]]) -> None:
    """Return once all is compiled, or has failed; Ctrl-C is heard meanwhile."""
    for one in compiled:
        one.exception()
