"""Minibatches in chunks: what the training loop consumes, whether rows sit in memory or on disk.

A chunk is a stack of minibatches that one XLA program scans. Every chunk of a set has the same shape, so one compiled
program serves all: the last minibatch of an epoch is filled up with repeated rows of weight zero, the last chunk with
minibatches of no rows.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from thalweg.core.errors import ArgumentError
from thalweg.data.read_ahead import Buffers, ReadAhead, aligned, on_accelerator

CHUNK_BYTES = 32 * 2**20
"""Upper bound for the features of one chunk: large enough to hide the call, small beside any data set that matters."""

KNOWN_TARGETS = 10_000
"""Of targets on disk so many are looked at before training: to check them, and to set the first bias."""

ROWS_AT_ONCE = 256
"""Scattered rows taken from a file together: the system maps 64 KB around each."""


class Chunk(NamedTuple):
    """Minibatches stacked: S of them, of B rows.

    Attributes:
        x: (S, B, features) float32.
        y: (S, B, …) targets.
        weight: (S, B) w_n = sample weight / rows of the minibatch, so that a minibatch's loss is Σ w_n cost_n; 0 for
            rows that only fill up. With a last axis more where the members of an ensemble weigh rows differently.
        rows: (S,) how many rows count; 0 for a minibatch that only fills up.
    """

    x: Any
    y: Any
    weight: Any
    rows: Any


class Batches(Protocol):
    """A set cut into minibatches.

    Attributes:
        y: (N, …) targets of all rows.
        rows: N.
        batch_size: B.
    """

    y: NDArray[Any]
    rows: int
    batch_size: int

    @property
    def steps(self) -> int:
        """Return ⌈N/B⌉, the minibatches of an epoch."""

    @property
    def chunks_per_epoch(self) -> int:
        """Return the number of chunks :meth:`chunks` yields."""

    def chunks(self, epoch: int | None, start: int = 0) -> Iterator[Chunk]:
        """Return an epoch's chunks from number ``start`` on; the first may be in preparation at once.

        A chunk's memory is used again: it holds until two more have been taken.

        Args:
            epoch: number of the epoch, which with the seed decides the order; None for the stored order.
            start: chunks to leave out, when an epoch is taken up again.
        """

    def sample(self, rows: int) -> NDArray[np.float32]:
        """Return features of so many rows, evenly spread over the set: a minibatch to adapt starting weights with."""


@dataclass(frozen=True)
class Layout:
    """How N rows lie in chunks of S minibatches of B rows.

    Args:
        rows: N.
        batch_size: B.
        row_bytes: bytes of one row's features.
        chunk_bytes: upper bound for a chunk's features.
        multiple: rows of a minibatch are filled up to a multiple of this, the number of devices it is split over.

    Example:
        >>> Layout(60000, 128, 784 * 4).steps
        469
    """

    rows: int
    batch_size: int
    row_bytes: int
    chunk_bytes: int = CHUNK_BYTES
    multiple: int = 1

    def __post_init__(self) -> None:
        if self.rows < 1:
            raise ArgumentError("x", "at least one row", "none")
        if not 1 <= self.batch_size <= self.rows:
            raise ArgumentError(
                "batch_size",
                f"a whole number from 1 to the {self.rows} rows of the set",
                self.batch_size,
                f"Use {self.rows} for full-batch steps.",
            )

    @property
    def width(self) -> int:
        """Rows of a stored minibatch: B filled up to the multiple."""
        return -(-self.batch_size // self.multiple) * self.multiple

    @property
    def steps(self) -> int:
        """⌈N/B⌉."""
        return -(-self.rows // self.batch_size)

    @property
    def chunks(self) -> int:
        """Chunks of an epoch."""
        fitting = max(1, self.chunk_bytes // max(1, self.width * self.row_bytes))
        return -(-self.steps // fitting)

    @property
    def steps_per_chunk(self) -> int:
        """S, equal for all chunks."""
        return -(-self.steps // self.chunks)

    # The same arrays serve every epoch; nobody writes into them.
    @lru_cache(maxsize=16)  # noqa: B019  a layout is a few numbers
    def step_rows(self, chunk: int) -> NDArray[np.int32]:
        """Return how many rows count in each minibatch of a chunk, shape (S,)."""
        first = (chunk * self.steps_per_chunk + np.arange(self.steps_per_chunk)) * self.batch_size
        return np.clip(self.rows - first, 0, self.batch_size).astype(np.int32)

    @lru_cache(maxsize=16)  # noqa: B019
    def positions(self, chunk: int) -> NDArray[np.int64]:
        """Return for each place of a chunk its position in the epoch's order, shape (S, width).

        Places that only fill up repeat the order from its start.
        """
        first = (chunk * self.steps_per_chunk + np.arange(self.steps_per_chunk)) * self.batch_size
        place = np.arange(self.width)
        position = first[:, None] + place
        filler = np.broadcast_to(place, position.shape)
        counts = place < self.step_rows(chunk)[:, None]
        return np.where(counts, position, filler) % self.rows

    @lru_cache(maxsize=16)  # noqa: B019
    def weights(self, chunk: int) -> NDArray[np.float32]:
        """Return 1/rows for rows that count and 0 for the others, shape (S, width)."""
        rows = self.step_rows(chunk)[:, None]
        return np.where(np.arange(self.width) < rows, 1.0 / np.maximum(rows, 1), 0.0).astype(np.float32)


def normalized_weights(weight: NDArray[Any] | None, rows: int) -> NDArray[np.float32] | None:
    """Return sample weights scaled to mean one, each column by itself, or None.

    Raises:
        ArgumentError: wrong length, negative, not finite, or all zero.
    """
    if weight is None:
        return None
    weight = np.asarray(weight, np.float32)
    if weight.shape[:1] != (rows,) or weight.ndim > 2:
        raise ArgumentError("sample_weight", f"{rows} numbers, one a row", f"shape {weight.shape}")
    total = weight.sum(axis=0, dtype=np.float64)
    if not np.all(np.isfinite(weight)) or weight.min() < 0 or np.any(total <= 0):
        raise ArgumentError("sample_weight", "finite numbers of at least 0, not all 0", f"a minimum of {weight.min()}")
    scaled: NDArray[np.float32] = weight * (rows / total).astype(np.float32)
    return scaled


def chunk_weights(
    weights: NDArray[np.float32], sample_weight: NDArray[np.float32] | None, rows: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return a chunk's weights (S, B), or (S, B, members) for sample weights (N, members).

    Args:
        weights: those of the layout.
        sample_weight: of all rows, as `normalized_weights` gives them.
        rows: which row is where.
    """
    if sample_weight is None:
        return weights
    own = sample_weight[rows]
    product: NDArray[np.float32] = weights.reshape(weights.shape + (1,) * (own.ndim - weights.ndim)) * own
    return product


class LaidOut:
    """What sets cut up by a :class:`Layout` share."""

    layout: Layout

    @property
    def steps(self) -> int:
        """⌈N/B⌉, the minibatches of an epoch."""
        return self.layout.steps

    @property
    def chunks_per_epoch(self) -> int:
        """Chunks of an epoch."""
        return self.layout.chunks


@dataclass
class ArrayBatches(LaidOut):
    """Minibatches of rows in memory, reshuffled each epoch.

    On the CPU rows are gathered by NumPy into aligned buffers that JAX uses in place (five times as fast as XLA's
    gather); on an accelerator the set stays on the device and is gathered there.

    Args:
        x: (N, features) float32.
        y: (N, …) targets.
        batch_size: B, from 1 to N.
        sample_weight: (N,) weights, scaled to mean one; None for equal weights. For members that weigh rows differently
            (N, members).
        seed: decides the order of every epoch.
        multiple: number of devices a minibatch is split over.

    Raises:
        ArgumentError: a batch size outside 1…N, targets of another length, unusable weights.

    Example:
        >>> x, y = np.zeros((10, 3), np.float32), np.zeros(10, np.int32)
        >>> [chunk.rows.tolist() for chunk in ArrayBatches(x, y, batch_size=4).chunks(epoch=1)]
        [[4, 4, 2]]
    """

    x: NDArray[np.float32]
    y: NDArray[Any]
    batch_size: int
    sample_weight: NDArray[Any] | None = None
    seed: int = 0
    multiple: int = 1
    rows: int = field(init=False)
    layout: Layout = field(init=False)

    def __post_init__(self) -> None:
        self.x = np.ascontiguousarray(self.x, np.float32)
        self.y = np.ascontiguousarray(self.y)
        check_shape(self.x.shape, len(self.y))
        self.rows = len(self.x)
        self.layout = Layout(self.rows, self.batch_size, 4 * self.x.shape[1], multiple=self.multiple)
        self.sample_weight = normalized_weights(self.sample_weight, self.rows)
        self._resident: Callable[[NDArray[Any]], tuple[Any, Any]] | None = None
        self._ordered: list[Chunk] | None = None
        # Training may prepare its next chunks while the set is evaluated: a ring each.
        self._training_ring, self._evaluation_ring = Buffers(), Buffers()

    def sample(self, rows: int) -> NDArray[np.float32]:
        return self.x[spread(rows, self.rows)]

    def chunks(self, epoch: int | None, start: int = 0) -> Iterator[Chunk]:
        if on_accelerator():
            return self._device_chunks(epoch, start)
        if epoch is not None:
            return ReadAhead(self._host_chunks(epoch, start, self._training_ring))
        # Evaluation takes the same chunks every time: gathered once, when that does not double a large set.
        if self._ordered is None and self.x.nbytes <= 8 * CHUNK_BYTES:
            self._ordered = list(self._host_chunks(None, 0, None))
        if self._ordered is not None:
            return iter(self._ordered[start:])
        return self._host_chunks(None, start, self._evaluation_ring)

    def _order(self, epoch: int | None) -> NDArray[np.int64] | None:
        return None if epoch is None else epoch_rng(self.seed, epoch).permutation(self.rows)

    def _indices(self, order: NDArray[np.int64] | None, number: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        positions, weights = self.layout.positions(number), self.layout.weights(number)
        indices = positions if order is None else order[positions]
        return indices, chunk_weights(weights, self.sample_weight, indices)

    def _host_chunks(self, epoch: int | None, start: int, buffers: Buffers | None) -> Iterator[Chunk]:
        order = self._order(epoch)
        for number in range(start, self.chunks_per_epoch):
            indices, weights = self._indices(order, number)
            shape = (*indices.shape, self.x.shape[1])
            out = aligned(shape) if buffers is None else buffers.next(shape)
            # mode="clip" lets NumPy write straight into the buffer; every index is in range.
            np.take(self.x, indices, axis=0, out=out, mode="clip")
            yield Chunk(out, self.y[indices], weights, self.layout.step_rows(number))

    def _device_chunks(self, epoch: int | None, start: int) -> Iterator[Chunk]:
        if self._resident is None:
            import jax

            x, y = jax.device_put((self.x, self.y))
            gather = jax.jit(lambda x, y, indices: (x[indices], y[indices]))
            self._resident = lambda indices: gather(x, y, indices)
        order = self._order(epoch)
        for number in range(start, self.chunks_per_epoch):
            indices, weights = self._indices(order, number)
            x, y = self._resident(indices.astype(np.int32))
            yield Chunk(x, y, weights, self.layout.step_rows(number))


def spread(rows: int, of: int) -> NDArray[np.int64]:
    """Return numbers of ``rows`` rows evenly spread over a set, all of them if it has no more.

    Example:
        >>> spread(3, 9).tolist()
        [0, 4, 8]
    """
    return np.linspace(0, of - 1, min(rows, of)).astype(np.int64)


def weighted_spread(rows: int, of: int, weight: NDArray[Any] | None, times: int = 8) -> NDArray[np.int64]:
    """Return numbers of rows of a set, each as often as its share of the weights, to within one; evenly spread.

    What is fitted to them is so fitted to the weighted rows, be it a noise scale or a calibration.

    Args:
        rows: how many numbers, at most.
        of: rows of the set.
        weight: (of,) weights; None, and equal ones, for those of `spread`.
        times: numbers for each row of the set, where weights differ: the more, the closer.

    Example:
        >>> weighted_spread(6, 3, np.array([1.0, 0.0, 2.0]), times=2).tolist()
        [0, 0, 2, 2, 2, 2]
        >>> weighted_spread(6, 3, None).tolist()
        [0, 1, 2]

    Source: systematic resampling, Kitagawa (1996).
    """
    if weight is None or np.ptp(weight) == 0:
        return spread(rows, of)
    drawn, ends = min(rows, times * of), np.cumsum(weight, dtype=np.float64)
    chosen: NDArray[np.int64] = np.searchsorted(ends, (np.arange(drawn) + 0.5) / drawn * ends[-1]).astype(np.int64)
    return chosen


def known_targets(batches: Batches) -> NDArray[Any]:
    """Return the targets of a set: all of those in memory, of those on disk some that are evenly spread."""
    y = batches.y
    return taken(y, spread(KNOWN_TARGETS, len(y))) if isinstance(y, np.memmap) else np.asarray(y)


def taken(array: NDArray[Any], rows: NDArray[np.int64]) -> NDArray[Any]:
    """Return some rows; of a memory-mapped array few at a time, for each brings a stretch of the file into memory."""
    if not isinstance(array, np.memmap) or not len(rows):
        return array[rows]
    found = []
    for some in np.array_split(rows, -(-len(rows) // ROWS_AT_ONCE)):
        found.append(np.array(array[some]))
        forget(array)
    return np.concatenate(found)


def taken_targets(batches: Batches, rows: NDArray[np.int64]) -> NDArray[Any]:
    """Return the targets of some rows; class numbers as the loss takes them."""
    y = taken(batches.y, rows)
    return y.astype(np.int32) if y.dtype.kind in "iub" else y


def forget(array: NDArray[Any]) -> None:
    """Give back the memory of a memory-mapped array's pages that have been read; the system may still keep them."""
    mapping = getattr(array, "_mmap", None)
    if mapping is not None and hasattr(mmap, "MADV_DONTNEED"):
        mapping.madvise(mmap.MADV_DONTNEED)


def epoch_rng(seed: int, epoch: int, stream: int = 0) -> np.random.Generator:
    """Return the generator that orders one epoch: a function of its arguments alone, so a resumed run repeats it."""
    return np.random.Generator(np.random.Philox(key=[seed % 2**64, epoch], counter=[0, 0, 0, stream]))


def check_shape(shape: tuple[int, ...], targets: int) -> None:
    """Raise unless features have the shape (N, features) and there are N targets.

    Raises:
        ArgumentError: other shapes.
    """
    if len(shape) != 2:
        raise ArgumentError(
            "x", "an array of shape (rows, features)", f"shape {shape}", "Flatten each example: x.reshape(len(x), -1)."
        )
    if shape[0] != targets:
        raise ArgumentError("y", f"{shape[0]} targets, one for each row of x", f"{targets}")
