"""Whole numbers for columns with many levels, of which a network learns a vector each.

Code 0 is shared by levels with too few rows to learn from and by levels that training never saw: rare levels teach the
network what to make of unseen ones. What is missing has the last code, unless too few rows of training miss it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from thalweg.data.levels import Places, as_text, frequent
from thalweg.data.table import Array

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Codes:
    """A fitted code of one column: its k-th level in sorted order becomes k, counted from 1.

    Args:
        name: name of the column.
        levels: the levels with a code of their own, sorted.
        missing: whether training had missing values.
        other: whether training had levels with too few rows.
        apart: whether missing values have a code of their own.

    Example:
        >>> import polars as pl
        >>> code = Codes.fit(pl.Series("tail", ["N1", "N2", "N2", "N3", "N3"]))
        >>> code.levels, code.size
        (('N2', 'N3'), 3)
        >>> code.transform(pl.Series("tail", ["N3", "N1", None, "N9"]))[0].tolist()
        [[2.0], [0.0], [0.0], [0.0]]
    """

    name: str
    levels: tuple[str, ...]
    missing: bool = False
    other: bool = False
    apart: bool = False

    @staticmethod
    def fit(series: pl.Series, min_count: int = 2) -> Codes:
        """Learn the levels from the training rows.

        Args:
            series: the column.
            min_count: how many rows a level, or a missing value, needs for a code of its own.
        """
        text = as_text(series)
        levels, found = frequent(text, None, min_count)
        gaps = text.null_count()
        return Codes(series.name, levels, gaps > 0, found > len(levels), gaps >= max(1, min_count))

    @property
    def size(self) -> int:
        """Number of codes, 0 among them."""
        return len(self.levels) + 1 + self.apart

    @property
    def feature_width(self) -> int:
        """Number of encoded columns: one."""
        return 1

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Name of the encoded column."""
        return (f"{self.name} (code)",)

    def transform(self, series: pl.Series, out: Array | None = None) -> tuple[Array, int]:
        """Encode a column as float32 (n, 1), into ``out`` where given, and count values that training had none like."""
        text = as_text(series)
        codes = self._place(text) + 1
        if self.apart:
            codes = np.where(text.is_null().to_numpy(), len(self.levels) + 1, codes)
        out = np.empty((len(text), 1), np.float32) if out is None else out
        out[:, 0] = codes
        if self.other:
            return out, 0
        return out, int((codes == 0).sum()) - (text.null_count() if self.missing and not self.apart else 0)

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
            "apart": self.apart,
        }

    @staticmethod
    def from_dict(data: dict[str, Any]) -> Codes:
        """Inverse of ``to_dict``; older files gave missing values the code 0."""
        apart = bool(data.get("apart", False))
        return Codes(data["name"], tuple(data["levels"]), bool(data["missing"]), bool(data["other"]), apart)
