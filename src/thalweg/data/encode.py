"""The fitted encoder: what turns tables into arrays, fitted on training rows and saved with the model.

Numbers are scaled, text, categories and booleans with few levels become one-hot columns, those with many a code each,
dates become days since 1970; class labels become indices, continuous targets are standardized. The encoded columns
are the numbers in the order of the table, then indicators of missing numbers, then the one-hot columns, then the
codes.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from thalweg.core.errors import ArgumentError, DataError, DataWarning, nearest
from thalweg.data.chunks import check_numbers
from thalweg.data.codes import Codes
from thalweg.data.layout import Layout
from thalweg.data.levels import MOST_LEVELS, Levels
from thalweg.data.numbers import Numbers
from thalweg.data.schema import as_numbers, kind_of
from thalweg.data.table import Array, Table
from thalweg.data.targets import Label, Targets

if TYPE_CHECKING:
    import polars as pl


FEW_LEVELS = 8
"""Columns of at most so many levels are one-hot coded, others embedded: as in RealMLP (Holzmüller et al. 2024)."""


@dataclass(frozen=True, eq=False)
class Encoder:
    """A fitted map from tables to arrays; plain data, so that it travels with the model as JSON.

    Args:
        number_names: columns encoded as numbers, in order.
        numbers: their fitted scaling.
        levels: the fitted one-hot columns.
        ignored: training columns that are left out, such as identifiers.
        outputs: the fitted map of targets.
        target_name: name of the target column, when it had one.
        example_shape: shape of one example before flattening, for images.
        dtype: type of the training array, ``"frame"`` for data frames.
        codes: the fitted codes of columns with many levels.

    Example:
        >>> table = Table("toy", np.array([[1.0], [3.0]]), np.array(["no", "yes"]), ("a",), "answer")
        >>> encoder = Encoder.fit(table)
        >>> encoder.features(table).tolist(), encoder.targets(table).tolist(), encoder.classes
        ([[-1.0], [1.0]], [0, 1], ('no', 'yes'))
    """

    number_names: tuple[str, ...]
    numbers: Numbers
    levels: tuple[Levels, ...]
    ignored: tuple[str, ...]
    outputs: Targets
    target_name: str | None
    example_shape: tuple[int, ...] | None
    dtype: str
    codes: tuple[Codes, ...] = ()

    @staticmethod
    def fit(
        table: Table,
        *,
        kind: str = "auto",
        classes: Sequence[str] | None = None,
        standardize: bool = True,
        standardize_target: bool | None = None,
        scaling: str = "standard",
        embed: bool = False,
        onehot_levels: int = FEW_LEVELS,
        min_count: int | None = None,
        outputs: Targets | None = None,
    ) -> Encoder:
        """Fit on the training rows.

        Args:
            table: training rows with their target; a memory-mapped array is read in chunks.
            kind: what the targets are: ``"auto"``, ``"classes"``, ``"ordered"``, ``"labels"``, ``"numbers"`` or
                ``"counts"``.
            classes: class labels in their order; by default sorted.
            standardize: whether numbers are scaled; one-hot columns never are.
            standardize_target: whether regression targets are standardized; by default as ``standardize``.
            scaling: how numbers are scaled: ``"standard"`` (mean 0, deviation 1), ``"robust"`` (median 0, distance
                of the quartiles 1, smoothly clipped to ±3), ``"quantile"`` (normal scores) or ``"none"``.
            embed: whether columns with more than ``onehot_levels`` levels get codes, of which the network learns
                vectors; without it they are one-hot coded too, up to 100 levels each.
            onehot_levels: see ``embed``.
            min_count: levels with fewer rows share one code or column; by default 2 for codes, 1 for one-hot columns.
            outputs: the map of targets where it is known; kind, classes and standardize_target are then not needed.

        Raises:
            ArgumentError: ``kind`` does not fit the target.
            DataError: data that cannot be learned from; names column, row and cell.
        """
        if len(table) == 0:
            raise DataError(f"{table.name}: the table has no rows. Give at least two.")
        outputs = outputs or Targets.fit(
            table,
            kind=kind,
            classes=classes,
            standardize=standardize if standardize_target is None else standardize_target,
        )
        if table.is_frame:
            kinds = {name: kind_of(table.frame[name], table.name) for name in table.feature_names}
            names = tuple(name for name, kind in kinds.items() if kind == "number")
            matrix = _matrix(table.frame, names, table.name)
            series = [table.frame[name] for name, kind in kinds.items() if kind == "levels"]
            many = [embed and column.drop_nulls().n_unique() > onehot_levels for column in series]
            codes = tuple(Codes.fit(c, min_count or 2) for c, coded in zip(series, many, strict=True) if coded)
            levels = tuple(
                Levels.fit(c, min_count=min_count or 1) for c, coded in zip(series, many, strict=True) if not coded
            )
            for level in levels:
                if level.other and len(level.levels) == MOST_LEVELS:
                    _warn_of_levels(level.name, table.frame[level.name].n_unique(), table.name)
            ignored = tuple(name for name, kind in kinds.items() if kind == "nothing")
            dtype = "frame"
        else:
            matrix, names, levels, ignored, codes = _numeric(table), table.feature_names, (), (), ()
            dtype = table.array.dtype.name
        if not names and not levels and not codes:
            raise DataError(f"{table.name}: no feature column is left to learn from. Give columns beside the target.")
        shared = table.example_shape is not None or dtype == "uint8"
        scaling = scaling if standardize else "none"
        numbers = Numbers.fit(matrix, scaling=scaling, shared=shared, names=names, source=table.name)
        return Encoder(names, numbers, levels, ignored, outputs, table.target_name, table.example_shape, dtype, codes)

    @property
    def task(self) -> str:
        """``"classification"``, ``"multilabel"`` or ``"regression"``."""
        return self.outputs.task

    @property
    def target_names(self) -> tuple[str, ...]:
        """Names of the K target columns."""
        return self.outputs.names

    @property
    def classes(self) -> tuple[Label, ...] | None:
        """Class labels in the order of their indices; None for regression."""
        return self.outputs.classes

    @property
    def target_mean(self) -> Array:
        """(K,), in units of the target."""
        return self.outputs.mean

    @property
    def target_scale(self) -> Array:
        """(K,), in units of the target."""
        return self.outputs.scale

    @property
    def input_names(self) -> tuple[str, ...]:
        """Columns a table must have."""
        return (*self.number_names, *(column.name for column in self._levels))

    @property
    def layout(self) -> Layout:
        """What the encoded columns are, in their order."""
        onehot = sum(level.feature_width for level in self.levels)
        binary = len(self.numbers.missing) + onehot
        return Layout(self.numbers.width, binary, tuple(code.size for code in self.codes))

    @property
    def feature_width(self) -> int:
        """Number of encoded columns d."""
        return self.layout.width

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the encoded columns, such as ``"age"``, ``"age (missing)"``, ``"sex=male"``, ``"city (code)"``."""
        gaps = (f"{self.number_names[i]} (missing)" for i in self.numbers.missing)
        return (*self.number_names, *gaps, *(name for column in self._levels for name in column.feature_names))

    def features(self, table: Table) -> Array:
        """Encode the features of a table as float32 (N, d).

        Columns may come in another order; columns that training did not have are ignored with a warning.

        Raises:
            DataError: a column is missing, or a cell is no number; names it.
        """
        matrix, frame = self._aligned(table)
        check_numbers(matrix, self.number_names, table.name)
        self._warn_of_scale(matrix, table.name)
        self._warn_of_gaps(matrix, table.name)
        out = np.zeros((len(table), self.feature_width), np.float32)
        end = self.numbers.feature_width
        self.numbers.transform(matrix, out[:, :end])
        unseen: dict[str, int] = {}
        for column in self._levels:
            assert frame is not None, "arrays have no levels"
            start, end = end, end + column.feature_width
            _, count = column.transform(frame[column.name], out[:, start:end])
            if count:
                unseen[column.name] = count
        if unseen:
            warnings.warn(
                f"{table.name}: {sum(unseen.values())} cells hold levels that training did not have, in "
                f"{', '.join(map(repr, unseen))}; they are encoded as zeros.",
                DataWarning,
                stacklevel=2,
            )
        return out

    def transform_rows(self, rows: Array) -> Array:
        """Encode raw rows (n, d) of an array table, a chunk at a time, as float32 (n, feature_width).

        This is the path for batches from disk: it checks shapes alone; the values were checked by ``fit``.

        Raises:
            DataError: the encoder has one-hot columns, or another number of columns.
        """
        text = bool(self._levels)
        if text or rows.ndim != 2 or rows.shape[1] != self.numbers.width:
            raise DataError(
                f"expected rows of {len(self.input_names)} columns{' with text' if text else ''}, "
                f"got an array of shape {rows.shape}. Give a table."
            )
        return self.numbers.transform(rows)

    def targets(self, table: Table) -> Array:
        """Encode the target: int32 (N,) class indices, int32 (N, K) labels, or float32 (N, K) numbers.

        Raises:
            ArgumentError: the table has no target.
            DataError: missing targets, or labels unseen in training.
        """
        return self.outputs.transform(table)

    def labels(self, indices: Array) -> Array:
        """Labels of class indices (N,), in the type they had in the training data."""
        return self.outputs.labels(indices)

    def unscale_targets(self, y: Array) -> Array:
        """Standardized numbers (N, K) in original units: y · scale + mean."""
        return self.outputs.unscale(y)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "number_names": list(self.number_names),
            "numbers": self.numbers.to_dict(),
            "levels": [level.to_dict() for level in self.levels],
            "ignored": list(self.ignored),
            "outputs": self.outputs.to_dict(),
            "target_name": self.target_name,
            "example_shape": None if self.example_shape is None else list(self.example_shape),
            "dtype": self.dtype,
            "codes": [code.to_dict() for code in self.codes],
        }

    @staticmethod
    def from_dict(data: dict[str, Any]) -> Encoder:
        """Inverse of ``to_dict``."""
        return Encoder(
            number_names=tuple(data["number_names"]),
            numbers=Numbers.from_dict(data["numbers"]),
            levels=tuple(Levels.from_dict(level) for level in data["levels"]),
            ignored=tuple(data["ignored"]),
            outputs=Targets.from_dict(data["outputs"], data["target_name"]),
            target_name=data["target_name"],
            example_shape=None if data["example_shape"] is None else tuple(data["example_shape"]),
            dtype=data["dtype"],
            codes=tuple(Codes.from_dict(code) for code in data.get("codes", [])),
        )

    @property
    def _levels(self) -> tuple[Levels | Codes, ...]:
        return (*self.levels, *self.codes)

    def _aligned(self, table: Table) -> tuple[Array, pl.DataFrame | None]:
        """The numbers of a table in the order of training, and the data frame that holds the levels."""
        columns = table.feature_names
        needed = self.input_names
        absent = [name for name in needed if name not in set(columns)]
        if absent and self._positional(table):
            if table.is_frame:
                return _matrix(table.frame, columns, table.name), None
            return _numeric(table), None
        if absent:
            free = [name for name in columns if name not in needed]
            hint = nearest(absent[0], free) or f"It has {_some(columns)}."
            more = "" if table.is_frame else " Give one example a row; a single example is x[None]."
            raise DataError(
                f"{table.name}: expected the {len(needed)} columns of training, {len(absent)} are missing: "
                f"{_some(absent)}. {hint}{more}"
            )
        extra = [name for name in columns if name not in {*needed, *self.ignored, *self.target_names, self.target_name}]
        if extra:
            warnings.warn(
                f"{table.name}: columns that training did not have are ignored: {_some(extra)}.",
                DataWarning,
                stacklevel=3,
            )
        if table.is_frame:
            return _matrix(table.frame, self.number_names, table.name), table.frame
        matrix = _numeric(table)
        if columns != self.number_names:
            place = {name: i for i, name in enumerate(columns)}
            matrix = matrix[:, [place[name] for name in self.number_names]]
        if text := [column.name for column in self._levels]:
            raise DataError(
                f"{table.name}: expected a table with the text columns {_some(text)}, "
                "got an array of numbers. Give a data frame."
            )
        return matrix, None

    def _positional(self, table: Table) -> bool:
        """Whether columns fit by their order: an array on either side, no names of its own, the same number."""
        arrays = self.dtype != "frame" or not table.is_frame
        nameless = _nameless(self.input_names) or _nameless(table.feature_names)
        return arrays and nameless and not self._levels and table.width == len(self.input_names)

    def _warn_of_scale(self, matrix: Array, source: str) -> None:
        if self.dtype == "uint8" and matrix.dtype.kind == "f" and matrix.size and np.nanmax(matrix) <= 1:
            warnings.warn(
                f"{source}: numbers from 0 to 1, but the model was trained on bytes from 0 to 255. Multiply by 255.",
                DataWarning,
                stacklevel=3,
            )

    def _warn_of_gaps(self, matrix: Array, source: str) -> None:
        if matrix.dtype.kind != "f":
            return
        gaps = np.isnan(matrix).sum(axis=0)
        new = {self.number_names[i]: int(gaps[i]) for i in np.flatnonzero(gaps) if i not in self.numbers.missing}
        if new:
            warnings.warn(
                f"{source}: {sum(new.values())} numbers are missing in columns where training missed none: "
                f"{_some(list(new))}; the mean of training stands in.",
                DataWarning,
                stacklevel=3,
            )


def _warn_of_levels(name: str, count: int, source: str) -> None:
    warnings.warn(
        f"{source}: column {name!r} has {count} levels: the {MOST_LEVELS} most frequent get a column each, the others "
        "share one.",
        DataWarning,
        stacklevel=3,
    )


def _matrix(frame: pl.DataFrame, names: Sequence[str], source: str) -> Array:
    """Columns as a float64 matrix (N, d), NaN where missing."""
    import polars as pl

    numbers = [as_numbers(frame[name], source) for name in names]
    if not numbers:
        return np.zeros((len(frame), 0))
    matrix: Array = pl.DataFrame(numbers).to_numpy()
    return matrix


def _numeric(table: Table) -> Array:
    x = table.array
    if x.dtype.kind not in "biuf":
        raise ArgumentError(
            "data",
            f"an array of numbers in {table.name}",
            f"an array of {x.dtype}",
            "Give text columns as a data frame.",
        )
    return x.astype(np.int8) if x.dtype.kind == "b" else x


def _nameless(names: Sequence[str]) -> bool:
    """Whether columns are only numbered, as those of an array are."""
    return all(re.fullmatch(r"(x|pixel|column_)\d+", name) for name in names)


def _some(names: Sequence[str]) -> str:
    """A few names for a message."""
    shown = ", ".join(map(repr, names[:5]))
    return f"{shown} and {len(names) - 5} more" if len(names) > 5 else shown
