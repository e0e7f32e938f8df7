"""CSV and TSV files, plain or gzipped, by polars; what a spreadsheet does to them is told apart or refused."""

from __future__ import annotations

import csv
import gzip
import io
import warnings
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from thalweg.core.errors import DataError, DataWarning
from thalweg.data.readers.frames import from_frame, numbered
from thalweg.data.schema import is_number
from thalweg.data.table import Table

if TYPE_CHECKING:
    import polars as pl

SEPARATORS = ",;\t|"
MISSING = ["NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "?"]  # beside the empty cell
TAIL_BYTES = 2**16
DATE_CELLS = 100  # of a column of text tell whether it holds dates


@dataclass(frozen=True)
class Dialect:
    """How a file of text spells a table.

    Args:
        separator: between the cells of a line.
        header: names of the columns.
        named: whether the first line gives them.
        decimal_comma: whether numbers are written as ``3,14``.
    """

    separator: str
    header: tuple[str, ...]
    named: bool
    decimal_comma: bool = False

    @staticmethod
    def of(path: Path, first: str) -> Dialect:
        """The dialect of a file, by its name and its first line: the separator is the one that line has most of.

        Raises:
            DataError: the line is empty, or two columns have the same name.
        """
        if not first.strip():
            raise DataError(f"{path}: the file is empty. Give a table with a header line and rows.")
        tab = ".tsv" in path.suffixes or ".tab" in path.suffixes
        separator = "\t" if tab else max(SEPARATORS, key=first.count)
        header = [name.strip() for name in next(csv.reader([first], delimiter=separator))]
        named = not all(is_number(name) for name in header)
        twice = sorted({name for name in header if header.count(name) > 1})
        if named and twice:
            raise DataError(
                f"{path}: several columns are called {', '.join(map(repr, twice))}. Give each its own name."
            )
        return Dialect(separator, tuple(header) if named else numbered(len(header)), named)

    def check_last(self, path: Path, last: str) -> None:
        """Raise when the last line of a file has too few cells.

        Raises:
            DataError: the file looks truncated.
        """
        fields = len(next(csv.reader([last], delimiter=self.separator), []))
        if last.strip() and fields < len(self.header):
            raise DataError(
                f"{path}: the last line has {fields} of {len(self.header)} cells, the file looks truncated. "
                "Write or fetch it again, or remove that line."
            )

    def warn_if_nameless(self, path: Path) -> None:
        """Tell what the columns are called when the file does not say."""
        if not self.named:
            warnings.warn(
                f"{path}: no header line: the columns are called x0 to x{len(self.header) - 1}.",
                DataWarning,
                stacklevel=3,
            )


def read_text(path: Path, target: str | None, need_target: bool) -> Table:
    """Read a table of text: one row a line, separated by comma, semicolon, tab or bar.

    Without a header line (all its cells are numbers) columns are called x0, x1, …. Empty cells, NA, NaN, null and
    ``?`` are missing values.

    Raises:
        DataError: the file is empty, truncated, or no such table.
    """
    source: Any = path
    if is_gzip(path):
        with gzip_errors(path):
            source = gzip.decompress(path.read_bytes())
    dialect = Dialect.of(path, _first_line(source))
    dialect.check_last(path, last_line(source))
    frame = parse(source, path, dialect)
    if dialect.separator == ";" and has_decimal_commas(frame):
        frame = parse(source, path, replace(dialect, decimal_comma=True))
    dialect.warn_if_nameless(path)
    frame.columns = list(dialect.header)
    return from_frame(_typed(stripped(frame)), str(path), target, need_target)


def is_gzip(path: Path) -> bool:
    """Whether a file starts as gzip files do."""
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


@contextmanager
def gzip_errors(path: Path) -> Iterator[None]:
    """Turn what goes wrong in a gzip file into one error.

    Raises:
        DataError: the file is truncated or damaged.
    """
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path}: the gzip file is truncated or damaged ({error}). Fetch it again.") from None


def parse(source: Any, path: Path, dialect: Dialect, schema: Mapping[str, Any] | None = None) -> pl.DataFrame:
    """Parse a file or bytes; types come from all rows unless ``schema`` gives them.

    Raises:
        DataError: no such table.
        PolarsError: with a schema, a cell that is not of its column's type.
    """
    import polars as pl

    def read(**settings: Any) -> pl.DataFrame:
        return pl.read_csv(
            source,
            separator=dialect.separator,
            has_header=dialect.named,
            null_values=MISSING,
            infer_schema_length=None,  # a slip of text in row 5000 must not stop the reading
            decimal_comma=dialect.decimal_comma,
            **settings,
        )

    if schema is not None:
        return read(schema=schema, try_parse_dates=True)
    try:
        frame = read()
    except pl.exceptions.PolarsError as error:
        why = str(error).strip().splitlines()[0]
        mend = "Save it in UTF-8." if "utf-8" in why.lower() else "Mend or re-write it."
        raise DataError(f"{path}: not a table of text separated by {dialect.separator!r} ({why}). {mend}") from None
    # Trying every cell for a date while the types are found takes fifteen times as long.
    dates = {series.name: kind for series in frame.get_columns() if (kind := _date_type(series)) is not None}
    for name, kind in dates.items():
        with suppress(pl.exceptions.PolarsError):  # a cell further down is no date
            types = {**frame.schema, name: kind}
            frame = frame.with_columns(read(columns=[name], schema=types, try_parse_dates=True))
    return frame


def _date_type(series: pl.Series) -> Any:
    """The type of dates that the first cells of a column of text spell, or None."""
    import polars as pl

    if series.dtype != pl.String or series.null_count() == len(series):
        return None
    first = series.drop_nulls().head(DATE_CELLS)
    lines = pl.DataFrame({"cell": first}).write_csv(quote_style="always")
    kind = pl.read_csv(lines.encode(), try_parse_dates=True, infer_schema_length=None).dtypes[0]
    return kind if kind.is_temporal() else None


def _first_line(source: Any) -> str:
    """The first line that is not empty."""
    with _binary(source) as file:
        return decoded(next((line for line in file if line.strip()), b""))


def last_line(source: Any) -> str:
    """The last line that is not empty, of a file or bytes; none where quotes make it unsure what a line is."""
    with _binary(source) as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(max(0, size - TAIL_BYTES))
        lines = [line for line in file.read().split(b"\n") if line.strip()]
    # In a quoted cell with line breaks, or a very long line, the last line is no row of its own.
    return decoded(lines[-1]) if len(lines) > 1 and b'"' not in lines[-1] else ""


def _binary(source: Any) -> IO[bytes]:
    return io.BytesIO(source) if isinstance(source, bytes) else Path(source).open("rb")


def decoded(line: bytes) -> str:
    """A line of a file as text, without its end and the mark of its encoding."""
    return line.decode("utf-8-sig", errors="replace").rstrip("\r\n")


def stripped(frame: pl.DataFrame) -> pl.DataFrame:
    """Text without blanks around it, and what then spells a missing value as missing."""
    import polars as pl

    words: dict[str, None] = dict.fromkeys([*MISSING, ""])
    return frame.with_columns(pl.col(pl.String).str.strip_chars().replace(words))


def number_type(text: pl.Series) -> Any:
    """The type of numbers that all known cells of a column of text spell, or None.

    Example:
        >>> import polars as pl
        >>> number_type(pl.Series(["1", None])), number_type(pl.Series(["1", "2.5"])), number_type(pl.Series(["a"]))
        (Int64, Float64, None)
    """
    import polars as pl

    for kind in (pl.Int64, pl.Float64):
        if text.cast(kind, strict=False).null_count() == text.null_count() < len(text):
            return kind
    return None


def _typed(frame: pl.DataFrame) -> pl.DataFrame:
    """Text that holds numbers alone as numbers: ``1, 2, a`` holds two of them, with blanks around."""
    import polars as pl

    texts = [series for series in frame.get_columns() if series.dtype == pl.String]
    return frame.with_columns(series.cast(kind) for series in texts if (kind := number_type(series)) is not None)


def has_decimal_commas(frame: pl.DataFrame) -> bool:
    """Whether a column of text holds numbers like ``3,14``."""
    import polars as pl

    texts = frame.select(pl.col(pl.String).drop_nulls().str.contains(r"^\s*-?\d+,\d+\s*$").mean())
    return any(share is not None and share > 0.9 for share in texts.row(0)) if texts.width else False
