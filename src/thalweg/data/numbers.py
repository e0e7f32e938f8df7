"""Scaling numbers, fitted chunk by chunk so that a mapped array is never loaded whole.

Columns that never vary become 0. A column with missing numbers (NaN) in the training set takes the median for them
and gets an indicator column: the weights of the indicator learn how far from it a missing number should stand, so
that the fill is learned. Where training missed none, what becomes 0 stands in. Images share one scale: pixels that
are almost always off would otherwise be blown up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from thalweg.core.registry import lookup
from thalweg.data.chunks import chunks, sums
from thalweg.data.scalings import SCALINGS, TINY, Scale, Spread, smooth_clip
from thalweg.data.table import Array

SAMPLE_ROWS = 200_000  # medians and quantiles come from at most so many rows, evenly spaced
SAMPLE_CELLS = 2**24  # and of wide arrays from fewer
ROUNDING = 4e-15  # a deviation that is smaller beside the mean is that of rounding
PIECE = 2**16  # so many numbers are scaled at once: they stay in the cache
COARSE = 1e-5  # of a column's scale: where rounding its center to float32 moves it further, float64 is needed
THREADED_CELLS = 2**20  # from so many numbers on, a search between knots is worth threads
PIXELS = 49  # so many columns of bytes beyond 127, those of 7 × 7 pixels, are no ages, counts or flags


@dataclass(frozen=True, eq=False)
class Numbers:
    """A fitted map from raw numbers (N, d) to float32 (N, d + indicators).

    Args:
        center: (d,), or (1,) when all columns share it; what becomes 0.
        scale: same shape; what becomes 1, 0 for a column that never varies.
        fill: same shape; what stands for a missing number.
        missing: indices of the columns that get an indicator of missing numbers.
        width: d.
        scaling: a key of ``SCALINGS``.
        knots: x and z of each column, or of all that share one; None for a column that is scaled along a straight line.

    Example:
        >>> numbers = Numbers.fit(np.array([[1.0, 5.0], [3.0, 5.0]]))
        >>> numbers.transform(np.array([[1.0, 5.0], [2.0, 9.0]])).tolist()
        [[-1.0, 0.0], [0.0, 0.0]]
    """

    center: Array
    scale: Array
    fill: Array
    missing: tuple[int, ...]
    width: int
    scaling: str = "standard"
    knots: tuple[tuple[Array, Array] | None, ...] = ()

    @staticmethod
    def fit(
        x: Array, *, scaling: str = "standard", shared: bool = False, names: Sequence[str] = (), source: str = "data"
    ) -> Numbers:
        """Fit on the training rows.

        Args:
            x: numbers (N, d); may be memory-mapped.
            scaling: a key of ``SCALINGS``; with ``"none"``, pixels of unsigned bytes are still divided by 255.
            shared: one scale for all columns (images).
            names: column names, for messages.
            source: name of the data, for messages.

        Raises:
            ArgumentError: no such scaling.
            DataError: an infinite or absurdly large number; names column and row.
        """
        fit = lookup(SCALINGS, scaling, "scaling")
        count, total, square, shift = sums(x, shared, names, source)
        missing = tuple(int(i) for i in np.flatnonzero(count < len(x)))
        if shared:
            count, total, square = count.sum(keepdims=True), total.sum(keepdims=True), square.sum(keepdims=True)
        known = np.maximum(count, 1)
        mean = shift + total / known
        std = np.sqrt(np.maximum(square / known - (total / known) ** 2, 0.0))
        std[std <= np.maximum(ROUNDING * np.abs(mean), TINY)] = 0.0
        sample = _sample(x, shared)
        ranges = scaling not in {"standard", "none"}
        low, high = _range(x, shared) if ranges else (mean, mean)
        scales: list[Scale] = []
        for i in range(len(mean)):
            values = _known(sample if shared else sample[:, i]) if ranges else np.empty(0)
            scales.append(fit(Spread(mean[i], std[i], low[i], high[i], int(count[i]), values)))
        center, scale = (np.array([getattr(s, name) for s in scales], np.float64) for name in ("center", "scale"))
        fill = center.copy() if scaling != "none" else mean
        if missing:
            fill = np.broadcast_to(fill, (x.shape[1],)).copy()
            for i in missing:
                column = _known(sample[:, i])
                fill[i] = np.median(column) if len(column) else 0.0
        if scaling == "none" and shared and x.dtype == np.uint8:
            scale = np.full_like(scale, 255.0)
        knots = tuple(s.knots for s in scales) if any(s.knots for s in scales) else ()
        return Numbers(center, scale, fill, missing, int(x.shape[1]), scaling, knots)

    @property
    def feature_width(self) -> int:
        """Number of encoded columns."""
        return self.width + len(self.missing)

    @cached_property
    def _gain(self) -> Array:
        """What centered numbers are multiplied by."""
        with np.errstate(divide="ignore", over="ignore"):
            return np.where(self.scale > 0, 1.0 / self.scale, 0.0).astype(np.float32)

    @cached_property
    def _centers(self) -> dict[type, Array]:
        """The centers, in both kinds of numbers."""
        return {kind: self.center.astype(kind) for kind in (np.float32, np.float64)}

    @cached_property
    def _coarse(self) -> bool:
        """Whether float32 is too coarse for a center, as of dates and identifiers."""
        return bool((np.abs(self._centers[np.float32] - self.center) > COARSE * self.scale).any())

    @cached_property
    def _encoded_fill(self) -> Array:
        """What stands for missing numbers, encoded (1, d)."""
        filled = np.empty((1, self.width), np.float32)
        with np.errstate(over="ignore", invalid="ignore"):
            self._scale(np.broadcast_to(self.fill, (1, self.width)), filled)
        return filled

    def knots_of(self, column: int) -> tuple[Array, Array] | None:
        """Return x and z of a column between which straight lines run; None where one line is all."""
        return self.knots[column if len(self.knots) > 1 else 0] if self.knots else None

    def transform(self, x: Array, out: Array | None = None) -> Array:
        """Encode raw rows (n, d), a chunk or all of them, as float32 (n, feature_width); into ``out`` where given."""
        if out is None:
            out = np.empty((len(x), self.feature_width), np.float32)
        step = max(1, PIECE // max(1, self.width))
        starts = range(0, len(x), step)
        encode = partial(self._piece, x, out, step)
        if self.knots and x.size > THREADED_CELLS:
            with ThreadPoolExecutor() as pool:
                list(pool.map(encode, starts))
        else:
            for start in starts:
                encode(start)
        return out

    def _piece(self, x: Array, out: Array, step: int, start: int) -> None:
        rows, part = np.asarray(x[start : start + step]), out[start : start + step]
        z, gaps = part[:, : self.width], part[:, self.width :]
        with np.errstate(over="ignore", invalid="ignore"):
            self._scale(rows, z)
            # One sum finds out whether anything is missing.
            if rows.dtype.kind == "f" and (self.missing or np.isnan(z.sum())):
                missing = np.isnan(rows)
                np.copyto(z, self._encoded_fill, where=missing)
                gaps[:] = missing[:, list(self.missing)]
            else:
                gaps[:] = 0.0

    def _scale(self, rows: Array, z: Array) -> None:
        """Write scaled rows into z; missing ones stay NaN."""
        narrow = (rows.dtype.itemsize <= 2 or rows.dtype == np.float32) and not self._coarse
        kind = np.float32 if narrow else np.float64
        np.subtract(rows, self._centers[kind], out=z, dtype=kind, casting="same_kind")
        z *= self._gain
        for i in range(self.width if self.knots else 0):
            if (knots := self.knots_of(i)) is not None:
                z[:, i] = np.interp(rows[:, i], *knots)
        if self.scaling in {"robust", "adaptive"}:
            smooth_clip(z)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "scaling": self.scaling,
            "center": self.center.tolist(),
            "scale": self.scale.tolist(),
            "fill": self.fill.tolist(),
            "missing": list(self.missing),
            "width": self.width,
            "knots": [None if pair is None else [part.tolist() for part in pair] for pair in self.knots],
        }

    @staticmethod
    def from_dict(data: dict[str, Any]) -> Numbers:
        """Inverse of ``to_dict``; files up to schema 2 knew standardized numbers alone."""
        keys = ("center", "scale", "fill") if "center" in data else ("mean", "std", "fill")
        center, scale, fill = (np.array(data[key], dtype=np.float64) for key in keys)
        knots = tuple(None if pair is None else _knots(*pair) for pair in data.get("knots", []))
        scaling = lookup({name: name for name in SCALINGS}, data.get("scaling", "standard"), "scaling")
        return Numbers(center, scale, fill, tuple(data["missing"]), int(data["width"]), scaling, knots)


def are_pixels(x: Array) -> bool:
    """Whether the columns of an array (N, d), which may be mapped, are pixels: bytes, of which many columns are bright.

    Example:
        >>> are_pixels(np.full((2, 784), 200, np.uint8)), are_pixels(np.ones((2, 784), np.uint8))
        (True, False)
    """
    if x.dtype != np.uint8 or x.shape[1] < PIXELS:
        return False
    bright = np.zeros(x.shape[1], bool)
    for _, rows in chunks(x):
        bright |= rows.max(axis=0) > 127
        if bright.sum() >= PIXELS:  # of images the first rows tell
            return True
    return False


def _knots(x: list[float], z: list[float]) -> tuple[Array, Array]:
    pair = np.array(x, np.float64), np.array(z, np.float64)
    if pair[0].ndim != 1 or pair[0].shape != pair[1].shape or not len(pair[0]):
        raise ValueError("knots are no pairs of numbers")
    return pair


def _sample(x: Array, shared: bool) -> Array:
    """Evenly spaced rows, in memory; for one scale of all columns fewer will do."""
    rows = min(SAMPLE_ROWS, max(1, (SAMPLE_ROWS if shared else SAMPLE_CELLS) // max(1, x.shape[1])))
    return np.asarray(x[:: -(-len(x) // rows)])


def _known(values: Array) -> Array:
    """The values that are not missing, sorted, as float64."""
    flat = np.asarray(values, np.float64).ravel()
    return np.sort(flat[~np.isnan(flat)] if values.dtype.kind == "f" else flat)


def _range(x: Array, shared: bool) -> tuple[Array, Array]:
    """Smallest and largest number of each column, or of all."""
    axis = None if shared else 0
    low, high = zip(*((np.fmin.reduce(r, axis), np.fmax.reduce(r, axis)) for r in _pieces(x)), strict=True)
    return np.atleast_1d(np.fmin.reduce(low, 0)), np.atleast_1d(np.fmax.reduce(high, 0))


def _pieces(x: Array) -> Iterator[Array]:
    for _, rows in chunks(x):
        yield rows
