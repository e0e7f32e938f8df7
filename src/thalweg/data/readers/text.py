"""CSV and TSV files, plain or gzipped, by polars; what a spreadsheet does to them is told apart or refused."""

from __future__ import annotations

import csv
import gzip
import io
import warnings
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thalweg.core.errors import DataError, DataWarning
from thalweg.data.readers.frames import from_frame
from thalweg.data.schema import is_number
from thalweg.data.table import Table

if TYPE_CHECKING:
    import polars as pl

SEPARATORS = ",;\t|"
MISSING = ["NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "?"]  # beside the empty cell
TAIL_BYTES = 2**16


def read_text(path: Path, target: str | None, need_target: bool) -> Table:
    """Read a table of text: one row a line, separated by comma, semicolon, tab or bar.

    The separator is the one the first line has most of. Without a header line (all its cells are numbers) columns
    are called x0, x1, …. Empty cells, NA, NaN, null and ``?`` are missing values.

    Raises:
        DataError: the file is empty, truncated, or no such table.
    """
    source: Any = path
    with path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    if zipped:
        try:
            source = gzip.decompress(path.read_bytes())
        except (EOFError, OSError, zlib.error) as error:
            raise DataError(f"{path}: the gzip file is truncated or damaged ({error}). Fetch it again.") from None
    first, last = _ends(source)
    if not first.strip():
        raise DataError(f"{path}: the file is empty. Give a table with a header line and rows.")
    tab = ".tsv" in path.suffixes or ".tab" in path.suffixes
    separator = "\t" if tab else max(SEPARATORS, key=first.count)
    header = [name.strip() for name in next(csv.reader([first], delimiter=separator))]
    twice = sorted({name for name in header if header.count(name) > 1})
    named = not all(is_number(name) for name in header)
    if named and twice:
        raise DataError(f"{path}: several columns are called {', '.join(map(repr, twice))}. Give each its own name.")
    fields = len(next(csv.reader([last], delimiter=separator), []))
    if last.strip() and fields < len(header):
        raise DataError(
            f"{path}: the last line has {fields} of {len(header)} cells, the file looks truncated. "
            "Write or fetch it again, or remove that line."
        )
    frame = _parse(source, path, separator, named)
    if separator == ";" and _has_decimal_commas(frame):
        frame = _parse(source, path, separator, named, decimal_comma=True)
    if not named:
        header = [f"x{i}" for i in range(len(header))]
        warnings.warn(
            f"{path}: no header line: the columns are called x0 to x{len(header) - 1}.", DataWarning, stacklevel=2
        )
    frame.columns = header
    frame = _stripped(frame)
    return from_frame(frame, str(path), target, need_target)


def _parse(source: Any, path: Path, separator: str, named: bool, decimal_comma: bool = False) -> pl.DataFrame:
    import polars as pl

    try:
        return pl.read_csv(
            source,
            separator=separator,
            has_header=named,
            null_values=MISSING,
            infer_schema_length=None,  # a slip of text in row 5000 must not stop the reading
            try_parse_dates=True,
            decimal_comma=decimal_comma,
        )
    except pl.exceptions.PolarsError as error:
        why = str(error).strip().splitlines()[0]
        raise DataError(
            f"{path}: not a table of text separated by {separator!r} ({why}). Mend or re-write it."
        ) from None


def _ends(source: Any) -> tuple[str, str]:
    """The first line, and the last one that is not empty."""
    with io.BytesIO(source) if isinstance(source, bytes) else Path(source).open("rb") as file:
        first = b""
        for line in file:
            first = line
            if line.strip():
                break
        size = file.seek(0, io.SEEK_END)
        file.seek(max(0, size - TAIL_BYTES))
        lines = [line for line in file.read().split(b"\n") if line.strip()]
    # In a quoted cell with line breaks, or a very long line, the last line is no row of its own.
    whole = lines and len(lines) > 1 and lines[-1].count(b'"') % 2 == 0 and b'"' not in lines[-1]
    last = lines[-1] if whole else b""
    return _decoded(first), _decoded(last)


def _decoded(line: bytes) -> str:
    return line.decode("utf-8-sig", errors="replace").rstrip("\r\n")


def _stripped(frame: pl.DataFrame) -> pl.DataFrame:
    """Cells without blanks around them: ``1, 2, a`` holds two numbers."""
    import polars as pl

    texts = [series.str.strip_chars() for series in frame.get_columns() if series.dtype == pl.String]
    casts = []
    for text in texts:
        known = text.replace(dict.fromkeys([*MISSING, ""]))
        for kind in (pl.Int64, pl.Float64):
            numbers = known.cast(kind, strict=False)
            if numbers.null_count() == known.null_count() < len(known):
                known = numbers
                break
        casts.append(known)
    return frame.with_columns(casts)


def _has_decimal_commas(frame: pl.DataFrame) -> bool:
    import polars as pl

    texts = frame.select(pl.col(pl.String).drop_nulls().str.contains(r"^\s*-?\d+,\d+\s*$").mean())
    return any(share is not None and share > 0.9 for share in texts.row(0)) if texts.width else False
