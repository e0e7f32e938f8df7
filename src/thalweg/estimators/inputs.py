"""Features as users have them, checked in scikit-learn's words, to tables."""

from __future__ import annotations

import tempfile
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import assert_all_finite, validate_data

from thalweg.core.errors import ArgumentError
from thalweg.data.read import read
from thalweg.data.readers.arrays import MAP_BYTES
from thalweg.data.readers.frames import check_names, frame_of_objects, is_frame
from thalweg.data.table import Table

DENSE_BYTES = 2**29
"""Sparse rows are filled up in memory as long as they need no more than this; above, in a temporary file."""

BLOCK_BYTES = 2**24
"""Sparse rows are filled up in blocks of so many bytes."""

EXACT_BYTES = 2**24
"""Sparse rows of float64 stay float64 when filled up to no more than this; above, where float32 is too coarse."""

SAMPLE_ROWS = 10_000
"""So many rows tell whether float32 is too coarse."""


def check_features(estimator: Any, X: Any, *, reset: bool, y: Any = "no_validation") -> Any:
    """Return features as a data frame, an array (N, d), or a sparse matrix of rows.

    Args:
        estimator: learns (``reset``) or compares the names and the number of features.
        X: features; numbers may be missing.
        reset: whether this is the first data the estimator sees.
        y: the target, where there must be one.

    Raises:
        ValueError: no rows, another shape or other columns than in training, infinite or complex numbers.
        TypeError: cells that are neither numbers nor text.
    """
    if not reset and _is_plain(X, estimator):
        return X
    X = _collected(X)
    framed = not sparse.issparse(X) and is_frame(X)
    if framed:
        check_names(X, "X")  # scikit-learn asks for them, and says nothing of those that occur twice
    if y is None:
        validate_data(estimator, X, y=None, reset=reset, skip_check_array=True)
    if framed:
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        for count, what in zip(X.shape, ("sample", "feature"), strict=True):
            if not count:
                raise ValueError(
                    f"Found array with 0 {what}(s) (shape={tuple(X.shape)}) while a minimum of 1 is required."
                )
        return X
    checked = validate_data(
        estimator, X, reset=reset, accept_sparse="csr", dtype=None, ensure_all_finite="allow-nan", copy=False
    )
    if sparse.issparse(checked):
        return checked
    if checked.dtype.kind in "OUS":
        return _from_objects(checked)
    mapped = isinstance(X, np.memmap) and X.nbytes > MAP_BYTES
    return X if mapped else checked


def some_rows(X: Any, places: NDArray[Any] | range) -> Any:
    """Return rows of features, by their numbers, in the kind of container that the features came in."""
    pick = slice(places.start, places.stop, places.step) if isinstance(places, range) else places
    return _safe_indexing(X.tocsr() if sparse.issparse(X) else _collected(X), pick)


def pair_of(eval_set: Any) -> tuple[Any, Any]:
    """Return features and targets of an ``eval_set``, see `parts_of`."""
    X, y = parts_of(eval_set, "a pair (X, y)")
    return X, y


def parts_of(eval_set: Any, expected: str, most: int = 2) -> tuple[Any, ...]:
    """Return the parts of an ``eval_set``, which may stand in a list as other libraries want it.

    Args:
        eval_set: two parts or more.
        expected: which, in words.
        most: parts there may be.

    Raises:
        ArgumentError: something else.
    """
    parts = eval_set[0] if isinstance(eval_set, list) and len(eval_set) == 1 else eval_set
    if not isinstance(parts, (tuple, list)):
        raise ArgumentError("eval_set", expected, type(eval_set).__name__)
    if not 2 <= len(parts) <= most:
        raise ArgumentError("eval_set", expected, f"a {type(parts).__name__} of {len(parts)}")
    return tuple(parts)


def as_table(X: Any, y: Any = None) -> Table:
    """Return checked features, and the target, as a table; a sparse matrix is filled up with its zeros.

    Infinite numbers of arrays are found by scikit-learn before, those of data frames by the encoder after.
    """
    if isinstance(X, Table):
        return X
    if sparse.issparse(X):
        X = filled(X)
    return read(X if y is None else (X, y), need_target=y is not None, official=False)


def filled(X: Any) -> NDArray[Any]:
    """Return a sparse matrix of rows as an array (N, d) of float32 or float64, filled block by block.

    Above ``DENSE_BYTES`` it lies in a temporary file that ends with the array; rows then stream from disk.
    """
    rows, width = X.shape
    narrow = X.dtype.itemsize <= 2 or X.dtype == np.float32
    exact = not narrow and (8 * rows * width <= EXACT_BYTES or _too_coarse(X))
    kind = np.dtype(np.float64 if exact else np.float32)
    dense: NDArray[Any]
    if kind.itemsize * rows * width <= DENSE_BYTES:
        dense = np.empty((rows, width), kind)
    else:
        with tempfile.TemporaryFile() as file:
            dense = np.memmap(file, kind, "w+", shape=(rows, width))
    step = max(1, BLOCK_BYTES // (kind.itemsize * max(1, width)))
    for start in range(0, rows, step):
        dense[start : start + step] = X[start : start + step].toarray()
    return dense


def _too_coarse(X: Any) -> bool:
    """Whether float32 makes numbers of a column equal that differ, more than the hundredth that chance explains."""
    part = X[:: max(1, X.shape[0] // SAMPLE_ROWS)]
    order = np.lexsort((part.data, part.indices))
    columns, values = part.indices[order], part.data[order]
    differ = (np.diff(columns) == 0) & (np.diff(values) > 0)
    merged = differ & (np.diff(values.astype(np.float32)) == 0)
    count = partial(np.bincount, columns[1:])
    return bool((count(merged) > 0.01 * count(differ)).any())


def _collected(X: Any) -> Any:
    return X.collect() if hasattr(X, "collect") and hasattr(X, "lazy") else X


def _is_plain(X: Any, estimator: Any) -> bool:
    """Whether scikit-learn's checks, which take longer than the prediction of a row, would find nothing to say."""
    if type(X) is not np.ndarray or X.dtype.kind != "f" or X.ndim != 2 or hasattr(estimator, "feature_names_in_"):
        return False
    with np.errstate(all="ignore"):
        return len(X) > 0 and X.shape[1] == estimator.n_features_in_ and bool(np.isfinite(X.sum()))


def _from_objects(X: NDArray[Any]) -> Any:
    """Return an array of objects or text as numbers if it holds nothing else, as a data frame if it does."""
    try:
        numbers = X.astype(np.float64)
    except ValueError:
        return frame_of_objects(X)
    assert_all_finite(numbers, allow_nan=True, input_name="X")
    return numbers
