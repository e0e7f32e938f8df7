"""From settings to everything training needs: tables, encoder, network, likelihood, optimizer, minibatches."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from thalweg.core.errors import ArgumentError, DataError
from thalweg.core.registry import lookup
from thalweg.data.batches import ArrayBatches, Batches
from thalweg.data.bundled import DATASETS, load_dataset
from thalweg.data.disk_batches import DiskBatches
from thalweg.data.encode import Encoder
from thalweg.data.kinds import TASKS
from thalweg.data.read import read
from thalweg.data.split import shared_rows, split, without_official
from thalweg.data.table import Table
from thalweg.data.windows import WindowEncoder
from thalweg.decisions.calibration.methods import METHODS, check_held_out, check_method
from thalweg.likelihoods import LIKELIHOODS, Likelihood, auto_likelihood, make_likelihood
from thalweg.network import Network, dense_network
from thalweg.optimizers import OPTIMIZERS, Optimizer, make_optimizer
from thalweg.runs.config import RunConfig
from thalweg.runs.plan import Plan, Tables
from thalweg.training import EarlyStopping

BATCH_SIZE = 128
EVALUATION_ROWS = 2000
"""Rows of a minibatch in evaluation, where size only matters for speed."""

SEGMENTATION = {"task", "window", "padding", "stride", "sampling"}
"""Settings that are for images with masks alone."""

PRETENDED_STEPS = 1000
"""Steps an epoch while the data is not read yet: enough that no warm-up below the length of the run fails."""


AnyPlan = TypeVar("AnyPlan", bound=Plan)


def prepare(config: RunConfig) -> Plan:
    """Read, split, encode, and build what the settings ask for.

    Raises:
        ThalwegError: settings or data that cannot be used, in one line.
    """
    if config.task == "segment":
        from thalweg.runs.segmentation import prepare_segmentation

        return prepare_segmentation(config)
    check_names(config)
    tables = make_tables(config)
    encoder = fit_encoder(tables.train, config)
    y = encoder.targets(tables.train)
    likelihood = choose_likelihood(config, encoder, y)
    if config.calibrate != "none":
        check_method(config.calibrate, likelihood.targets, "calibrate")
        if tables.validation is not None:
            check_held_out(config.calibrate, encoder.targets(tables.validation), "validation")
    outputs = likelihood.output_width(y, None if encoder.classes is None else len(encoder.classes))
    network = build_network(config, encoder.feature_width, outputs)
    likelihood.check(network.outputs, y)
    return make_plan(
        Plan,
        config,
        tables,
        encoder,
        network,
        likelihood,
        lambda size: make_batches(tables.train, encoder, y, size, config.seed),
        len(tables.train),
        validation=_evaluated(tables.validation, encoder),
        test=_evaluated(tables.test, encoder),
    )


def build_network(config: RunConfig, inputs: int, outputs: int) -> Network:
    """Return the network that the settings ask for."""
    return dense_network(
        inputs,
        config.hidden,
        outputs,
        config.activation,
        dropout=config.dropout,
        normalization=config.normalization,
        initializer=config.initializer,
        residual=config.residual,
        input_noise=config.input_noise,
    )


def make_plan(
    kind: type[AnyPlan],
    config: RunConfig,
    tables: Tables[Any],
    encoder: Any,
    network: Network,
    likelihood: Likelihood,
    batches: Callable[[int], Batches],
    rows: int,
    *,
    largest_batch: int = BATCH_SIZE,
    **rest: Any,
) -> AnyPlan:
    """Return the plan, with minibatches, optimizer and stopping as the settings ask.

    Args:
        kind: of plan.
        config: the settings.
        tables: the rows.
        encoder: fitted on the training rows.
        network: the network.
        likelihood: its likelihood.
        batches: batch size ↦ minibatches of the training rows.
        rows: how many training rows there are.
        largest_batch: largest minibatch when the settings leave it open.
        rest: what else the plan holds.
    """
    batch_size = choose_batch_size(config, rows, largest_batch)
    train = batches(batch_size)
    optimizer = choose_optimizer(config, train.steps)
    weight_decay = OPTIMIZERS[config.optimizer].weight_decay if config.weight_decay is None else config.weight_decay
    resolved = config.model_dump(exclude={"out", "data"} | (set() if config.task == "segment" else SEGMENTATION)) | {
        "likelihood": likelihood.name,
        "batch_size": batch_size,
        "learning_rate": config.learning_rate or OPTIMIZERS[config.optimizer].learning_rate,
        "schedule": choose_schedule(config),
        "weight_decay": weight_decay,
        "test": tables.test_origin,
    }
    return kind(
        tables=tables,
        encoder=encoder,
        network=network,
        likelihood=likelihood,
        optimizer=optimizer,
        train=train,
        stopping=EarlyStopping(config.patience, "validation_loss") if config.patience else None,
        calibrate=config.calibrate,
        settings={name: value for name, value in resolved.items() if value not in (None, {}, "")},
        **rest,
    )


def check_names(config: RunConfig) -> None:
    """Check the names of choices and settings that need each other, before any data is read.

    Raises:
        ArgumentError: an unknown name (with the nearest one), or settings that do not go together.
    """
    for name in sorted(SEGMENTATION - {"task"}):
        if config.task == "rows" and getattr(config, name) != RunConfig.model_fields[name].default:
            raise ArgumentError(
                name, "the task 'segment' beside it", "rows", "Add --task segment for images with masks."
            )
    if config.likelihood != "auto":
        make_likelihood(config.likelihood, **config.likelihood_options)
    elif config.likelihood_options:
        raise ArgumentError(
            "likelihood_options", "a likelihood by name beside it", "auto", "Name it, as in --likelihood student_t."
        )
    # A small network and optimizer are built only to have every name and option checked by its owner.
    dense_network(1, (1,), 1, config.activation, initializer=config.initializer, normalization=config.normalization)
    choose_optimizer(config, PRETENDED_STEPS)
    if config.calibrate != "none":
        lookup(METHODS | {"none": ""}, config.calibrate, "calibrate")
        if config.task != "rows":
            raise ArgumentError("calibrate", "the task 'rows'", repr(config.task))
        if not config.validation:
            raise ArgumentError(
                "calibrate",
                "a validation fraction beside it",
                "none",
                "Calibration needs rows held out of training: add --validation 0.1.",
            )
    if config.patience and not config.validation:
        raise ArgumentError(
            "patience",
            "a validation fraction beside it",
            "none",
            "Early stopping watches rows held out of training: add --validation 0.1.",
        )
    if config.full_batch and config.batch_size:
        raise ArgumentError("full_batch", "no batch_size beside it", f"batch_size {config.batch_size}")


def make_tables(config: RunConfig) -> Tables[Table]:
    """Read the data and split it; counts the test rows that occur in the training set."""
    train, own_test = read_data(config.data, config.target)
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
    return Tables(train, validation, test, origin, shared)


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


def fit_encoder(table: Table, config: RunConfig) -> Encoder:
    """Fit the encoder for the task that the likelihood asks for.

    Raises:
        ArgumentError: the likelihood cannot produce these targets.
    """
    wanted = "auto" if config.likelihood == "auto" else LIKELIHOODS[config.likelihood].targets
    try:
        encoder = Encoder.fit(table, kind=wanted, classes=config.classes, standardize=config.standardize)
    except (ArgumentError, DataError) as error:
        if wanted == "auto":
            raise
        # Fitting without a wish tells whether the target or the likelihood is at fault.
        looks = Encoder.fit(table, classes=config.classes, standardize=config.standardize).outputs.kind
        if TASKS[looks] == TASKS[wanted] or (wanted == "labels" and "," in (table.target_name or "")):
            raise
        raise _unfit(config.likelihood, looks) from error
    # Whole numbers of which most occur once are no classes.
    found = encoder.classes if wanted != "auto" and config.classes is None else None
    if found is not None and 2 * len(found) > len(table) > 20:
        raise _unfit(config.likelihood, "numbers")
    return encoder


def _unfit(likelihood: str, kind: str) -> ArgumentError:
    fitting = [name for name, f in LIKELIHOODS.items() if TASKS[f.targets] == TASKS[kind] and f.proper]
    words = {"classification": "classes", "multilabel": "several labels", "regression": "continuous targets"}
    return ArgumentError(
        "likelihood", f"one that produces {words[TASKS[kind]]}, such as {' or '.join(fitting[:4])}", repr(likelihood)
    )


def choose_likelihood(config: RunConfig, encoder: Encoder | WindowEncoder, y: NDArray[Any]) -> Likelihood:
    """Return the likelihood with its options, class weights and label smoothing."""
    classes = None if encoder.classes is None else len(encoder.classes)
    name = auto_likelihood(encoder.task, classes) if config.likelihood == "auto" else config.likelihood
    options: dict[str, Any] = {}
    if config.label_smoothing:
        options["label_smoothing"] = config.label_smoothing
    if config.class_weight == "balanced":
        if classes is None:
            raise ArgumentError("class_weight", "classes to weigh", "a target of numbers")
        counts = np.maximum(np.bincount(y, minlength=classes), 1)
        options["class_weights"] = tuple((len(y) / (classes * counts)).tolist())
    fields = {field.name for field in dataclasses.fields(LIKELIHOODS[name])}
    for option in options:
        if option not in fields:
            raise ArgumentError(option, "a classification likelihood beside it", repr(name))
        if option in config.likelihood_options:
            raise ArgumentError("likelihood_options", f"{option} in one place", "two settings of it")
    return make_likelihood(name, **config.likelihood_options, **options)


def choose_batch_size(config: RunConfig, rows: int, largest: int = BATCH_SIZE) -> int:
    """Return B: as asked for, all rows for full-batch steps, or by the size of the set.

    Raises:
        ArgumentError: more than there are rows, or fewer with an optimizer that needs all.
    """
    if OPTIMIZERS[config.optimizer].full_batch:
        check_full_batch(config.optimizer, config.batch_size, rows)
        return rows
    if config.full_batch:
        return rows
    if config.batch_size is not None and config.batch_size > rows:
        raise ArgumentError(
            "batch_size", f"at most the {rows} training rows", config.batch_size, "Use --full-batch for all of them."
        )
    return config.batch_size or default_batch_size(rows, largest)


def check_full_batch(optimizer: str, batch_size: int | None, rows: int) -> None:
    """Refuse minibatches for an optimizer whose steps need the gradient of the whole set.

    Raises:
        ArgumentError: a batch size other than all rows.
    """
    if batch_size not in (None, rows):
        raise ArgumentError(
            "batch_size", f"none or all {rows} rows for {optimizer!r}", batch_size, "Its steps need the whole set."
        )


def default_batch_size(rows: int, largest: int = BATCH_SIZE) -> int:
    """Return 128 (or another largest size), or for small sets a power of two that makes at least eight minibatches.

    Example:
        >>> [default_batch_size(rows) for rows in (60000, 600, 120, 3)]
        [128, 64, 8, 1]
    """
    return min(largest, 1 << max(0, (rows // 8).bit_length() - 1))


def choose_schedule(config: RunConfig) -> str:
    """Return the schedule's name, ``auto`` resolved."""
    if config.schedule != "auto":
        return config.schedule
    return "constant" if OPTIMIZERS[config.optimizer].full_batch else "cosine"


def choose_optimizer(config: RunConfig, steps_per_epoch: int) -> Optimizer:
    """Return the optimizer for a run of so many minibatches an epoch."""
    lookup(OPTIMIZERS, config.optimizer, "optimizer")
    return make_optimizer(
        config.optimizer,
        total_steps=config.epochs * steps_per_epoch,
        steps_per_epoch=steps_per_epoch,
        learning_rate=config.learning_rate,
        schedule=choose_schedule(config),
        schedule_options=config.schedule_options,
        warmup=config.warmup,
        momentum=config.momentum,
        weight_decay=config.weight_decay,
        l2=config.l2,
        l1=config.l1,
        clip_norm=config.clip_norm,
        clip_value=config.clip_value,
        options=config.optimizer_options,
    )


def make_batches(table: Table, encoder: Encoder, y: NDArray[Any], batch_size: int, seed: int) -> Batches:
    """Return minibatches: of the encoded rows in memory, or of rows encoded as they stream from disk."""
    if table.is_mapped:
        return DiskBatches(table.array, y, batch_size, encode=encoder.transform_rows, seed=seed)
    return ArrayBatches(encoder.features(table), y, batch_size, seed=seed)


def _evaluated(table: Table | None, encoder: Encoder) -> Batches | None:
    if table is None:
        return None
    return make_batches(table, encoder, encoder.targets(table), min(EVALUATION_ROWS, len(table)), 0)


def fraction(text: str) -> float | None:
    """Return the number a text stands for, unless a file has that name."""
    try:
        value = float(text)
    except ValueError:
        return None
    return None if Path(text).exists() else value
