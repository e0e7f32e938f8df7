"""CSV and TSV files, plain or gzipped, in pieces of whole lines."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from thalweg.core.errors import DataError
from thalweg.data.readers.text import (
    Dialect,
    decoded,
    gzip_errors,
    has_decimal_commas,
    is_gzip,
    last_line,
    parse,
    stripped,
)
from thalweg.data.streaming.pieces import Piece, Place

if TYPE_CHECKING:
    import polars as pl

PIECE_BYTES = 16 * 2**20
"""Text of a piece: enough for the parser's threads, little beside the programs that train."""

PACKED = 5
"""How many times larger text usually is than its gzip file."""


class TypesChanged(Exception):  # noqa: N818  a signal between reader and survey, no error
    """A piece holds cells that are not of the type its columns had so far.

    Args:
        types: that hold for this piece and all before.
        lossy: whether former pieces have to be read again, because a column has become text.
    """

    def __init__(self, types: dict[str, Any], *, lossy: bool) -> None:
        super().__init__()
        self.types, self.lossy = types, lossy


@dataclass(frozen=True)
class TextFiles:
    """Files of text with the same columns, of which each may have a header line of its own.

    Args:
        name: as the user gave it.
        files: in the order of their rows.
        columns: names of the columns.
        dialect: how the files spell a table.
    """

    name: str
    files: tuple[Path, ...]
    columns: tuple[str, ...]
    dialect: Dialect

    @staticmethod
    def open(name: str, files: tuple[Path, ...]) -> TextFiles:
        """Look at the first lines of the files, and at the last ones.

        Raises:
            DataError: an empty or truncated file, or files with different columns.
        """
        dialects = [_dialect(file) for file in files]
        for file, dialect in zip(files, dialects, strict=True):
            if dialect != dialects[0]:
                raise DataError(
                    f"{file}: its columns are not those of {files[0]}: {', '.join(dialect.header[:12])}; expected "
                    f"{', '.join(dialects[0].header[:12])}, in this order."
                )
        dialect = dialects[0]
        dialect.warn_if_nameless(files[0])
        if dialect.separator == ";":
            with _opened(files[0]) as stream:
                block = _header(stream) + b"".join(stream.readlines(2**16))
            commas = has_decimal_commas(parse(block, files[0], dialect))
            dialect = replace(dialect, decimal_comma=commas)
        return TextFiles(name, files, dialect.header, dialect)

    @property
    def typed(self) -> bool:
        """Text does not."""
        return False

    @property
    def table_bytes(self) -> int:
        """As large as the text; unpacked, about five times the size of the gzip file."""
        return sum(file.stat().st_size * (PACKED if is_gzip(file) else 1) for file in self.files)

    def pieces(self, types: Mapping[str, Any] | None = None, start: Place | None = None) -> Iterator[Piece]:
        """Yield the rows in order, see `Source`.

        Raises:
            TypesChanged: a cell that is not of its column's type, where reading can go on with wider types.
        """
        place = start or Place()
        before = sum(file.stat().st_size for file in self.files[: place.file])
        for number in range(place.file, len(self.files)):
            file = self.files[number]
            with gzip_errors(file), _opened(file) as stream:
                raw = getattr(stream, "fileobj", stream)  # of a gzip file, the packed bytes
                header = _header(stream) if self.dialect.named else b""
                offset = place.offset or (stream.tell() if self.dialect.named else 0)
                stream.seek(offset)
                for block in _blocks(stream):
                    frame = self._parsed(header + block, file, types)
                    types = types or dict(frame.schema)
                    offset += len(block)
                    end = Place(number, offset, place.row + frame.height, place.rows + frame.height)
                    raw_bytes = raw.tell() if raw is not stream else offset
                    yield Piece(stripped(frame), str(file), place, end, before + raw_bytes)
                    place = end
            before += file.stat().st_size
            place = Place(number + 1, 0, 0, place.rows)

    def _parsed(self, text: bytes, file: Path, types: Mapping[str, Any] | None) -> pl.DataFrame:
        import polars as pl

        schema = None if types is None else {name: types[name] for name in self.columns}
        try:
            frame = parse(text, file, self.dialect, schema)
        except pl.exceptions.PolarsError as error:
            found = parse(text, file, self.dialect)
            found.columns = list(self.columns)
            wider = {name: _wider(kind, found[name]) for name, kind in (schema or {}).items()}
            if wider == schema:
                why = str(error).strip().splitlines()[0]
                raise DataError(
                    f"{file}: not a table of text separated by {self.dialect.separator!r} ({why})."
                ) from None
            lossy = any(wider[name] != kind and not kind.is_numeric() for name, kind in (schema or {}).items())
            lossy = lossy or pl.String in {wider[name] for name, kind in (schema or {}).items() if wider[name] != kind}
            raise TypesChanged(wider, lossy=lossy) from None
        frame.columns = list(self.columns)
        return frame


def _wider(kind: Any, found: pl.Series) -> Any:
    """The type that holds a column's former cells and those found in another piece."""
    import polars as pl

    if found.dtype == kind or found.null_count() == len(found):
        return kind
    if kind.is_numeric() and found.dtype.is_numeric():
        return pl.Float64
    return pl.String


def _dialect(file: Path) -> Dialect:
    with gzip_errors(file), _opened(file) as stream:
        dialect = Dialect.of(file, decoded(_header(stream)))
    if not is_gzip(file):
        dialect.check_last(file, last_line(file))
    return dialect


def _opened(file: Path) -> IO[bytes]:
    return gzip.open(file) if is_gzip(file) else file.open("rb")  # type: ignore[return-value]


def _header(stream: IO[bytes]) -> bytes:
    """The first line that is not empty."""
    for line in iter(stream.readline, b""):
        if line.strip():
            return line if line.endswith(b"\n") else line + b"\n"
    return b""


def _blocks(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield whole lines, about ``PIECE_BYTES`` at a time; a line break within quotes ends no line."""
    rest = b""
    while True:
        text = stream.read(PIECE_BYTES)
        block = rest + text
        if not text:
            if block.strip():
                yield block
            return
        end = _last_break(block)
        if end:
            yield block[:end]
        rest = block[end:]


def _last_break(block: bytes) -> int:
    """Length of the whole lines at the start of a block, which itself starts with a line."""
    end = block.rfind(b"\n") + 1
    quotes = block.count(b'"', 0, end)
    while end and quotes % 2:
        former = block.rfind(b"\n", 0, end - 1) + 1
        quotes -= block.count(b'"', former, end)
        end = former
    return end
