"""One-hot coding of text, categories and booleans.

A value gets one column per level seen in training. A missing value is a level of its own when training had some.
A level that training never saw becomes all zeros. Of columns with very many levels the most frequent are kept and
the others share one column, which then also takes the levels never seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from thalweg.data.table import Array

if TYPE_CHECKING:
    import polars as pl

MOST_LEVELS = 100  # a column with more levels keeps its most frequent ones


@dataclass(frozen=True)
class Levels:
    """A fitted one-hot code of one column.

    Args:
        name: name of the column.
        levels: the levels that have a column, sorted.
        missing: whether missing values have a column of their own.
        other: whether the remaining levels share a column.

    Example:
        >>> import polars as pl
        >>> code = Levels.fit(pl.Series("color", ["red", "blue", "red"]))
        >>> code.transform(pl.Series("color", ["red", "green"]))[0].tolist()
        [[0.0, 1.0], [0.0, 0.0]]
    """

    name: str
    levels: tuple[str, ...]
    missing: bool = False
    other: bool = False

    @staticmethod
    def fit(series: pl.Series, most: int = MOST_LEVELS) -> Levels:
        """Learn the levels from the training rows."""
        text = as_text(series)
        counts = text.drop_nulls().value_counts(sort=True)
        names = counts[text.name].to_list()
        if len(names) > most:
            tally = counts["count"].to_list()
            names = sorted(names, key=dict(zip(names, (-n for n in tally), strict=True)).__getitem__)[:most]
        return Levels(series.name, tuple(sorted(names)), text.null_count() > 0, len(counts) > most)

    @property
    def feature_width(self) -> int:
        """Number of encoded columns."""
        return len(self.levels) + self.missing + self.other

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the encoded columns."""
        extra = ("(missing)",) * self.missing + ("(other)",) * self.other
        return tuple(f"{self.name}={level}" for level in (*self.levels, *extra))

    def transform(self, series: pl.Series) -> tuple[Array, int]:
        """Encode a column as float32 (n, feature_width), and count the values that no column stands for."""
        import polars as pl

        text = as_text(series)
        # Levels come first, then the missing ones, then the others; -1 is all zeros.
        unseen = len(self.levels) + self.missing if self.other else -1
        index = text.replace_strict(
            list(self.levels), list(range(len(self.levels))), default=unseen, return_dtype=pl.Int32
        ).to_numpy()
        gaps = text.is_null().to_numpy()
        index = np.where(gaps, len(self.levels) if self.missing else -1, index)
        out = np.zeros((len(text), self.feature_width), np.float32)
        rows = np.flatnonzero(index >= 0)
        out[rows, index[rows]] = 1.0
        return out, len(text) - len(rows)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {"name": self.name, "levels": list(self.levels), "missing": self.missing, "other": self.other}

    @staticmethod
    def from_dict(data: dict[str, Any]) -> Levels:
        """Inverse of ``to_dict``."""
        return Levels(data["name"], tuple(data["levels"]), bool(data["missing"]), bool(data["other"]))


def as_text(series: pl.Series) -> pl.Series:
    """A column as text; whole numbers stored as floats lose their ``.0``, so that files of other types match."""
    import polars as pl

    if series.dtype.is_float():
        whole = series.drop_nulls()
        if whole.is_finite().all() and (whole == whole.round()).all():
            series = series.cast(pl.Int64, strict=False)
    return series.cast(pl.String)
