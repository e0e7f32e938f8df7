"""Minibatches of rows on disk: block shuffling, and read-ahead."""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalweg.data.batches import (
    CHUNK_BYTES,
    Chunk,
    LaidOut,
    Layout,
    check_shape,
    chunk_weights,
    epoch_rng,
    forget,
    normalized_weights,
    spread,
    taken,
)
from thalweg.data.read_ahead import Buffers, ReadAhead

BLOCK_BYTES = 256 * 2**10
"""Rows are read in runs of about this size: long enough for a disk, short enough to mix."""


@dataclass
class DiskBatches(LaidOut):
    """Minibatches of a memory-mapped array, in an order close to a full shuffle at the cost of reading in runs.

    Each epoch permutes blocks of consecutive rows, takes blocks in that order until a chunk is full, and permutes the
    rows of the chunk. Memory in use is a few chunks, whatever the size of the file.

    Args:
        x: (N, …) array, usually ``np.load(path, mmap_mode="r")``.
        y: (N, …) targets.
        batch_size: B.
        encode: rows as stored ↦ (rows, features) float32; None when x is that already.
        sample_weight: (N,) weights, scaled to mean one; (N, members) for members that weigh rows differently.
        seed: decides the order of every epoch.
        multiple: number of devices a minibatch is split over.
        chunk_bytes: upper bound for the features of one chunk.

    Raises:
        ArgumentError: as :class:`thalweg.data.batches.ArrayBatches`.

    Source: block shuffling as in CorgiPile (Xu et al. 2022).
    """

    x: NDArray[Any]
    y: NDArray[Any]
    batch_size: int
    encode: Callable[[NDArray[Any]], NDArray[np.float32]] | None = None
    sample_weight: NDArray[Any] | None = None
    seed: int = 0
    multiple: int = 1
    chunk_bytes: int = CHUNK_BYTES
    rows: int = field(init=False)
    layout: Layout = field(init=False)

    def __post_init__(self) -> None:
        first = self._encoded(self.x[:1])
        check_shape((len(self.x), *first.shape[1:]), len(self.y))
        self.rows = len(self.x)
        self.features = first.shape[1]
        self.layout = Layout(self.rows, self.batch_size, 4 * self.features, self.chunk_bytes, self.multiple)
        self.sample_weight = normalized_weights(self.sample_weight, self.rows)
        self._training_ring, self._evaluation_ring = Buffers(), Buffers()
        self.block_rows = max(1, BLOCK_BYTES // max(1, self.x[:1].nbytes))

    def sample(self, rows: int) -> NDArray[np.float32]:
        return self._encoded(taken(self.x, spread(rows, self.rows)))

    def chunks(self, epoch: int | None, start: int = 0) -> Iterator[Chunk]:
        ring = self._evaluation_ring if epoch is None else self._training_ring
        return ReadAhead(self._chunks(epoch, start, ring))

    def _encoded(self, rows: NDArray[Any]) -> NDArray[np.float32]:
        return np.asarray(rows, np.float32) if self.encode is None else self.encode(np.asarray(rows))

    def _chunks(self, epoch: int | None, start: int, buffers: Buffers) -> Iterator[Chunk]:
        layout = self.layout
        chunk_rows = layout.steps_per_chunk * layout.batch_size
        blocks = -(-self.rows // self.block_rows)
        order = np.arange(blocks) if epoch is None else epoch_rng(self.seed, epoch).permutation(blocks)
        # Where each block of the permuted order starts in the epoch; the file's last block may be a short one.
        sizes = np.minimum(self.block_rows, self.rows - order * self.block_rows)
        ends = np.cumsum(sizes)

        def runs(number: int) -> list[tuple[int, int]]:
            low, high = number * chunk_rows, min((number + 1) * chunk_rows, self.rows)
            return self._runs(order, sizes, ends, low, high) if low < high else []

        self._announce(runs(start))
        for number in range(start, layout.chunks):
            self._announce(runs(number + 1))
            counted = np.arange(layout.width) < layout.step_rows(number)[:, None]
            places = np.flatnonzero(counted)
            if epoch is not None:
                places = epoch_rng(self.seed, epoch, stream=number + 1).permutation(places)
            x = buffers.next((*counted.shape, self.features))
            rows, source = x.reshape(-1, self.features), np.empty(counted.size, np.int64)
            filled = 0
            for first, last in runs(number):
                run = places[filled : filled + last - first]
                rows[run] = self._encoded(self.x[first:last])
                source[run] = np.arange(first, last)
                filled += last - first
            # Fill up with rows of this chunk: they weigh nothing, but batch statistics see them.
            spare = np.flatnonzero(~counted)
            repeated = places[np.arange(len(spare)) % len(places)]
            rows[spare], source[spare] = rows[repeated], source[repeated]
            indices = source.reshape(counted.shape)
            weights = chunk_weights(layout.weights(number), self.sample_weight, indices)
            y = np.asarray(self.y[indices])
            # Pages that have been read count as this process's memory until they are given back.
            forget(self.x)
            forget(self.y)
            yield Chunk(x, y, weights, layout.step_rows(number))

    def _announce(self, runs: list[tuple[int, int]]) -> None:
        """Tell the system which rows come next: it then reads them in long strokes, while others are computed with."""
        mapping = getattr(self.x, "_mmap", None)
        if mapping is None or not hasattr(mmap, "MADV_WILLNEED"):
            return
        start = self.x.ctypes.data - np.frombuffer(mapping, np.uint8).ctypes.data
        stride = self.x.strides[0]
        for first, last in runs:
            low = (start + first * stride) // mmap.PAGESIZE * mmap.PAGESIZE
            mapping.madvise(mmap.MADV_WILLNEED, low, start + last * stride - low)

    def _runs(
        self, order: NDArray[np.int64], sizes: NDArray[np.int64], ends: NDArray[np.int64], low: int, high: int
    ) -> list[tuple[int, int]]:
        """Return (first, last) row ranges of the file that make up positions low…high of the epoch."""
        runs = []
        for block in range(int(np.searchsorted(ends, low, "right")), int(np.searchsorted(ends, high - 1, "right")) + 1):
            begin = int(ends[block] - sizes[block])
            first = int(order[block]) * self.block_rows
            runs.append((first + max(low - begin, 0), first + min(high - begin, int(sizes[block]))))
        return runs
