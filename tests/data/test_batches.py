"""Minibatches: every row once an epoch, right weights, the same from memory and from disk."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thalweg.core.errors import ArgumentError
from thalweg.data.batches import ArrayBatches, Batches, Layout
from thalweg.data.disk_batches import DiskBatches
from thalweg.data.read_ahead import ReadAhead


def numbered(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return x whose first column and y that are both the number of the row."""
    x = np.stack([np.arange(rows), -np.arange(rows)], axis=1).astype(np.float32)
    return x, np.arange(rows, dtype=np.int32)


def order(batches: Batches, epoch: int | None) -> tuple[list[int], list[int]]:
    """Return the rows of positive weight in their order, and the rows of each minibatch."""
    seen, sizes = [], []
    for chunk in batches.chunks(epoch):
        x, y, weight = np.array(chunk.x), np.array(chunk.y), np.array(chunk.weight)
        np.testing.assert_array_equal(x[..., 0], y)
        np.testing.assert_array_equal((weight > 0).sum(1), chunk.rows)
        np.testing.assert_allclose(weight.sum(1), chunk.rows > 0, rtol=1e-6)
        seen += y[weight > 0].tolist()
        sizes += chunk.rows[chunk.rows > 0].tolist()
    return seen, sizes


@given(
    rows=st.integers(1, 60),
    size=st.integers(1, 60),
    fitting=st.integers(1, 5),
    multiple=st.integers(1, 3),
    block=st.integers(1, 9),
)
@settings(max_examples=60, deadline=None)
def test_each_epoch_takes_every_row_once(rows: int, size: int, fitting: int, multiple: int, block: int) -> None:
    size = min(size, rows)
    x, y = numbered(rows)
    memory = ArrayBatches(x, y, size, multiple=multiple)
    width = -(-size // multiple) * multiple
    memory.layout = Layout(rows, size, 8, fitting * width * 8, multiple)
    disk = DiskBatches(x, y, size, multiple=multiple, chunk_bytes=fitting * width * 8)
    disk.block_rows = block
    for batches in (memory, disk):
        expected = [size] * (rows // size) + [rows % size] * (rows % size > 0)
        for epoch in (None, 1, 2):
            seen, sizes = order(batches, epoch)
            assert sorted(seen) == list(range(rows))
            assert sizes == expected
            assert batches.steps == len(expected)
        assert order(batches, None)[0] == list(range(rows))


def test_sixty_thousand_rows_by_128_make_469_minibatches_the_last_of_96() -> None:
    layout = Layout(60000, 128, 784 * 4)
    rows = np.concatenate([layout.step_rows(chunk) for chunk in range(layout.chunks)])
    assert layout.steps == np.count_nonzero(rows) == 469
    assert rows[rows > 0][-1] == 96
    assert rows.sum() == 60000


@pytest.mark.parametrize("kind", [ArrayBatches, DiskBatches])
def test_order_depends_on_seed_and_epoch_alone(kind: type) -> None:
    x, y = numbered(500)
    first = order(kind(x, y, 32, seed=1), 3)[0]
    assert first == order(kind(x, y, 32, seed=1), 3)[0]
    assert first != order(kind(x, y, 32, seed=1), 4)[0]
    assert first != order(kind(x, y, 32, seed=2), 3)[0]


@pytest.mark.parametrize("kind", [ArrayBatches, DiskBatches])
def test_an_epoch_can_be_taken_up_in_its_middle(kind: type) -> None:
    x, y = numbered(300)
    batches = kind(x, y, 16)
    batches.layout = Layout(300, 16, 8, chunk_bytes=5 * 16 * 8)
    whole = [np.array(chunk.y) for chunk in batches.chunks(2)]
    rest = [np.array(chunk.y) for chunk in batches.chunks(2, start=2)]
    assert len(whole) == 4
    np.testing.assert_array_equal(np.concatenate(whole[2:]), np.concatenate(rest))


def test_block_shuffling_mixes_far_rows() -> None:
    x, y = numbered(20000)
    batches = DiskBatches(x, y, 100, chunk_bytes=2000 * 8)
    batches.block_rows = 100
    seen, _ = order(batches, 1)
    minibatch = np.array(seen[:100])
    # A minibatch of consecutive rows would spread over 100; a full shuffle over 20 000 / √12 = 5774.
    assert minibatch.std() > 3000


def test_sample_weights_have_mean_one_over_the_set() -> None:
    x, y = numbered(10)
    weight = np.arange(1.0, 11.0)
    for batches in (ArrayBatches(x, y, 4, sample_weight=weight), DiskBatches(x, y, 4, sample_weight=weight)):
        total = {}
        for chunk in batches.chunks(1):
            for rows, ys, ws in zip(chunk.rows, chunk.y, chunk.weight, strict=True):
                total |= {int(i): float(w) * rows for i, w in zip(ys[:rows], ws[:rows], strict=True)}
        np.testing.assert_allclose([total[i] for i in range(10)], weight / weight.mean(), rtol=1e-6)


def test_rows_on_disk_are_encoded_when_read(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.arange(40, dtype=np.uint8).reshape(20, 2))
    x = np.load(tmp_path / "x.npy", mmap_mode="r")
    batches = DiskBatches(x, np.arange(20), 8, encode=lambda rows: rows.astype(np.float32) / 2)
    chunk = next(iter(batches.chunks(None)))
    assert chunk.x.dtype == np.float32
    np.testing.assert_array_equal(np.array(chunk.x[0]), np.arange(16).reshape(8, 2) / 2)


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "from 1 to the 10 rows"),
        (11, "batch_size: expected a whole number from 1 to the 10 rows of the set, got 11"),
    ],
)
def test_batch_sizes_that_do_not_fit_are_refused(size: int, words: str) -> None:
    x, y = numbered(10)
    with pytest.raises(ArgumentError, match=words):
        ArrayBatches(x, y, size)


def test_shapes_and_weights_that_do_not_fit_are_refused() -> None:
    x, y = numbered(10)
    with pytest.raises(ArgumentError, match="y: expected 10 targets"):
        ArrayBatches(x, y[:-1], 2)
    with pytest.raises(ArgumentError, match="Flatten each example"):
        ArrayBatches(x[:, :, None], y, 2)
    with pytest.raises(ArgumentError, match="not all 0"):
        ArrayBatches(x, y, 2, sample_weight=np.zeros(10))


def test_read_ahead_passes_errors_on_and_ends_its_thread() -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise OSError("disk gone")

    ahead = ReadAhead(failing())
    assert next(ahead) == 1
    with pytest.raises(OSError, match="disk gone"):
        next(ahead)
    endless = ReadAhead(itertools.count())
    assert [next(endless) for _ in range(3)] == [0, 1, 2]
    endless.close()
    with pytest.raises(StopIteration):
        next(endless)
