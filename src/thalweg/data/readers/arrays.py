"""NumPy files: ``.npz`` with features and targets under their usual keys, and ``.npy`` with targets beside it.

Pickled object arrays are refused: reading data runs no code.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from thalweg.core.errors import ArgumentError, DataError, nearest
from thalweg.data.readers.frames import from_arrays
from thalweg.data.table import Array, Table, join

MAP_BYTES = 256 * 2**20  # a larger .npy file stays on disk as a memory-mapped array

FEATURE_KEYS = ("x", "images", "image", "data", "features", "inputs")
TARGET_KEYS = ("y", "labels", "label", "target", "targets", "t")
# Names of a targets file beside a features file: the first replacement that leads to a file is used.
SIBLINGS = (("X", "y"), ("x", "y"), *((a, b) for a in FEATURE_KEYS[1:] for b in TARGET_KEYS[1:]))


def read_npz(path: Path, target: str | None, need_target: bool) -> Table:
    """Read an ``.npz`` archive.

    Args:
        path: the archive; ``feature_names`` and ``target_names`` in it name the columns of both.
        target: key of the targets, when it has no usual name.
        need_target: whether missing targets are an error.

    Raises:
        DataError: the archive is damaged, or its keys do not tell what is what; names them.
    """
    arrays = load_npz(path)
    names = _names(arrays, "feature_names")
    target_names = _names(arrays, "target_names")
    shown = held(arrays)
    if target is not None and target_names and target == ",".join(target_names):
        target = None  # as a model knows it
    if target is not None and target not in arrays:
        if need_target:
            raise ArgumentError("target", f"a key of {path}: {shown}", repr(target), nearest(target, arrays))
        target = None
    train = find_key(arrays, FEATURE_KEYS, ("{}", "{}_train", "train_{}"))
    labels = target or find_key(arrays, TARGET_KEYS, ("{}", "{}_train", "train_{}"))
    if train is None:
        others = [key for key in arrays if key != labels]
        train = others[0] if len(others) == 1 else None
    if train is None or (labels is None and need_target):
        raise DataError(
            f"{path}: expected the keys x and y, images and labels, data and target, or x_train and y_train; "
            f"found {shown}. Save the arrays under such keys{', or name the target' if train else ''}."
        )
    called = ",".join(target_names) if target_names else target
    table = from_arrays(arrays[train], arrays[labels] if labels else None, str(path), names=names, target_name=called)
    x_test = find_key(arrays, FEATURE_KEYS, ("{}_test", "test_{}"))
    y_test = find_key(arrays, TARGET_KEYS, ("{}_test", "test_{}"))
    if x_test is None or (labels and y_test is None):
        return table
    test = from_arrays(arrays[x_test], arrays[y_test] if labels and y_test else None, str(path))
    if test.width != table.width:
        raise DataError(f"{path}: {train} has {table.width} features a row, {x_test} has {test.width}.")
    return join(table, test)


def read_npy(path: Path, target: str | None, need_target: bool) -> Table:
    """Read an ``.npy`` array of examples; its targets are a column, or an ``.npy`` file beside it.

    Args:
        path: the array (N, …); above 256 MB it stays on disk, memory-mapped.
        target: a column by its number (``"-1"`` is the last) or its name (``"x3"``), or several, comma-separated; or
            the path of an ``.npy`` file of targets; by default the file beside it, such as ``y_train.npy`` beside
            ``X_train.npy``.
        need_target: whether missing targets are an error.
    """
    examples = load_npy(path)
    beside = _sibling(path) if target is None else _named(path, target)
    if beside is not None:
        return from_arrays(examples, load_npy(beside), str(path))
    if target is not None:
        return _column_target(path, examples, target, need_target)
    if need_target:
        raise ArgumentError(
            "target",
            f"a column number such as -1, or an .npy file of targets for {path}",
            "nothing, and no file of targets lies beside it",
        )
    return from_arrays(examples, None, str(path))


def load_npz(path: Path) -> dict[str, Array]:
    """Load all arrays of an ``.npz`` archive.

    Raises:
        DataError: the archive is damaged or holds Python objects.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, KeyError) as error:
        raise DataError(damaged(path, "npz archive", error)) from None


def held(arrays: Mapping[str, Array]) -> str:
    """Return the keys and shapes of an archive in words.

    Example:
        >>> held({"x": np.zeros((3, 2))})
        'x (3, 2)'
    """
    return ", ".join(f"{key} {value.shape}" for key, value in arrays.items()) or "nothing"


def load_npy(path: Path) -> Array:
    """Load an ``.npy`` file, memory-mapped when it is large.

    Raises:
        DataError: the file is truncated or holds Python objects.
    """
    try:
        array: Array = np.load(path, mmap_mode="r" if path.stat().st_size > MAP_BYTES else None, allow_pickle=False)
    except (EOFError, OSError, ValueError) as error:
        raise DataError(damaged(path, "npy file", error)) from None
    if array.ndim == 0:
        raise DataError(f"{path}: holds one single number; expected an array with one row an example.")
    return array


def _names(arrays: dict[str, Array], key: str) -> list[str] | None:
    return [str(name) for name in arrays.pop(key, np.array([])).ravel()] or None


def find_key(arrays: Mapping[str, Array], keys: tuple[str, ...], forms: tuple[str, ...]) -> str | None:
    """Return the first usual key, put into one of the forms, that an archive has; large and small letters are equal."""
    lower = {key.lower(): key for key in arrays}
    for form in forms:
        for key in keys:
            if form.format(key) in lower:
                return lower[form.format(key)]
    return None


def _column_target(path: Path, examples: Array, target: str, need_target: bool) -> Table:
    if examples.size == 0:
        raise DataError(f"{path}: the table is empty (shape {examples.shape}). Give rows of data.")
    flat = examples.reshape(len(examples), -1)
    width = flat.shape[1]
    indices = []
    for part in target.split(","):
        number = part.strip().removeprefix("x")
        if not number.lstrip("-").isdigit() or not -width <= int(number) < width:
            if not need_target:
                return from_arrays(examples, None, str(path))
            raise ArgumentError("target", f"a column of {path}, -1 to {width - 1}, or an .npy file", repr(part))
        indices.append(int(number) % width)
    if len(set(indices)) < len(indices):
        raise ArgumentError("target", "different columns", repr(target))
    kept = [i for i in range(width) if i not in indices]
    if not kept:
        raise DataError(f"{path}: no feature column is left to learn from. Give columns beside {target!r}.")
    contiguous = kept == list(range(kept[0], kept[-1] + 1))
    rest = flat[:, kept[0] : kept[-1] + 1] if contiguous else flat[:, kept]  # a view: a mapped array stays mapped
    y = flat[:, indices[0]] if len(indices) == 1 else flat[:, indices]
    names = ",".join(f"x{i}" for i in indices)
    return replace(from_arrays(rest, y, str(path), names=[f"x{i}" for i in kept]), target_name=names)


def _named(path: Path, target: str) -> Path | None:
    for candidate in (Path(target), path.parent / target):
        if candidate.suffix == ".npy" and candidate.is_file():
            return candidate
    return None


def _sibling(path: Path) -> Path | None:
    for features, targets in SIBLINGS:
        if features in path.stem:
            candidate = path.with_name(path.name.replace(features, targets, 1))
            if candidate.is_file() and candidate != path:
                return candidate
    return None


def damaged(path: Path, kind: str, error: Exception) -> str:
    """Return the message for a file that cannot be read."""
    if str(error).startswith("Object arrays"):
        return f"{path}: holds Python objects, which are not read because that can run code. Save numbers or text."
    if "pickled" in str(error):  # NumPy takes whatever is no array for a pickle
        return f"{path}: is no {kind} of numbers or text. Pickles are not read, because that can run code."
    return f"{path}: the {kind} is truncated or damaged ({str(error).splitlines()[0]}). Write or fetch it again."
