"""The rows of a fit: weights, validation rows, and equal rows of small sets of numbers merged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import _check_sample_weight

from thalweg.core.errors import ArgumentError
from thalweg.data.merge import merged
from thalweg.data.split import split
from thalweg.data.table import Table
from thalweg.recipes.config import RunConfig
from thalweg.recipes.tables import Tables

Weights = NDArray[np.float64] | None

MERGED_ROWS = 1000
"""In sets of at most so many rows equal rows are merged and the rest is sorted, where no share of them is held out: a
fit then depends on the weighted rows alone, and a weight of two is exactly what two equal rows are. Otherwise it is so
on average over minibatches."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows to train on and to watch, with their weights; None for equal ones."""

    train: Table
    weight: Weights = None
    validation: Table | None = None
    validation_weight: Weights = None

    @property
    def tables(self) -> Tables[Table]:
        """As recipes take them."""
        return Tables(self.train, self.validation, None, "none", 0)


def sample_weights(X: Any, weight: Any) -> Weights:
    """Return sample weights as numbers of at least 0, one a row, or None.

    Raises:
        ValueError: another number of them, negative ones, or all zero.
    """
    if weight is None:
        return None
    checked: NDArray[np.float64] = _check_sample_weight(weight, X, dtype=np.float64, ensure_non_negative=True)
    if not checked.any():
        raise ValueError("Sample weights must contain at least one non-zero number.")
    return checked


def pixel_weights(masks: NDArray[Any], weight: Any) -> Weights:
    """Return the weight of each pixel of masks, or None.

    Args:
        masks: of the images.
        weight: (N,) of the images on the first axis, or in the shape of the masks; numbers of at least 0.

    Raises:
        ValueError: another number of them, negative ones, or all zero.
    """
    if np.ndim(weight) < 2:
        own = sample_weights(masks, weight)
        # A view: one number an image stays one.
        return None if own is None else np.broadcast_to(own.reshape(-1, *(1,) * (masks.ndim - 1)), masks.shape)
    given = np.asarray(weight)
    if given.shape != masks.shape:
        expected = f"{len(masks)} numbers, one an image, or one a pixel, {masks.shape}"
        raise ArgumentError("sample_weight", expected, f"shape {given.shape}")
    of_pixels = sample_weights(masks.ravel(), given.ravel())
    return None if of_pixels is None else of_pixels.reshape(masks.shape)


def with_class_weights(weight: Weights, setting: Any, y: NDArray[Any], classes: Any = None) -> Weights:
    """Return sample weights times the weight of each row's class.

    Args:
        weight: (N,) or None.
        setting: None, ``"none"``, ``"balanced"`` (N / (C N_c), N_c counted with the sample weights) or a dictionary
            from class to weight, see `class_factors`.
        y: (N,) labels.
        classes: all classes there are; by default those of ``y``.

    Raises:
        ArgumentError: anything else, or a dictionary that cannot be used.
    """
    if setting is None or (isinstance(setting, str) and setting == "none"):
        return weight
    found, codes = np.unique(y, return_inverse=True)
    if isinstance(setting, str) and setting == "balanced":
        counts = np.bincount(codes, weight)
        factors = counts.sum() / (len(found) * np.maximum(counts, np.finfo(float).tiny))
    else:
        known = found if classes is None else np.asarray(classes)
        factor_of = dict(zip(known.tolist(), class_factors(setting, known), strict=True))
        factors = np.array([factor_of.get(label, 1.0) for label in found.tolist()])
    rows: NDArray[np.float64] = factors[codes]
    return rows if weight is None else weight * rows


def class_factors(setting: Any, classes: NDArray[Any]) -> NDArray[np.float64]:
    """Return the weight of each class by a dictionary, 1 for those it does not name.

    Raises:
        ArgumentError: no dictionary, weights that are not finite and at least 0, or a class that there is not in place
            of one that there is.
    """
    if not isinstance(setting, Mapping):
        raise ArgumentError("class_weight", "None, 'balanced' or a dictionary", repr(setting))
    known = classes.tolist()
    absent = [name for name in setting if name not in known]
    if absent and any(name not in setting for name in known):
        raise ArgumentError("class_weight", f"classes among {known}", repr(absent[0]))
    factors = np.array([setting.get(name, 1.0) for name in known], float)
    if not (np.isfinite(factors).all() and (factors >= 0).all()):
        raise ArgumentError("class_weight", "finite weights of at least 0", repr(dict(setting)))
    return factors


def with_fitting_batches(config: RunConfig, rows: int) -> RunConfig:
    """Return the settings with minibatches of at most all the rows (of images, the pixels) that are trained on.

    Samples of a search, a fold or a further call may be fewer than those a parameter was chosen for.
    """
    if config.batch_size is None or config.batch_size <= rows:
        return config
    return config.model_copy(update={"batch_size": rows})


def without_zeros(table: Table, weight: Weights) -> tuple[Table, Weights, NDArray[np.intp]]:
    """Return the rows that weigh something, their weights, and which they are.

    A mapped array stays whole: its zeros count nothing in any sum.
    """
    if weight is None or table.is_mapped or weight.all():
        return table, weight, np.arange(len(table))
    kept = np.flatnonzero(weight > 0)
    return table.rows(kept), weight[kept], kept


def arranged(table: Table, weight: Weights, validation: Table | None, config: RunConfig) -> Rows:
    """Return the rows, a share of them held out if the settings say so and no others are given to watch.

    Equal rows of small sets are merged where none are held out of a network: of rows that occur several times some may
    be held out, and the others trained on.
    """
    held_out = validation is None and config.validation > 0
    if not (held_out or config.cv) and _can_merge(table, config):
        table, weight = merged(table, weight)
    if not held_out:
        return Rows(table, weight, validation)
    parts: tuple[Any, Any]
    if table.is_mapped:  # the rows to watch are the last ones: those to train on stay on disk
        train, watched = split(table, config.validation, seed=config.seed + 1)
        parts = (slice(0, len(train)), slice(len(train), None))
    else:
        # A table of row numbers is split in place of the rows, so that weights can follow them.
        numbered = replace(table, features=np.arange(len(table))[:, None], feature_names=("row",))
        train, watched = split(numbered, config.validation, seed=config.seed + 1)
        parts = train.array[:, 0], watched.array[:, 0]
        train, watched = table.rows(parts[0]), table.rows(parts[1])
    if weight is None:
        return Rows(train, None, watched)
    return Rows(train, weight[parts[0]], watched, weight[parts[1]])


def _can_merge(table: Table, config: RunConfig) -> bool:
    """Whether the rows are few and hold numbers alone: what to do with levels depends on how many rows have each."""
    if len(table) > MERGED_ROWS or table.is_mapped or config.columns:
        return False
    return not table.is_frame or all(kind.is_numeric() for kind in table.frame.dtypes)
