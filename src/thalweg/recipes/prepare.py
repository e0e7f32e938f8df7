"""From settings to everything training needs: tables, encoder, network, likelihood, optimizer, minibatches."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, cast

from numpy.typing import NDArray

from thalweg.data.batches import ArrayBatches, Batches
from thalweg.data.disk_batches import DiskBatches
from thalweg.data.encode import Encoder
from thalweg.data.streaming.stream import Progress, Say
from thalweg.data.table import Table
from thalweg.decisions.calibration.methods import check_held_out, check_method
from thalweg.likelihoods import Likelihood
from thalweg.network import Network
from thalweg.optimizers import OPTIMIZERS
from thalweg.recipes.choices import (
    BATCH_SIZE,
    SEGMENTATION,
    build_network,
    check_folds,
    check_names,
    choose_batch_size,
    choose_likelihood,
    choose_optimizer,
    choose_schedule,
    choose_stopping,
)
from thalweg.recipes.config import RunConfig, changed_settings
from thalweg.recipes.origin import check_origin, origin_of, with_origin
from thalweg.recipes.plan import AnyPlan, Plan
from thalweg.recipes.presets import before_training, facts_of, for_training, usual_step_size
from thalweg.recipes.step_sizes import step_sizes_of
from thalweg.recipes.tables import Tables, fit_encoder, make_tables

EVALUATION_ROWS = 2000
"""Rows of a minibatch in evaluation, where size only matters for speed."""

LATER_PANELS = {"Network", "Optimizer", "Regularization", "Training", "Run"}
"""Groups of settings of which the encoding of rows knows nothing."""


def prepare(
    config: RunConfig,
    tables: Tables[Table] | None = None,
    sample_weight: NDArray[Any] | None = None,
    *,
    like: Plan | None = None,
    validation_weight: NDArray[Any] | None = None,
    encoder: Encoder | None = None,
    say: Say = lambda line: None,
    progress: Progress = lambda *_: None,
) -> Plan:
    """Read, split, encode, and build what the settings ask for.

    Args:
        config: the settings; for rows that are there already those by which they were split.
        tables: rows that are there already; by default ``data`` is read and split.
        sample_weight: (N,) weights of the training rows, scaled to mean one.
        like: a plan for the same rows, whose encoded rows serve again where the settings encode them alike.
        validation_weight: weights of the validation rows.
        encoder: one that is fitted already, as when training goes on; by default it is fitted on the training rows.
        say: is told in plain words what happens to data that streams from disk.
        progress: is told how far that is.

    Raises:
        ThalwegError: settings or data that cannot be used, in one line.
    """
    if config.task == "segment":
        from thalweg.recipes.segmentation import prepare_segmentation

        return prepare_segmentation(config)
    # What a preset will fill in is not there yet: names are checked first, and then all of it once more.
    given = tables is not None and tables.validation is not None
    check_names(config, held_out=given or config.preset != "plain")
    if tables is None:
        tables = make_tables(config, say, progress)
        config = tables.config or config
    held_out = tables.validation is not None
    origin = origin_of(config)
    if origin is not None and encoder is None:
        encoder = origin.encoder
    config = before_training(config, tables.train, held_out=held_out)
    check_folds(config.cv, tables.train.total)
    known = like if like is not None and encodes_alike(like.config, config) else None
    if encoder is None:
        encoder = fit_encoder(tables.train, config) if known is None else known.encoder
    facts = facts_of(encoder, tables.train.total)
    usual = usual_step_size(config, tables.train, facts, held_out=held_out)
    config = for_training(config, tables.train, facts, held_out=held_out)
    if origin is not None:
        config = with_origin(config, origin)
    check_names(config, held_out=held_out)
    y = encoder.targets(tables.train) if known is None or tables.train.whole is not None else known.train.y
    likelihood = choose_likelihood(config, encoder, y)
    if config.calibrate != "none":
        check_method(config.calibrate, likelihood.targets, "calibrate")
        if tables.validation is not None:
            check_held_out(config.calibrate, encoder.targets(tables.validation), "validation")
    outputs = likelihood.output_width(y, None if encoder.classes is None else len(encoder.classes))
    if origin is None:
        network = build_network(config, encoder.feature_width, outputs, encoder.layout)
    else:
        network = origin.network
        check_origin(network, likelihood, encoder.feature_width, outputs)
    likelihood.check(network.outputs, y)

    def batches(size: int) -> Batches:
        if known is not None and sample_weight is None:
            again: Any = known.train
            return cast(Batches, dataclasses.replace(again, batch_size=size, seed=config.seed))
        return make_batches(tables.train, encoder, y, size, config.seed, sample_weight)

    return make_plan(
        Plan,
        config,
        tables,
        encoder,
        network,
        likelihood,
        batches,
        tables.train.total,
        validation=_evaluated(tables.validation, encoder, validation_weight) if known is None else known.validation,
        test=_evaluated(tables.test, encoder) if known is None else known.test,
        start=None if origin is None else (origin.params, origin.state),
        usual=usual,
    )


def encodes_alike(one: RunConfig, other: RunConfig) -> bool:
    """Return whether two settings encode the same rows alike: they differ in network and training at most.

    Example:
        >>> from thalweg.recipes.config import make_config
        >>> base, wide = make_config({"data": "iris"}), make_config({"data": "iris", "hidden": 1024})
        >>> encodes_alike(base, wide), encodes_alike(base, make_config({"data": "iris", "standardize": False}))
        (True, False)
    """
    extra: dict[str, Any] = {name: field.json_schema_extra or {} for name, field in RunConfig.model_fields.items()}
    return all(extra[name].get("panel") in LATER_PANELS for name in changed_settings(one, other))


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
    usual: float | None = None,
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
        usual: step size around which ``auto`` tries others; None for the optimizer's own.
        rest: what else the plan holds.
    """
    batch_size = choose_batch_size(config, rows, largest_batch)
    train = batches(batch_size)
    found = None
    if config.learning_rate == "auto":
        found = step_sizes_of(config.model_copy(update={"learning_rate": usual}), network, likelihood, train)
        config = config.model_copy(update={"learning_rate": found.recommended})
    optimizer = choose_optimizer(config, train.steps, network.step_factors())
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
        config=config,
        tables=tables,
        encoder=encoder,
        network=network,
        likelihood=likelihood,
        optimizer=optimizer,
        train=train,
        stopping=choose_stopping(config.patience, config.anneal),
        step_size=found,
        calibrate=config.calibrate,
        settings={name: value for name, value in resolved.items() if value not in (None, {}, "")},
        **rest,
    )


def make_batches(
    table: Table,
    encoder: Encoder,
    y: NDArray[Any],
    batch_size: int,
    seed: int,
    sample_weight: NDArray[Any] | None = None,
) -> Batches:
    """Return minibatches: of the encoded rows in memory, of rows encoded as they stream, or of encoded ones on disk."""
    if table.whole is not None:
        whole = table.whole
        return DiskBatches(whole.x, whole.y, batch_size, whole.packing.unpack, sample_weight, seed)
    if table.is_mapped:
        return DiskBatches(table.array, y, batch_size, encoder.transform_rows, sample_weight, seed)
    return ArrayBatches(encoder.features(table), y, batch_size, sample_weight, seed)


def _evaluated(table: Table | None, encoder: Encoder, weight: NDArray[Any] | None = None) -> Batches | None:
    if table is None:
        return None
    return make_batches(table, encoder, encoder.targets(table), min(EVALUATION_ROWS, table.total), 0, weight)
