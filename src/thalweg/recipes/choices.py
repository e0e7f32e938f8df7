"""What settings leave open, chosen: network, likelihood, minibatches, optimizer."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalweg.core.errors import ArgumentError
from thalweg.core.registry import lookup
from thalweg.data.encode import Encoder
from thalweg.data.layout import Layout
from thalweg.data.scalings import SCALINGS
from thalweg.data.schema import KINDS
from thalweg.data.windows import WindowEncoder
from thalweg.decisions.calibration.methods import METHODS
from thalweg.likelihoods import LIKELIHOODS, Likelihood, Members, auto_likelihood, make_likelihood
from thalweg.network import Network, dense_network
from thalweg.optimizers import OPTIMIZERS, Optimizer, make_optimizer, with_step_factors
from thalweg.recipes.config import RunConfig
from thalweg.training import EarlyStopping

BATCH_SIZE = 128

SEGMENTATION = {"task", "window", "padding", "stride", "sampling"}
"""Settings that are for images with masks alone."""

PRETENDED_STEPS = 1000
"""Steps an epoch while the data is not read yet: enough that no warm-up below the length of the run fails."""


def check_names(config: RunConfig, *, held_out: bool = False) -> None:
    """Check the names of choices and settings that need each other, before any data is read.

    Args:
        config: the settings.
        held_out: whether rows are held out of training by other means than ``validation``.

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
    small = (1,) * len(config.hidden)
    activation = _activations(config)
    dense_network(
        1,
        small,
        config.shared_members,
        activation,
        initializer=config.initializer,
        normalization=config.normalization,
        numeric_embedding=config.numeric_embedding,
        embedding_options=config.embedding_options,
        shared_members=config.shared_members,
    )
    choose_optimizer(config, PRETENDED_STEPS)
    lookup(SCALINGS, config.scaling, "scaling")
    for name, kind in config.columns.items():
        lookup(KINDS, kind, f"columns: {name}")
    if config.calibrate != "none":
        lookup(METHODS | {"none": ""}, config.calibrate, "calibrate")
        if config.task != "rows":
            raise ArgumentError("calibrate", "the task 'rows'", repr(config.task))
        if not (config.validation or config.cv or held_out):
            raise ArgumentError(
                "calibrate",
                "a validation fraction beside it",
                "none",
                "Calibration needs rows held out of training: add --validation 0.1.",
            )
    if config.patience and not (config.validation or config.cv or held_out):
        raise ArgumentError(
            "patience",
            "a validation fraction beside it",
            "none",
            "Early stopping watches rows held out of training: add --validation 0.1.",
        )
    if config.anneal and OPTIMIZERS[config.optimizer].full_batch:
        raise ArgumentError("anneal", f"0 for {config.optimizer!r}, which finds its own step size", config.anneal)
    check_ensemble(config)
    if config.full_batch and config.batch_size:
        raise ArgumentError("full_batch", "no batch_size beside it", f"batch_size {config.batch_size}")


def check_ensemble(config: RunConfig) -> None:
    """Check what does not go together with several members, or with folds.

    Raises:
        ArgumentError: names the setting.
    """
    if config.cv == 1:
        raise ArgumentError("cv", "0 for none, or at least 2 folds", 1)
    if config.task != "rows":
        for name in ("members", "cv", "start"):
            if getattr(config, name) != RunConfig.model_fields[name].default:
                raise ArgumentError(name, "the task 'rows'", repr(config.task))
    if config.start is not None and config.networks > 1:
        raise ArgumentError("start", "none beside members and cv, which begin anew", repr(config.start))
    if config.cv and config.validation:
        raise ArgumentError(
            "validation", "0 beside cv", config.validation, "Each fold is held out of one network already."
        )


def check_folds(folds: int, rows: int) -> None:
    """Refuse more folds than there are rows to train on.

    Raises:
        ArgumentError: names both.
    """
    if folds > rows:
        raise ArgumentError("cv", f"at most {rows} folds, one for each training row", folds)


def build_network(config: RunConfig, inputs: int, outputs: int, layout: Layout | None = None) -> Network:
    """Return the network that the settings ask for.

    Args:
        config: the settings.
        inputs: encoded columns.
        outputs: raw outputs, of all members together.
        layout: what the encoded columns are; by default numbers.
    """
    return dense_network(
        inputs,
        config.hidden,
        outputs,
        _activations(config),
        dropout=config.dropout,
        normalization=config.normalization,
        initializer=config.initializer,
        residual=config.residual,
        input_noise=config.input_noise,
        numbers=None if layout is None else layout.numbers,
        levels=() if layout is None else layout.codes,
        numeric_embedding=config.numeric_embedding,
        embedding_options=config.embedding_options,
        feature_scaling=config.feature_scaling,
        shared_members=config.shared_members,
    )


def _activations(config: RunConfig) -> str | tuple[str, ...]:
    names = tuple(name.strip() for name in config.activation.split(","))
    return names[0] if len(names) == 1 else names


def choose_likelihood(
    config: RunConfig, encoder: Encoder | WindowEncoder, y: NDArray[Any], weight: NDArray[Any] | None = None
) -> Likelihood:
    """Return the likelihood with its options, class weights and label smoothing; balanced by what the targets weigh."""
    classes = None if encoder.classes is None else len(encoder.classes)
    name = auto_likelihood(encoder.task, classes) if config.likelihood == "auto" else config.likelihood
    options: dict[str, Any] = {}
    if config.label_smoothing:
        options["label_smoothing"] = config.label_smoothing
    if config.class_weight == "balanced":
        if classes is None:
            raise ArgumentError("class_weight", "classes to weigh", "a target of numbers")
        counts = np.bincount(y, weight, minlength=classes)
        options["class_weights"] = tuple((counts.sum() / (classes * np.where(counts > 0, counts, 1))).tolist())
    fields = {field.name for field in dataclasses.fields(LIKELIHOODS[name])}
    for option in options:
        if option not in fields:
            raise ArgumentError(option, "a classification likelihood beside it", repr(name))
        if option in config.likelihood_options:
            raise ArgumentError("likelihood_options", f"{option} in one place", "two settings of it")
    family = make_likelihood(name, **config.likelihood_options, **options)
    return family if config.shared_members == 1 else Members(family, config.shared_members)


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


def choose_stopping(patience: int | None, anneal: float) -> EarlyStopping | None:
    """Return when training ends before its last epoch, if it may.

    Args:
        patience: epochs without progress that are waited for; None for all.
        anneal: see `EarlyStopping`.

    Raises:
        ArgumentError: a step size that is to fall once patience ends, without patience.
    """
    if patience is not None:
        return EarlyStopping(patience, "validation_loss", anneal=anneal)
    if anneal:
        raise ArgumentError(
            "anneal", "patience beside it", "none", "The step size falls once patience ends: add --patience 10."
        )
    return None


def choose_schedule(config: RunConfig) -> str:
    """Return the schedule's name, ``auto`` resolved."""
    if config.schedule != "auto":
        return config.schedule
    return "constant" if OPTIMIZERS[config.optimizer].full_batch else "cosine"


def choose_optimizer(config: RunConfig, steps_per_epoch: int, step_factors: tuple[float, ...] = ()) -> Optimizer:
    """Return the optimizer for a run of so many minibatches an epoch.

    Args:
        config: the settings.
        steps_per_epoch: minibatches an epoch.
        step_factors: see `thalweg.optimizers.with_step_factors`; by default all steps are equally long.
    """
    lookup(OPTIMIZERS, config.optimizer, "optimizer")
    optimizer = make_optimizer(
        config.optimizer,
        total_steps=config.epochs * steps_per_epoch,
        steps_per_epoch=steps_per_epoch,
        learning_rate=None if config.learning_rate == "auto" else config.learning_rate,
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
    return with_step_factors(optimizer, step_factors)
