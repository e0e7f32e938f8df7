"""Data larger than memory: when it streams from disk, and the tables of a run that does."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from thalweg import __version__
from thalweg.core.errors import ArgumentError
from thalweg.core.memory import available_memory
from thalweg.data.bundled import DATASETS
from thalweg.data.encode import Encoder
from thalweg.data.read import check_exists, read
from thalweg.data.streaming.pieces import Source, needed_memory, open_source
from thalweg.data.streaming.sampling import Split
from thalweg.data.streaming.stream import Progress, Say, Streamed, stream_table
from thalweg.data.table import Table
from thalweg.optimizers import OPTIMIZERS
from thalweg.recipes.config import RunConfig

SHARE = 0.5
"""Of the free memory: data that would take more streams from disk."""


def stream_source(data: str, stream: str) -> Source | None:
    """Return the files to stream from, or None when the data is read into memory.

    Args:
        data: as in the settings.
        stream: ``"auto"``, ``"on"`` or ``"off"``.

    Raises:
        ArgumentError: streaming is asked for, of data that cannot be read in pieces.
        StorageError: or of a file that there is not.
    """
    if stream == "off":
        return None
    bundled = data in DATASETS and not Path(data).exists()
    source = None if bundled else open_source(data)
    if source is None and stream == "on":
        if not bundled:
            check_exists(Path(data).expanduser())
        raise ArgumentError(
            "stream",
            "CSV or Parquet files beside it",
            f"{data!r}",
            "A .npy file streams by itself; anything else is read into memory.",
        )
    if source is None or stream == "on":
        return source
    return source if needed_memory(source) > SHARE * available_memory() else None


def stream_tables(
    config: RunConfig,
    source: Source,
    fit: Callable[[Table], Encoder],
    ways: dict[str, Any],
    say: Say,
    progress: Progress,
) -> tuple[Streamed, Table | None, str]:
    """Return the parts of a streamed table, its test rows, and how the test set was made.

    Args:
        config: the settings.
        source: the files.
        fit: fits an encoder.
        ways: the settings that decide what it fits.
        say: is told what happens.
        progress: is told how far it is.

    Raises:
        ArgumentError: settings that need all rows at once.
        ThalwegError: see `stream_table`.
    """
    check_streamed(config)
    from thalweg.recipes.tables import fraction

    share = None if config.test == "auto" else 0.0 if config.test == "none" else fraction(config.test)
    other = None if share is not None or config.test == "auto" else config.test
    if share is not None and not 0 <= share < 1:
        raise ArgumentError("test", "a fraction between 0 and 1, or a file", f"{share:g}")
    split = Split(0.0 if other else share, config.validation, config.seed)
    settings: dict[str, Any] = {"root": config.cache, "say": say, "progress": progress}
    key = ways | {"version": __version__}
    try:
        found = stream_table(source, config.target, split, fit, key=key, told=tuple(config.columns), **settings)
        if other is None:
            origin = "none" if found.test is None else "its own test rows" if found.official else "0.2 of the rows"
            return found, found.test, f"{config.test} of the rows" if share else origin
        test_source = stream_source(other, config.stream if open_source(other) else "off")
        if test_source is None:
            return found, read(other, target=config.target or found.train.target_name), other
        whole = found.train.whole
        assert whole is not None, "streamed tables have one"
        text = json.dumps(whole.encoder.to_dict(), sort_keys=True)
        key = {"encoder": hashlib.sha256(text.encode()).hexdigest(), "version": __version__}
        target = found.train.target_name
        test = stream_table(test_source, target, Split(0.0), lambda _: whole.encoder, key=key, **settings)
    except KeyboardInterrupt:
        say("what is in the cache is kept, and the same command goes on from there")
        raise
    return found, test.train, other


def check_streamed(config: RunConfig) -> None:
    """Refuse settings that need all rows at once.

    Raises:
        ArgumentError: names the setting.
    """
    if config.full_batch or OPTIMIZERS[config.optimizer].full_batch:
        name = "full_batch" if config.full_batch else "optimizer"
        raise ArgumentError(name, "minibatches for data that streams from disk", "steps on all rows at once")
    if config.cv:
        raise ArgumentError(
            "cv", "0 for data that streams from disk", config.cv, "So many rows need no folds: use --validation 0.1."
        )
