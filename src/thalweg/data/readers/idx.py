"""The idx format of MNIST: a header of big-endian sizes, then the numbers; plain or gzipped.

Header: two zero bytes, one byte for the number type, one for the number of dimensions n, then n sizes as
unsigned 32-bit integers. Source: LeCun, Cortes, Burges, "The MNIST database of handwritten digits".
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from thalweg.core.errors import DataError
from thalweg.data.table import Array, Table, join

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}

# How the labels of an images file are named: the first pair that fits is used.
SIBLINGS = (
    ("-images-idx3-", "-labels-idx1-"),
    ("-images.idx3-", "-labels.idx1-"),
    ("images-idx3", "labels-idx1"),
    ("images", "labels"),
)


def read_idx(path: Path) -> Array:
    """Read one idx or idx.gz file into an array of native byte order.

    Raises:
        DataError: the file is truncated, damaged, or no idx file.
    """
    raw = path.read_bytes()
    if raw[:2] == b"\x1f\x8b":
        try:
            raw = gzip.decompress(raw)
        except (EOFError, OSError, zlib.error) as error:
            raise DataError(f"{path}: the gzip file is truncated or damaged ({error}). Fetch it again.") from None
    if len(raw) < 4 or raw[:2] != b"\0\0" or raw[2] not in TYPES:
        raise DataError(f"{path}: not an idx file: its first bytes are {raw[:4]!r}, expected two zeros and a type.")
    dtype, dimensions = np.dtype(TYPES[raw[2]]), raw[3]
    start = 4 + 4 * dimensions
    if len(raw) < start or dimensions == 0:
        raise DataError(f"{path}: the idx file is truncated inside its header. Fetch it again.")
    shape = struct.unpack(f">{dimensions}I", raw[4:start])
    expected, got = math.prod(shape) * dtype.itemsize, len(raw) - start
    if dimensions > 32:
        raise DataError(
            f"{path}: the idx file is damaged: its header promises {dimensions} dimensions. Fetch it again."
        )
    if got != expected:
        state = "truncated" if got < expected else "too long"
        raise DataError(
            f"{path}: the idx file is {state}: its header promises {expected} bytes of data "
            f"({' × '.join(map(str, shape))}), it holds {got}. Fetch it again."
        )
    numbers = np.frombuffer(raw, dtype, offset=start).reshape(shape)
    return numbers if dtype.itemsize == 1 else numbers.astype(dtype.newbyteorder("="))


def read_images(path: Path, target: str | None, need_target: bool) -> Table:
    """Read an idx file of examples with the idx file of labels that lies beside it.

    Args:
        path: the images file, such as ``train-images-idx3-ubyte.gz``.
        target: the labels file, when it is not found by its name.
        need_target: whether missing labels are an error.
    """
    examples = read_idx(path)
    if examples.size == 0:
        raise DataError(f"{path}: the idx file is empty (shape {examples.shape}). Give rows of data.")
    if examples.ndim == 1 and need_target:
        raise DataError(f"{path}: holds {len(examples)} labels and no examples. Give the images file instead.")
    labels_path = Path(target) if target and Path(target).is_file() else _sibling(path)
    labels = None
    if labels_path is not None:
        labels = read_idx(labels_path)
        if len(labels) != len(examples):
            raise DataError(f"{path}: {len(examples)} examples, but {labels_path.name} holds {len(labels)} labels.")
    elif need_target:
        raise DataError(
            f"{path}: no labels file found beside it (looked for {path.name.replace('images-idx3', 'labels-idx1')}). "
            "Give it as the target."
        )
    shape = examples.shape[1:]
    flat = examples.reshape(len(examples), -1)
    names = tuple(f"pixel{i}" for i in range(flat.shape[1]))
    return Table(str(path), flat, labels, names, None, shape if len(shape) > 1 else None)


def read_folder(folder: Path, need_target: bool) -> Table | None:
    """Read a folder of idx files: ``train-*`` with ``t10k-*`` or ``test-*`` as its official test set, if any."""
    images = sorted(file for file in folder.iterdir() if "images" in file.name and "idx" in file.name)
    train = [file for file in images if file.name.startswith("train")]
    test = [file for file in images if file.name.startswith(("t10k", "test"))]
    if not train:
        return None
    table = replace(read_images(train[0], None, need_target), name=str(folder))
    return join(table, read_images(test[0], None, need_target)) if test else table


def _sibling(path: Path) -> Path | None:
    for images, labels in SIBLINGS:
        if images in path.name:
            name = path.name.replace(images, labels)
            plain = name.removesuffix(".gz")
            for candidate in (path.with_name(name), path.with_name(plain), path.with_name(f"{plain}.gz")):
                if candidate.is_file() and candidate != path:
                    return candidate
    return None
