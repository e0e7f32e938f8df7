"""The fitted encoder: what turns tables into arrays, fitted on training rows and saved with the model.

Numbers are scaled, dates become elapsed days and cycles, text, categories and booleans with few levels become one-hot
columns, those with many a code each; class labels become indices, continuous targets are standardized. The encoded
columns are the numbers in the order of the table, the parts of dates, indicators of missing numbers, the one-hot
columns, and the codes.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from thalweg.core.errors import DataError, DataWarning
from thalweg.data.align import aligned, framed, numeric
from thalweg.data.chunks import check_numbers
from thalweg.data.codes import Codes
from thalweg.data.columns import FEW_LEVELS, Fitted, Wishes, fit_columns, number_matrix, some
from thalweg.data.dates import Dates
from thalweg.data.describe import describe
from thalweg.data.layout import Layout
from thalweg.data.levels import Levels
from thalweg.data.numbers import Numbers, are_pixels
from thalweg.data.schema import Column
from thalweg.data.suspects import warn_of_leaks, warn_of_lost_digits
from thalweg.data.table import Array, Table
from thalweg.data.target_values import as_numbers, target_called
from thalweg.data.targets import Label, Targets

SAMPLE_ROWS = 10_000  # so many rows tell whether numbers lose their digits
EXACT = 2**24  # up to here float32 tells all whole numbers apart


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
        dates: the fitted dates, whose parts follow the other numbers.
        columns: what each column of a data frame was taken for.

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
    dates: tuple[Dates, ...] = ()
    columns: tuple[Column, ...] = ()

    @staticmethod
    def fit(
        table: Table,
        *,
        kind: str = "auto",
        classes: Sequence[str] | None = None,
        standardize: bool = True,
        standardize_target: bool | None = None,
        scaling: str = "standard",
        columns: Mapping[str, str] | None = None,
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
            scaling: how numbers are scaled: ``"standard"`` (mean 0, deviation 1), ``"robust"`` (median 0, distance of
                the quartiles 1, smoothly clipped to ±3), ``"quantile"`` (normal scores), ``"adaptive"`` (normal
                scores for columns of heavy tails, else robust) or ``"none"``.
            columns: what columns are, where it is not what is inferred: name ↦ a key of ``KINDS``.
            embed: whether columns with more than ``onehot_levels`` levels get codes, of which the network learns
                vectors; without it they are one-hot coded too, up to 100 levels each.
            onehot_levels: see ``embed``.
            min_count: levels with fewer rows share one code or column; by default 2 for codes, 1 for one-hot columns.
            outputs: the map of targets where it is known; kind, classes and standardize_target are then not needed.

        Raises:
            ArgumentError: ``kind`` does not fit the target, or ``columns`` names none or no kind.
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
        if columns and not table.is_frame:
            table = framed(table)
        if table.is_frame:
            fitted = fit_columns(table, Wishes(columns or {}, embed, onehot_levels, min_count))
            matrix, dtype = number_matrix(table.frame, fitted.numbers, fitted.dates, table.name), "frame"
        else:
            fitted = Fitted((), table.feature_names, (), (), ())
            matrix, dtype = numeric(table), table.array.dtype.name
        shared = table.example_shape is not None or are_pixels(matrix)
        names = (*fitted.numbers, *(name for date in fitted.dates for name in date.feature_names))
        encoder = Encoder(
            number_names=fitted.numbers,
            numbers=Numbers.fit(
                matrix, scaling=scaling if standardize else "none", shared=shared, names=names, source=table.name
            ),
            levels=fitted.levels,
            ignored=fitted.ignored,
            outputs=outputs,
            target_name=table.target_name,
            example_shape=table.example_shape,
            dtype=dtype,
            codes=fitted.codes,
            dates=fitted.dates,
            columns=fitted.columns,
        )
        if not encoder.input_names:
            raise DataError(f"{table.name}: no feature column is left to learn from. Give columns beside the target.")
        if not shared and not table.is_mapped:
            encoder._warn_of_suspects(table, matrix)
        return encoder

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
        return (*self.number_names, *(column.name for column in (*self.dates, *self._levels)))

    @property
    def number_columns(self) -> tuple[str, ...]:
        """Names of the leading encoded columns: quantities, then the parts of dates."""
        return (*self.number_names, *(name for date in self.dates for name in date.feature_names))

    @cached_property
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
        names = self.number_columns
        gaps = (f"{names[i]} (missing)" for i in self.numbers.missing)
        return (*names, *gaps, *(name for column in self._levels for name in column.feature_names))

    def features(self, table: Table) -> Array:
        """Encode the features of a table as float32 (N, d).

        Columns may come in another order; columns that training did not have are ignored with a warning.

        Raises:
            DataError: a column is missing, or a cell is no number; names it.
        """
        known = (*self.ignored, *self.target_names, self.target_name or "")
        part = aligned(table, self.input_names, known, self.dtype, bool(self.dates or self._levels))
        frame = None if isinstance(part, np.ndarray) else part
        matrix: Any = part if frame is None else number_matrix(frame, self.number_names, self.dates, table.name)
        check_numbers(matrix, self.number_columns, table.name)
        self._warn_of_scale(matrix, table.name)
        self._warn_of_gaps(matrix, table.name)
        out = np.zeros((len(table), self.feature_width), np.float32)
        end = self.numbers.feature_width
        self.numbers.transform(matrix, out[:, :end])
        unseen: dict[str, int] = {}
        for column in self._levels:
            assert frame is not None, "levels are read from frames"
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
        text = bool(self.dates or self._levels)
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

    def describe(self) -> str:
        """A table of words with a line for each column: kind, encoding, missing values, levels.

        Example:
            >>> import polars as pl
            >>> from thalweg.data.read import read
            >>> frame = pl.DataFrame({"size": [1, None, 3, 4], "color": list("aabc"), "y": [0, 1, 1, 0]})
            >>> print(Encoder.fit(read(frame)).describe())
            column  kind    encoded as                                missing  levels
            size    number  standard scaling + indicator of missing        1
            color   levels  one-hot, 3 columns                                      3
            2 columns: 1 numbers (standard), 1 one-hot; 5 inputs
        """
        return describe(self)

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
            "dates": [date.to_dict() for date in self.dates],
            "columns": [column.to_dict() for column in self.columns],
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
            # Files up to schema 2 had neither codes nor dates: these were numbers.
            codes=tuple(Codes.from_dict(code) for code in data.get("codes", [])),
            dates=tuple(Dates.from_dict(date) for date in data.get("dates", [])),
            columns=tuple(Column(**column) for column in data.get("columns", [])),
        )

    @property
    def _levels(self) -> tuple[Levels | Codes, ...]:
        return (*self.levels, *self.codes)

    def _warn_of_suspects(self, table: Table, matrix: Array) -> None:
        """Warn of columns that hold no value, give the target away, or lose their digits."""
        gaps = () if table.is_frame else self.numbers.missing  # frames are told before, and leave them out
        if empty := [self.number_names[i] for i in gaps if np.isnan(matrix[:, i]).all()]:
            warnings.warn(
                f"{table.name}: columns that hold no value: {some(empty)}. They stay, as all columns of an array do, "
                "and say nothing.",
                DataWarning,
                stacklevel=3,
            )
        step = max(1, len(matrix) // SAMPLE_ROWS)
        sample = matrix[::step]
        encoded = self.numbers.transform(sample)
        with np.errstate(invalid="ignore"):
            large = np.flatnonzero((np.abs(sample) > EXACT).any(axis=0)).tolist()
        lost = {}
        for name, i in ((self.number_columns[i], i) for i in large):
            whole = table.is_frame and name in self.number_names  # what is large may differ beyond float64
            values = table.frame[name].gather_every(step).n_unique() if whole else len(np.unique(sample[:, i]))
            lost[name] = (values, encoded[:, i])
        warn_of_lost_digits(lost, table.name)
        columns = {name: matrix[:, i] for i, name in enumerate(self.number_names)}
        for level in self._levels:
            series = table.frame[level.name]
            codes = Codes(level.name, level.levels).transform(series)[0][:, 0]
            codes[series.is_null().to_numpy()] = np.nan
            columns[level.name] = codes
        if table.target is None:
            return
        if self.task == "regression":  # as they are: scaling rounds them
            y = as_numbers(table.target_array(), target_called(table))
        else:
            y = self.outputs.transform(table)
        warn_of_leaks(columns, y, table.name, self.target_names if self.task == "multilabel" else ())

    def _warn_of_scale(self, matrix: Array, source: str) -> None:
        pixels = self.dtype == "uint8" and len(self.numbers.center) < self.numbers.width
        if pixels and matrix.dtype.kind == "f" and matrix.size and np.nanmax(matrix) <= 1:
            warnings.warn(
                f"{source}: numbers from 0 to 1, but the model was trained on bytes from 0 to 255. Multiply by 255.",
                DataWarning,
                stacklevel=3,
            )

    def _warn_of_gaps(self, matrix: Array, source: str) -> None:
        if matrix.dtype.kind != "f" or not np.isnan(matrix.min(initial=np.inf)):  # a NaN anywhere makes this one
            return
        gaps, names = np.isnan(matrix).sum(axis=0), self.number_columns
        new = {names[i]: int(gaps[i]) for i in np.flatnonzero(gaps) if i not in self.numbers.missing}
        if new:
            warnings.warn(
                f"{source}: {sum(new.values())} numbers are missing in columns where training missed none: "
                f"{some(list(new))}; the middle of training stands in.",
                DataWarning,
                stacklevel=3,
            )
