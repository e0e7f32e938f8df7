"""The second pass over a large table: encoded rows go to a file each for training, validation and test.

The rows to train on are shuffled on the way, so that a sorted file trains as well as any: each goes to one of K
buckets, drawn by its number; afterwards every bucket, which fits into memory, is permuted and appended to the file of
rows. That is a uniform permutation of all of them, for one more pass over the packed rows.

Source: external shuffling in two passes, Rao 1961; Sanders 1998.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from thalweg.core.errors import DataError
from thalweg.core.files import storage_errors
from thalweg.data.encode import Encoder
from thalweg.data.readers.frames import from_frame
from thalweg.data.streaming.cache import Cache
from thalweg.data.streaming.packing import Packing
from thalweg.data.streaming.pieces import Piece, Place, Source
from thalweg.data.streaming.sampling import ORDER_STREAM, PARTS, Split, draws
from thalweg.data.streaming.survey import finished, official
from thalweg.data.table import Array

BUCKET_BYTES = 64 * 2**20
MOST_BUCKETS = 256
ENCODED_CELLS = 2_000_000
"""Encoded numbers that are in memory at once: a few arrays of 8 MB."""


def record_type(encoder: Encoder) -> np.dtype[Any]:
    """The type of a row on disk: packed features ``x``, and the target ``y`` as training takes it."""
    kind = "<i4" if encoder.task != "regression" else "<f4"
    width = () if encoder.classes is not None else (len(encoder.target_names),)
    return np.dtype([("x", np.uint8, (Packing(encoder.layout).bytes,)), ("y", kind, width)])


def bucket_counts(rows: list[int], row_bytes: int) -> dict[str, int]:
    """How many buckets the rows of each part go to: one for rows whose order does not matter."""
    buckets = -(-rows[0] * row_bytes // BUCKET_BYTES)
    return dict.fromkeys(PARTS, 1) | {"train": min(max(1, buckets), MOST_BUCKETS)}


def write_records(
    cache: Cache,
    source: Source,
    encoder: Encoder,
    split: Split,
    *,
    types: dict[str, Any],
    kinds: dict[str, Any],
    target: str,
    progress: Callable[[int], None],
) -> None:
    """Encode what is not encoded yet, into buckets; the manifest follows piece by piece.

    Raises:
        DataError: a cell that cannot be encoded; names file, column and row.
        StorageError: the disk is full; what is written stays, and a later call goes on.
    """
    kind = record_type(encoder)
    packing = Packing(encoder.layout)
    told_once: set[str] = set()
    parts = cache.manifest["parts"]
    for part, told in parts.items():
        for bucket, rows in enumerate(told["sizes"]):
            _cut(_bucket(cache, part, bucket), rows * kind.itemsize)
    for piece in source.pieces(types, Place(**cache.manifest["place"])):
        frame = finished(piece.frame, kinds)
        chosen = split.parts(piece.start.rows, len(frame), official(frame, tuple(target.split(","))))
        drawn = draws(piece.start.rows, len(frame), split.seed, ORDER_STREAM)
        records = np.zeros(len(frame), kind)
        step = max(1, ENCODED_CELLS // max(1, encoder.layout.width))
        with warnings_once(told_once):
            for first in range(0, len(frame), step):
                rows = slice(first, first + step)
                with numbered(piece, first):
                    table = from_frame(frame[rows], piece.name, target, need_target=True)
                    records["x"][rows] = packing.pack(encoder.features(table))
                    records["y"][rows] = encoder.targets(table)
        for index, part in enumerate(PARTS):
            _append(cache, part, parts[part]["sizes"], records[chosen == index], drawn[chosen == index])
        cache.save(parts=parts, place=asdict(piece.end))
        progress(piece.done)


def mix_records(cache: Cache, kind: np.dtype[Any], seed: int, progress: Callable[[int], None]) -> None:
    """Permute the buckets, and put them one after the other into the files of rows.

    Raises:
        StorageError: the disk is full; a later call goes on.
        DataError: a bucket has lost rows, as after a failure of power.
    """
    parts = cache.manifest["parts"]
    for part, told in parts.items():
        file = records_file(cache.folder, part)
        sizes = told["sizes"]
        for bucket in range(told["mixed"], len(sizes)):
            path = _bucket(cache, part, bucket)
            if len(sizes) == 1 and part != "train":
                with storage_errors("write", file):
                    if path.exists() or not file.exists():  # else a process died once it was moved
                        path.touch()
                        path.replace(file)
            else:
                with storage_errors("write", file):
                    rows = np.fromfile(path, kind) if sizes[bucket] else np.empty(0, kind)
                    if len(rows) != sizes[bucket]:
                        raise _lost(cache)
                    order = np.random.default_rng([seed, bucket]).permutation(len(rows))
                    _cut(file, sum(sizes[:bucket]) * kind.itemsize)
                    _write(file, rows[order])
            told["mixed"] = bucket + 1
            cache.save(parts=parts)
            path.unlink(missing_ok=True)
            progress(sum(sizes[: bucket + 1]))


def records_file(folder: Path, part: str) -> Path:
    """The file that holds the encoded rows of a part."""
    return folder / f"{part}.rows"


def _bucket(cache: Cache, part: str, bucket: int) -> Path:
    return cache.folder / f"{part}-{bucket}.bucket"


def _cut(file: Path, size: int) -> None:
    """Bring a file to the length that the manifest tells: what is behind it was being written when a process died.

    Raises:
        DataError: it is shorter.
    """
    with storage_errors("write", file), file.open("ab") as stream:
        if stream.tell() < size:
            raise DataError(f"{file}: the cache is damaged. Remove the folder {file.parent}.")
        stream.truncate(size)


def _lost(cache: Cache) -> DataError:
    return DataError(f"The cache {cache.folder} is damaged: rows are missing. Remove this folder.")


def _append(cache: Cache, part: str, sizes: list[int], records: Array, drawn: Array) -> None:
    bucket = (drawn * len(sizes)).astype(np.int64)
    order = np.argsort(bucket, kind="stable")
    ends = np.searchsorted(bucket[order], np.arange(len(sizes) + 1))
    for number in np.flatnonzero(np.diff(ends)).tolist():
        path = _bucket(cache, part, number)
        rows = records[order[ends[number] : ends[number + 1]]]
        with storage_errors("write", path):
            _write(path, rows)
        sizes[number] += len(rows)


def _write(file: Path, rows: Array) -> None:
    """Append rows to a file; NumPy's own ``tofile`` would not say why the system refused."""
    with file.open("ab") as stream:
        stream.write(rows.view(np.uint8).data)


@contextmanager
def numbered(piece: Piece, first: int) -> Iterator[None]:
    """Let errors about a row of a piece tell its number in the file.

    Args:
        piece: being encoded.
        first: rows of the piece before those that are encoded.
    """
    before = piece.start.row + first
    try:
        yield
    except DataError as error:
        told = re.sub(r"\brow (\d+)", lambda found: f"row {int(found[1]) + before}", str(error))
        raise DataError(told) from None


@contextmanager
def warnings_once(told: set[str]) -> Iterator[None]:
    """Tell each warning once, whatever its numbers: there would be one for each piece.

    Args:
        told: what has been told, which grows.
    """
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        yield
    for warning in found:
        key = re.sub(r"\d+", "#", str(warning.message))
        if key not in told:
            told.add(key)
            warnings.warn(warning.message, warning.category, stacklevel=3)
