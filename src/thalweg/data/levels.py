"""One-hot coding of text, categories and booleans with few levels.

A value gets one column per level seen in training; of two levels one column is enough, -1 for the first and 1 for
the second. A missing value is a level of its own when training had some. A level that training never saw becomes all
zeros. Of columns with very many levels the most frequent are kept and the others, as those with too few rows, share
one column, which then also takes the levels never seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from thalweg.data.table import Array

if TYPE_CHECKING:
    import polars as pl

FEW_TEXTS = 256
MOST_LEVELS = 100  # a column with more levels keeps its most frequent ones


@dataclass(frozen=True)
class Levels:
    """A fitted one-hot code of one column.

    Args:
        name: name of the column.
        levels: the levels that have a column, sorted.
        missing: whether missing values have a column of their own.
        other: whether the remaining levels share a column.
        signed: whether the two levels there are share one column of -1 and 1.

    Example:
        >>> import polars as pl
        >>> code = Levels.fit(pl.Series("color", ["red", "blue", "red", "gray"]))
        >>> code.transform(pl.Series("color", ["red", "green"]))[0].tolist()
        [[0.0, 0.0, 1.0], [0.0, 0.0, 0.0]]
    """

    name: str
    levels: tuple[str, ...]
    missing: bool = False
    other: bool = False
    signed: bool = False

    @staticmethod
    def fit(series: pl.Series, most: int = MOST_LEVELS, min_count: int = 1) -> Levels:
        """Learn the levels from the training rows.

        Args:
            series: the column.
            most: how many levels get a column of their own.
            min_count: how many rows a level needs for one.
        """
        text = as_text(series)
        missing = text.null_count() > 0
        names, found = frequent(text, most, min_count)
        signed = found == len(names) == 2 and not missing
        return Levels(series.name, names, missing, found > len(names), signed)

    @property
    def feature_width(self) -> int:
        """Number of encoded columns."""
        return 1 if self.signed else len(self.levels) + self.missing + self.other

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the encoded columns."""
        extra = ("(missing)",) * self.missing + ("(other)",) * self.other
        return tuple(f"{self.name}={level}" for level in (*self.levels, *extra)[1 if self.signed else 0 :])

    def transform(self, series: pl.Series, out: Array | None = None) -> tuple[Array, int]:
        """Encode a column as float32 (n, feature_width), and count the values that no column stands for.

        Args:
            series: the column.
            out: zeros of that shape to write into; by default new ones.
        """
        text = as_text(series)
        # Levels come first, then the missing ones, then the others; -1 is all zeros.
        index = self._place(text, len(self.levels) + self.missing if self.other else -1)
        if self.missing:
            index = np.where(text.is_null().to_numpy(), len(self.levels), index)
        elif self.other and text.null_count():
            index = np.where(text.is_null().to_numpy(), -1, index)
        out = np.zeros((len(text), self.feature_width), np.float32) if out is None else out
        rows = np.flatnonzero(index >= 0)
        if self.signed:
            out[rows, 0] = 2.0 * index[rows] - 1.0
        else:
            out[rows, index[rows]] = 1.0
        return out, len(text) - len(rows)

    @cached_property
    def _place(self) -> Places:
        return Places(self.levels)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "name": self.name,
            "levels": list(self.levels),
            "missing": self.missing,
            "other": self.other,
            "signed": self.signed,
        }

    @staticmethod
    def from_dict(data: dict[str, Any]) -> Levels:
        """Inverse of ``to_dict``; files up to schema 2 had no signed ones."""
        signed = bool(data.get("signed", False))
        if signed and len(data["levels"]) != 2:
            raise ValueError("a signed column needs two levels")
        return Levels(data["name"], tuple(data["levels"]), bool(data["missing"]), bool(data["other"]), signed)


class Places:
    """The place of each text in a list of levels; of few rows by a dictionary, which is faster then."""

    def __init__(self, levels: tuple[str, ...]) -> None:
        import polars as pl

        self._many = pl.Enum(levels)
        self._few = {level: i for i, level in enumerate(levels)}

    def __call__(self, text: pl.Series, unknown: int = -1) -> Array:
        """Places from 0 on as int64; ``unknown`` for what is none of the levels, or missing."""
        import polars as pl

        if len(text) <= FEW_TEXTS:
            return np.array([self._few.get(cell, unknown) for cell in text.to_list()], np.int64)
        places = text.cast(self._many, strict=False).to_physical().cast(pl.Int64).fill_null(unknown)
        array: Array = places.to_numpy()
        return array


def frequent(text: pl.Series, most: int | None, min_count: int) -> tuple[tuple[str, ...], int]:
    """The most frequent levels, sorted by name, and how many there are at all."""
    counts = text.drop_nulls().value_counts()
    counts.columns = ["level", "count"]
    found = len(counts)
    kept = counts.filter(counts["count"] >= min_count) if min_count > 1 else counts
    if most is not None and len(kept) > most:
        kept = kept.sort(["count", "level"], descending=[True, False]).head(most)
    return tuple(kept["level"].sort().to_list()), found


def as_text(series: pl.Series) -> pl.Series:
    """A column as text; whole numbers stored as floats lose their ``.0``, so that files of other types match."""
    import polars as pl

    if series.dtype.is_float():
        whole = series.drop_nulls()
        if whole.is_finite().all() and (whole == whole.round()).all():
            series = series.cast(pl.Int64, strict=False)
    return series.cast(pl.String)
