"""From a table larger than memory to encoded rows on disk, in a cache that an interrupted process takes up again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from thalweg.core.errors import DataError
from thalweg.core.files import storage_errors, write_atomic
from thalweg.core.memory import size_text
from thalweg.data.encode import Encoder
from thalweg.data.readers.frames import from_frame
from thalweg.data.streaming.cache import Cache, content_hash, default_root, identities
from thalweg.data.streaming.packing import Packing
from thalweg.data.streaming.pieces import Place, Source, total_bytes
from thalweg.data.streaming.records import bucket_counts, mix_records, record_type, records_file, write_records
from thalweg.data.streaming.sampling import PARTS, Split
from thalweg.data.streaming.survey import survey
from thalweg.data.table import Array, Table

Say = Callable[[str], None]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class Whole:
    """All rows of a table larger than memory, encoded, in a file.

    Args:
        rows: N.
        x: packed features (N, bytes), memory-mapped.
        y: encoded targets (N, …), memory-mapped.
        packing: what unpacks the features.
        encoder: that the rows went through.
        hash: SHA-256 over the files they came from.
    """

    rows: int
    x: Array
    y: Array
    packing: Packing
    encoder: Encoder
    hash: str


@dataclass(frozen=True, eq=False)
class Streamed:
    """The parts of a streamed table: samples in memory, of which each knows its ``whole``."""

    train: Table
    validation: Table | None
    test: Table | None
    official: bool
    folder: Path


def stream_table(
    source: Source,
    target: str | None,
    split: Split,
    fit: Callable[[Table], Encoder],
    *,
    key: Mapping[str, Any],
    told: Collection[str] = (),
    root: Path | str | None = None,
    say: Say = lambda line: None,
    progress: Progress = lambda what, done, total: None,
) -> Streamed:
    """Encode a table that does not fit into memory, or take up or use again what was encoded before.

    Three passes: the files are hashed; surveyed, which fits the encoder; and encoded. All need memory for a few pieces
    and samples alone.

    Args:
        source: the files.
        target: name of the target column, or of several, comma-separated.
        split: which rows are for what.
        fit: fits an encoder to the sample of training rows.
        key: what else decides the encoding, as plain values: with other ones the cache is another.
        told: columns whose kind ``fit`` is told, in which text among numbers may be meant.
        root: folder for caches; by default one beside the files.
        say: is told in plain words what happens.
        progress: is told what is being done, and how many of how many units of it are.

    Raises:
        ArgumentError: no such target column.
        DataError: damaged files, or cells that cannot be read; names file, column and row.
        StorageError: no room on the disk, or no right to write there.
    """
    place = default_root(source.name) if root is None else Path(root)
    size = total_bytes(source.files)
    cache = Cache.open(place, dict(key) | {"target": target, "split": asdict(split), "names": source.columns}, say)
    try:
        known = cache.is_of(source.files, lambda done: progress("checking", done, size))
        if cache.manifest and not known:
            say(f"{source.name} has changed: its cache is written anew")
        if not known:
            cache.clear()
            _begin(cache, source, target, split, fit, told, lambda what, done: progress(what, done, size))
        encoder = Encoder.from_dict(cache.manifest["encoder"])
        kind = record_type(encoder)
        _tell(cache, source, kind, say)
        if cache.manifest["stage"] == "encode":
            types, kinds = _schema(cache, "types"), _schema(cache, "kinds")
            write_records(
                cache,
                source,
                encoder,
                split,
                types=types,
                kinds=kinds,
                target=cache.manifest["target"],
                progress=lambda done: progress("encoding", done, size),
            )
            cache.save(stage="mix")
        if cache.manifest["stage"] == "mix":
            rows = cache.manifest["parts"]["train"]["rows"]
            mix_records(cache, kind, split.seed, lambda done: progress("shuffling", done, rows))
            cache.save(stage="done")
        return _opened(cache, source, encoder)
    finally:
        cache.close()


def _begin(
    cache: Cache,
    source: Source,
    target: str | None,
    split: Split,
    fit: Callable[[Table], Encoder],
    told: Collection[str],
    progress: Callable[[str, int], None],
) -> None:
    """Survey the files, fit the encoder, and write both into a new cache."""
    import polars as pl

    known = identities(source.files)
    digest = content_hash(source.files, lambda done: progress("hashing", done))
    found = survey(source, target, split, lambda done: progress("surveying", done), told)
    target = ",".join(found.targets)
    samples = {part: frame for part in PARTS if (frame := found.sample(part)) is not None}
    encoder = fit(from_frame(samples["train"], source.name, target, need_target=True))
    row_bytes = record_type(encoder).itemsize
    cache.check_space(sum(found.part_rows) * row_bytes)
    frames = samples | {"types": pl.DataFrame(schema=found.types), "kinds": pl.DataFrame(schema=found.kinds)}
    for name, frame in frames.items():
        write_atomic(cache.folder / f"{name}.parquet", frame.write_parquet)
    buckets = bucket_counts(found.part_rows, row_bytes)
    parts = {
        part: {"rows": rows, "sizes": [0] * buckets[part], "mixed": 0}
        for part, rows in zip(PARTS, found.part_rows, strict=True)
    }
    cache.save(
        files=known,
        hash=digest,
        target=target,
        encoder=encoder.to_dict(),
        rows=found.rows,
        official="is_test" in samples["train"].columns and split.test is None,
        parts=parts,
        place=asdict(Place()),
        stage="encode",
    )


def _tell(cache: Cache, source: Source, kind: np.dtype[Any], say: Say) -> None:
    manifest = cache.manifest
    size = size_text(sum(part["rows"] for part in manifest["parts"].values()) * kind.itemsize)
    files = "" if len(source.files) == 1 else f" in {len(source.files)} files"
    about = f"{source.name}: {manifest['rows']} rows, {size_text(total_bytes(source.files))}{files}"
    if manifest["stage"] == "done":
        say(f"{about}; their cache ({size}) is used again: {cache.folder}")
        return
    began = manifest["place"]["rows"]
    taken_up = f"; taken up at row {began + 1}" if began else ""
    say(f"{about}, stream from disk by a cache of {size}: {cache.folder}{taken_up}")
    say("remove that folder when no run needs it any more")


def _schema(cache: Cache, name: str) -> dict[str, Any]:
    import polars as pl

    return dict(pl.read_parquet_schema(cache.folder / f"{name}.parquet"))


def _opened(cache: Cache, source: Source, encoder: Encoder) -> Streamed:
    import polars as pl

    manifest, kind = cache.manifest, record_type(encoder)
    found: dict[str, Table | None] = dict.fromkeys(PARTS)
    for part in PARTS:
        rows, sample = manifest["parts"][part]["rows"], cache.folder / f"{part}.parquet"
        if not rows:
            continue
        file = records_file(cache.folder, part)
        with storage_errors("read", file):
            if file.stat().st_size != rows * kind.itemsize:
                raise DataError(f"The cache {cache.folder} is damaged. Remove this folder.")
            records = np.memmap(file, kind, "r")
            frame = pl.read_parquet(sample)
        if "is_test" in frame.columns and frame["is_test"].dtype == pl.Boolean:
            frame = frame.drop("is_test")
        whole = Whole(rows, records["x"], records["y"], Packing(encoder.layout), encoder, manifest["hash"])
        found[part] = replace(from_frame(frame, source.name, manifest["target"], need_target=True), whole=whole)
    train = found["train"]
    assert train is not None, "checked by the survey"
    return Streamed(train, found["validation"], found["test"], bool(manifest["official"]), cache.folder)
