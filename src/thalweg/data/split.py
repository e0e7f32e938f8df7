"""Splitting a table into training and test rows, and counting the rows that the two share."""

from __future__ import annotations

import math
import warnings

import numpy as np

from thalweg.core.errors import ArgumentError, DataError, DataWarning
from thalweg.data.chunks import chunks
from thalweg.data.kinds import flags, guess_kind, is_one_hot
from thalweg.data.table import Array, Table
from thalweg.data.target_values import known_target

TEST_FRACTION = 0.2


def split(
    table: Table, test: float | Table | None = None, *, seed: int = 0, stratify: bool | None = None
) -> tuple[Table, Table]:
    """Split a table into disjoint training and test tables.

    The test set is a table of its own, or a fraction of the rows drawn by seed, or (with None) the official test
    rows the data marks in ``is_test``, else a fifth of the rows. Stratified: class c gets a test row for each
    1/fraction of its rows, the remainders go to the classes with the largest ones. Of a memory-mapped array the
    test set is the end, so that the training rows stay on disk. Official test rows are never trained on: with another
    test set they are left out, and a warning tells how many.

    Args:
        table: all rows.
        test: fraction in (0, 1), a table, or None.
        seed: of the drawing.
        stratify: whether each class is split alike; by default when the target looks like classes.

    Raises:
        ArgumentError: the fraction is not between 0 and 1.
        DataError: one of the two parts would be empty, or no class has a row to spare.

    Example:
        >>> table = Table("toy", np.arange(10.0)[:, None], np.array([0, 1] * 5), ("a",))
        >>> train, test = split(table, 0.2)
        >>> len(train), sorted(test.target.tolist())
        (8, [0, 1])
    """
    if isinstance(test, Table):
        return without_official(table), test
    if test is None and table.is_test is not None:
        train, held_out = table.rows(~table.is_test), table.rows(table.is_test)
        if not len(train) or not len(held_out):
            part = "test" if len(train) else "training"
            raise DataError(f"{table.name}: column 'is_test' leaves no {part} rows. Give a test fraction or file.")
        return train, held_out
    fraction = TEST_FRACTION if test is None else float(test)
    if not 0.0 < fraction < 1.0:
        raise ArgumentError("test", "a fraction between 0 and 1, or a file", f"{fraction:g}")
    table = without_official(table)
    if len(table) < 2:
        raise DataError(f"{table.name}: expected at least 2 rows to split, got {len(table)}.")
    count = min(math.ceil(fraction * len(table)), len(table) - 1)
    if table.is_mapped:
        warnings.warn(
            f"{table.name}: larger than memory, so its last {count} rows are the test set. "
            "Shuffle the rows beforehand, or give a test file.",
            DataWarning,
            stacklevel=2,
        )
        return table.rows(slice(0, len(table) - count)), table.rows(slice(len(table) - count, None))
    rng = np.random.default_rng(seed)
    classes = _classes(table, stratify)
    if classes is None:
        chosen = rng.permutation(len(table))[:count]
    else:
        chosen = _stratified(classes, count, rng)
        if not len(chosen):
            raise DataError(f"{table.name}: each class has a single row, none is left to hold out. Give more rows.")
    mask = np.zeros(len(table), bool)
    mask[chosen] = True
    return table.rows(~mask), table.rows(mask)


def official_test(table: Table) -> Table:
    """The official test rows when the data marks them, else the whole table: what an evaluation uses.

    Example:
        >>> table = Table("toy", np.zeros((3, 1)), None, ("a",), is_test=np.array([False, True, False]))
        >>> len(official_test(table))
        1
    """
    return table if table.is_test is None or not table.is_test.any() else table.rows(table.is_test)


def without_official(table: Table) -> Table:
    """The rows that may be trained on: all but the official test rows, whose number a warning tells.

    Raises:
        DataError: all rows are official test rows.
    """
    if table.is_test is None or not table.is_test.any():
        return table
    count = int(table.is_test.sum())
    if count == len(table):
        raise DataError(f"{table.name}: column 'is_test' leaves no training rows. Give data with rows to train on.")
    warnings.warn(
        f"{table.name}: its {count} official test rows (is_test) are left out: they are never trained on.",
        DataWarning,
        stacklevel=3,
    )
    return table.rows(~table.is_test)


def _classes(table: Table, stratify: bool | None) -> Array | None:
    """Class index of each row, or None for an unstratified split."""
    if stratify is False or (stratify is None and table.target is None):
        return None
    y = known_target(table)
    if stratify is None and guess_kind(y) != "classes":
        return None
    flat: Array = np.argmax(flags(y), axis=1) if is_one_hot(y) else y.reshape(len(y), -1)[:, 0]
    return np.unique(flat.astype(str) if flat.dtype.hasobject else flat, return_inverse=True)[1]


def _stratified(classes: Array, count: int, rng: np.random.Generator) -> Array:
    """Draw at most ``count`` rows, of each class in proportion to its size; each class keeps a row for training."""
    sizes = np.bincount(classes)
    most = sizes - 1
    ideal = sizes * (count / len(classes))
    quota = np.minimum(np.floor(ideal).astype(int), most)
    # Ties between remainders are broken at random: no class is favored for its place in the alphabet.
    order = np.lexsort((rng.random(len(sizes)), -(ideal - quota)))
    while (lack := count - quota.sum()) > 0 and (free := order[(quota < most)[order]]).size:
        quota[free[:lack]] += 1
    shuffled = rng.permutation(len(classes))
    grouped = shuffled[np.argsort(classes[shuffled], kind="stable")]
    rank = np.arange(len(classes)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return grouped[rank < np.repeat(quota, sizes)]


def shared_rows(train: Table, test: Table) -> int:
    """Count the test rows that also occur in the training set, features and target alike.

    Rows are hashed (h = Σ w_i · u_i mod 2⁶⁴ over their 8-byte words u, random odd w) and rows of equal hash are
    compared byte by byte. Memory is in proportion to the test set; training rows pass through in chunks.

    Example:
        >>> train = Table("a", np.array([[1.0], [2.0]]), None, ("x",))
        >>> shared_rows(train, Table("b", np.array([[2.0], [3.0], [2.0]]), None, ("x",)))
        2
    """
    if train.is_frame or test.is_frame:
        return _shared_frame_rows(train, test)
    if train.width != test.width or not len(train) or not len(test):
        return 0
    x, z = train.array, test.array
    dtype = np.result_type(x.dtype, z.dtype)
    targets = _comparable_targets(train, test)
    words = np.random.default_rng(0).integers(0, 2**63, _word_count(train.width, dtype, targets), np.uint64) * 2 + 1
    test_rows = _words(z, dtype, None if targets is None else targets[1])
    test_hashes = test_rows @ words
    order = np.argsort(test_hashes, kind="stable")
    hashes = test_hashes[order]
    found = np.zeros(len(test), bool)
    for start, rows in chunks(x):
        block = _words(rows, dtype, None if targets is None else targets[0][start : start + len(rows)])
        block_hashes = block @ words
        left = np.searchsorted(hashes, block_hashes, "left")
        last = np.searchsorted(hashes, block_hashes, "right")
        active = np.flatnonzero(left < last)
        while len(active):
            candidates = order[left[active]]
            found[candidates] |= (block[active] == test_rows[candidates]).all(axis=1)
            left[active] += 1
            active = active[left[active] < last[active]]
    return int(found.sum())


def _word_count(width: int, dtype: np.dtype[np.generic], targets: object) -> int:
    return -(-width * dtype.itemsize // 8) + (targets is not None)


def _words(x: Array, dtype: np.dtype[np.generic], codes: Array | None) -> Array:
    """Rows as 8-byte words (n, ·), padded with zeros, with the code of the target behind."""
    values = np.asarray(x).astype(dtype, copy=False)
    if dtype.kind == "f":
        values = values + dtype.type(0)  # -0.0 becomes 0.0, which has other bytes
    raw = np.ascontiguousarray(values).view(np.uint8).reshape(len(x), -1)
    size = -(-raw.shape[1] // 8) * 8
    if codes is None and size == raw.shape[1]:
        return raw.view(np.uint64)
    padded = np.zeros((len(x), size + (0 if codes is None else 8)), np.uint8)
    padded[:, : raw.shape[1]] = raw
    if codes is not None:
        padded[:, size:] = codes[:, None].view(np.uint8)
    return padded.view(np.uint64)


def _comparable_targets(train: Table, test: Table) -> tuple[Array, Array] | None:
    """Targets of both sets as integer codes, equal where the targets are; None when a set has no target."""
    if train.target is None or test.target is None:
        return None
    a, b = (t.target_array().reshape(len(t), -1) for t in (train, test))
    if a.shape[1] != b.shape[1]:
        return None
    if a.dtype.kind != b.dtype.kind and {a.dtype.kind, b.dtype.kind} <= set("iuf"):
        a, b = a.astype(np.float64), b.astype(np.float64)
    elif a.dtype.hasobject or b.dtype.hasobject or a.dtype.kind != b.dtype.kind:
        a, b = a.astype(str), b.astype(str)
    both = np.concatenate([a, b])
    axis = 0 if both.shape[1] > 1 else None
    codes = np.unique(both, axis=axis, return_inverse=True)[1].reshape(-1).astype(np.int64)
    return codes[: len(a)], codes[len(a) :]


def _shared_frame_rows(train: Table, test: Table) -> int:
    import polars as pl

    def framed(table: Table) -> pl.DataFrame:
        frame = table.frame if table.is_frame else pl.DataFrame(np.asarray(table.array), list(table.feature_names))
        if targets is not None:
            codes = targets[0] if table is train else targets[1]
            frame = frame.with_columns(pl.Series("\0target", codes))
        return frame

    if set(train.feature_names) - set(test.feature_names):
        return 0
    targets = _comparable_targets(train, test)
    left, right = framed(test), framed(train)
    left = left.select(right.columns)
    differing = [name for name in right.columns if left[name].dtype != right[name].dtype]
    casts = [pl.col(name).cast(_common(left[name].dtype, right[name].dtype), strict=False) for name in differing]
    left, right = left.with_columns(casts), right.with_columns(casts)
    return left.join(right.unique(), on=right.columns, how="semi", nulls_equal=True).height


def _common(a: object, b: object) -> type:
    import polars as pl

    numeric = all(isinstance(kind, pl.DataType) and kind.is_numeric() for kind in (a, b))
    return pl.Float64 if numeric else pl.String
