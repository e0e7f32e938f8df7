"""Which files a path, a folder or a pattern of names stands for, when it stands for a table."""

from __future__ import annotations

from pathlib import Path

from thalweg.core.errors import DataError, StorageError

ENDINGS = {
    "parquet": (".parquet", ".pq"),
    "csv": (".csv", ".tsv", ".tab", ".csv.gz", ".tsv.gz", ".txt.gz", ".txt", ".data"),
}
"""Formats that can be read in pieces, and the names of their files."""

PATTERN = "*?["
"""What makes a name a pattern of names."""


def table_files(text: str | Path) -> tuple[Path, ...]:
    """The files of tables that a path, a folder or a pattern stands for; none when it is something else.

    Raises:
        StorageError: a pattern that no file fits.
        DataError: a folder with tables of different formats.

    Example:
        >>> table_files("data/photos")
        ()
    """
    path = Path(text).expanduser()
    if path.is_file():
        found = [path]
    elif path.is_dir():
        # Partitioned data sets nest their folders: year=2024/month=1/part-0.parquet.
        found = sorted(entry for entry in path.rglob("*") if entry.is_file() and _counts(entry.relative_to(path)))
        nested = any(entry.parent != path for entry in found)
        if nested and {format_of(entry) for entry in found} != {"parquet"}:
            return ()
    elif any(mark in path.name for mark in PATTERN):
        found = sorted(entry for entry in path.parent.glob(path.name) if entry.is_file())
        if not found:
            raise StorageError(f"{text}: no file fits this pattern.")
    else:
        return ()
    formats = {format_of(entry) for entry in found}
    if formats == {"csv", "parquet"}:
        raise DataError(f"{text}: expected files of one format, got CSV and Parquet files.")
    return tuple(found) if len(formats) == 1 and None not in formats else ()


def format_of(path: Path) -> str | None:
    """``"csv"`` or ``"parquet"``, by the ending of the name, or None."""
    name = path.name.lower()
    return next((key for key, endings in ENDINGS.items() if name.endswith(endings)), None)


def _counts(name: Path) -> bool:
    """Whether a file of a folder is one of its tables: no hidden one, no mark of a writer, nothing of our own cache."""
    return name.name[0] not in "._" and not any(part.endswith(".thalweg") for part in name.parts)
