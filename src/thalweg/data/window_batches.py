"""Minibatches of pixels: windows are cut while they are needed, so that they never exist all at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from thalweg.core.errors import ArgumentError
from thalweg.data.batches import (
    CHUNK_BYTES,
    Chunk,
    LaidOut,
    Layout,
    chunk_weights,
    epoch_rng,
    normalized_weights,
    spread,
)
from thalweg.data.read_ahead import Buffers, ReadAhead
from thalweg.data.windows import Windows

Sampling = Literal["all", "balanced"]


@dataclass
class WindowBatches(LaidOut):
    """Minibatches of the windows around pixels, in another order each epoch.

    Memory in use is four bytes a pixel of the padded images, nine for each pixel that is trained on (place, class and
    turn; four more with weights), and a few chunks of windows.

    Args:
        windows: of the padded images.
        starts: (N,) where each pixel's window starts, see `Windows.starts`.
        y: (N,) class numbers.
        batch_size: B.
        sampling: ``"all"`` takes every pixel once an epoch; ``"balanced"`` draws N pixels, equally many of each class,
            and none twice before all of its class were drawn.
        sample_weight: (N,) weights, scaled to mean one; None for equal ones.
        seed: decides the order of every epoch.
        chunk_bytes: upper bound for the windows of one chunk.

    Raises:
        ArgumentError: a batch size outside 1…N, unusable weights.

    Example:
        >>> padded = np.arange(36, dtype=np.float32).reshape(1, 1, 6, 6, 1)
        >>> windows = Windows(padded, (1, 3, 3))
        >>> starts = windows.starts((0, 0, slice(None)))
        >>> batches = WindowBatches(windows, starts, np.zeros(16, np.uint8), batch_size=8)
        >>> next(batches.chunks(epoch=1)).x.shape
        (2, 8, 9)
    """

    windows: Windows
    starts: NDArray[Any]
    y: NDArray[Any]
    batch_size: int
    sampling: Sampling = "all"
    sample_weight: NDArray[Any] | None = None
    seed: int = 0
    chunk_bytes: int = CHUNK_BYTES
    rows: int = field(init=False)
    layout: Layout = field(init=False)

    def __post_init__(self) -> None:
        if len(self.starts) != len(self.y):
            raise ArgumentError("y", f"{len(self.starts)} class numbers, one a pixel", f"{len(self.y)}")
        self.rows = len(self.starts)
        self.layout = Layout(self.rows, self.batch_size, 4 * self.windows.features, self.chunk_bytes)
        self.sample_weight = normalized_weights(self.sample_weight, self.rows)
        self._training_ring, self._evaluation_ring = Buffers(), Buffers()

    def sample(self, rows: int) -> NDArray[np.float32]:
        return self.windows.gather(self.starts[spread(rows, self.rows)])

    def chunks(self, epoch: int | None, start: int = 0) -> Iterator[Chunk]:
        return ReadAhead(self._chunks(epoch, start, self._evaluation_ring if epoch is None else self._training_ring))

    def _chunks(self, epoch: int | None, start: int, buffers: Buffers) -> Iterator[Chunk]:
        order = None if epoch is None else self._order(epoch_rng(self.seed, epoch))
        for number in range(start, self.chunks_per_epoch):
            positions = self.layout.positions(number)
            chosen = positions if order is None else order[positions]
            x = buffers.next((*chosen.shape, self.windows.features))
            self.windows.gather(self.starts[chosen.ravel()], x.reshape(-1, self.windows.features))
            weights = chunk_weights(self.layout.weights(number), self.sample_weight, chosen)
            yield Chunk(x, self.y[chosen].astype(np.int32), weights, self.layout.step_rows(number))

    def _order(self, rng: np.random.Generator) -> NDArray[Any]:
        kind = np.uint32 if self.rows < 2**32 else np.uint64  # half the memory of a permutation in 64 bits
        if self.sampling == "all":
            order = np.arange(self.rows, dtype=kind)
        else:
            present = np.flatnonzero(np.bincount(self.y))
            wanted = np.diff(np.linspace(0, self.rows, len(present) + 1).astype(np.int64))
            drawn = [
                _drawn(np.flatnonzero(self.y == c).astype(kind), n, rng) for c, n in zip(present, wanted, strict=True)
            ]
            order = np.concatenate(drawn)
        rng.shuffle(order)
        return order


def _drawn(pixels: NDArray[Any], count: int, rng: np.random.Generator) -> NDArray[Any]:
    """``count`` of the pixels, each as often as any other, or once more."""
    rng.shuffle(pixels)
    return np.resize(pixels, count)
