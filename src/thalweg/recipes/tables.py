"""The rows of a run: read, split into training, validation and test, and the encoder fitted on those to train on."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from thalweg.core.errors import ArgumentError, DataError
from thalweg.data.bundled import DATASETS, load_dataset
from thalweg.data.encode import Encoder
from thalweg.data.kinds import TASKS
from thalweg.data.read import read
from thalweg.data.split import shared_rows, split, without_official
from thalweg.data.streaming.stream import Progress, Say
from thalweg.data.table import Table
from thalweg.data.targets import Targets
from thalweg.likelihoods import LIKELIHOODS
from thalweg.recipes.config import RunConfig
from thalweg.recipes.presets import before_training, holds_out
from thalweg.recipes.streams import stream_source, stream_tables

Part = TypeVar("Part")


@dataclass(frozen=True, eq=False)
class Tables(Generic[Part]):
    """The rows of a run: training, held out for early stopping, and test; and how the test set was made.

    ``config`` are the settings by which they were split, with what a preset filled in.
    """

    train: Part
    validation: Part | None
    test: Part | None
    test_origin: str
    shared: int
    config: RunConfig | None = None


def make_tables(config: RunConfig, say: Say = lambda line: None, progress: Progress = lambda *_: None) -> Tables[Table]:
    """Read the data and split it; counts the test rows that occur in the training set.

    Of data that streams from disk the tables are samples, of which each knows its ``whole``; shared rows are not
    counted.

    Args:
        config: the settings.
        say: is told in plain words what happens to data that streams.
        progress: is told how far that is: what is done, how many units of how many.
    """
    source = stream_source(config.data, config.stream)
    if source is not None:
        config = before_training(config, None, held_out=True)
        streamed, held_out, how = stream_tables(
            config, source, lambda table: fit_encoder(table, config), encoder_settings(config), say, progress
        )
        return Tables(streamed.train, streamed.validation, held_out, how, 0, config)
    train, own_test = read_data(config.data, config.target)
    config = before_training(config, train, held_out=holds_out(train))
    if own_test is None:
        check_rows(train, config)
    origin = "none"
    test: Table | None = None
    if config.test == "auto":
        if own_test is not None:
            test, origin = own_test, "its own test set"
        else:
            train, test = split(train, None, seed=config.seed)
            origin = "its own test rows" if train.is_test is not None else "0.2 of the rows"
    elif config.test == "none":
        train = without_official(train)
    else:
        share = fraction(config.test)
        if share is not None:
            train, test = split(train, share, seed=config.seed)
            origin = f"{config.test} of the rows"
        else:
            train = without_official(train)
            test, _ = read_data(config.test, config.target or train.target_name)
            origin = config.test
    validation: Table | None = None
    if config.validation:
        # Another seed than the test split's: the same one would draw the same places.
        train, validation = split(train, config.validation, seed=config.seed + 1)
    shared = 0 if test is None else shared_rows(train, test)
    return Tables(train, validation, test, origin, shared, config)


def check_rows(table: Table, config: RunConfig) -> None:
    """Find bad cells while rows still have their numbers in the file, which splitting takes away.

    A mapped array is left out: reading it once more takes too long, and its rows keep their order.

    Raises:
        DataError: names column, row and cell.
    """
    if not table.is_mapped:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the encoder that is kept tells them
            fit_encoder(table, config)


def read_data(data: str, target: str | None) -> tuple[Table, Table | None]:
    """Return the rows of a file, a folder of images or a bundled set, and the set's own test rows.

    Raises:
        StorageError: there is no such file.
        ArgumentError: unknown format or column.
        DataError: a file that cannot be read.
    """
    if data in DATASETS and not Path(data).exists():
        train, test = load_dataset(data)
        return read(train, target=target), test
    return read(data, target=target), None


def encoder_settings(config: RunConfig) -> dict[str, Any]:
    """The settings that decide what an encoder fits."""
    names = ("likelihood", "classes", "standardize", "scaling", "columns", "min_count", "embed_levels")
    return {name: getattr(config, name) for name in names}


def fit_encoder(table: Table, config: RunConfig, outputs: Targets | None = None) -> Encoder:
    """Fit the encoder for the task that the likelihood asks for; of a streamed table, return the one it went through.

    Args:
        table: training rows.
        config: the settings.
        outputs: the map of targets where it is known already.

    Raises:
        ArgumentError: the likelihood cannot produce these targets.
    """
    if table.whole is not None:
        return table.whole.encoder
    wanted = "auto" if config.likelihood == "auto" else LIKELIHOODS[config.likelihood].targets
    ways = encoder_settings(config)
    del ways["likelihood"]
    ways["embed"] = ways.pop("embed_levels")
    if outputs is not None:
        return Encoder.fit(table, outputs=outputs, **ways)
    try:
        encoder = Encoder.fit(table, kind=wanted, **ways)
    except (ArgumentError, DataError) as error:
        if wanted == "auto":
            raise
        # Fitting without a wish tells whether the target or the likelihood is at fault.
        looks = Encoder.fit(table, **ways).outputs.kind
        if TASKS[looks] == TASKS[wanted] or (wanted == "labels" and "," in (table.target_name or "")):
            raise
        raise unfit(config.likelihood, looks) from error
    # Whole numbers of which most occur once are no classes.
    found = encoder.classes if wanted != "auto" and config.classes is None else None
    if found is not None and 2 * len(found) > len(table) > 20:
        raise unfit(config.likelihood, "numbers")
    return encoder


def unfit(likelihood: str, kind: str) -> ArgumentError:
    """Return the error for a likelihood that cannot produce targets of a kind; names some that can."""
    fitting = [name for name, f in LIKELIHOODS.items() if TASKS[f.targets] == TASKS[kind] and f.proper]
    words = {"classification": "classes", "multilabel": "several labels", "regression": "continuous targets"}
    return ArgumentError(
        "likelihood", f"one that produces {words[TASKS[kind]]}, such as {' or '.join(fitting[:4])}", repr(likelihood)
    )


def fraction(text: str) -> float | None:
    """Return the number a text stands for, unless a file has that name."""
    try:
        value = float(text)
    except ValueError:
        return None
    return None if Path(text).exists() else value
