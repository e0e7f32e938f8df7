"""The learning curve: the error of networks trained on more and more of the rows."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalweg.core.errors import ArgumentError
from thalweg.data.batches import spread
from thalweg.data.encode import Encoder
from thalweg.data.table import Table
from thalweg.deploy import Model
from thalweg.recipes.config import RunConfig
from thalweg.recipes.plan import train_plan
from thalweg.recipes.prepare import prepare
from thalweg.recipes.tables import Tables
from thalweg.training import Hook

SMALLEST = 20  # rows
MEASURED_ROWS = 5000  # training rows whose error is measured, at most


def sizes(rows: int, count: int = 5, classes: int = 0) -> list[int]:
    """Return how many rows to train on: all of them, half, a quarter …, the smallest first.

    Args:
        rows: that there are.
        count: of sizes, at most.
        classes: of which each size has to hold two rows.

    Example:
        >>> sizes(1600), sizes(30)
        ([100, 200, 400, 800, 1600], [30])
    """
    halves = [rows >> halved for halved in range(count)]
    return [size for size in reversed(halves) if size == rows or size >= max(SMALLEST, 2 * classes)]


def learning_curve(
    config: RunConfig,
    tables: Tables[Table],
    model: Model,
    judged: Table,
    counts: Sequence[int],
    *,
    hooks: Callable[[int], Sequence[Hook]] = lambda rows: (),
) -> Iterator[dict[str, Any]]:
    """Train on so many rows with the settings of a run, and yield how each network does; a larger set holds a smaller.

    The settings include the number of epochs, so that fewer rows also mean fewer steps. All rows are what the run
    itself trained on: its model is measured and nothing trained again.

    Args:
        config: the run's settings.
        tables: its rows.
        model: its model.
        judged: rows to test on.
        counts: how many rows to train on, see `sizes`.
        hooks: number of rows ↦ hooks that follow the training.

    Yields:
        ``{"rows", "train": {"loss", "error" | "rmse"}, "test": …}``; nothing more once training was interrupted.
    """
    order = nested_order(tables.train, model.encoder, config.seed)
    kind = getattr(model.likelihood, "base", model.likelihood).name  # few rows may look like targets of another kind
    for rows in counts:
        trained_on = tables.train
        if rows < len(tables.train):
            trained_on = tables.train.rows(np.sort(order[:rows]))
            size = None if config.batch_size is None else min(config.batch_size, rows)
            smaller = config.model_copy(update={"likelihood": kind, "batch_size": size})
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # levels that few rows lack are what is measured here
                plan = prepare(smaller, replace(tables, train=trained_on, test=None, shared=0))
                trained = train_plan(plan, hooks(rows))
                if trained.status == "interrupted":
                    return
                model_of_rows = plan.model(trained)
        else:
            model_of_rows = model
        some = trained_on.rows(spread(MEASURED_ROWS, len(trained_on)))
        yield {"rows": rows, "train": _measured(model_of_rows, some), "test": _measured(model_of_rows, judged)}


def nested_order(table: Table, encoder: Encoder | None, seed: int) -> NDArray[np.intp]:
    """Return the rows in random order; of classes, one row of each comes first, so that no part lacks a class.

    Raises:
        ArgumentError: the rows lie on disk.
    """
    check_in_memory(table)
    assert encoder is not None, "models of runs have an encoder"
    order = np.random.default_rng(seed).permutation(len(table))
    if encoder.classes is None:
        return order
    first = np.sort(np.unique(encoder.targets(table)[order], return_index=True)[1])
    return np.concatenate([order[first], np.delete(order, first)])


def check_in_memory(table: Table) -> None:
    """Refuse rows of which none can be picked.

    Raises:
        ArgumentError: they lie on disk, or stream from there.
    """
    if table.is_mapped or table.whole is not None:
        how = "an array on disk" if table.is_mapped else "which streams from disk"
        raise ArgumentError(
            "learning_curve", "rows that fit in memory", f"{table.name}, {how}", "Train on a part of them first."
        )


def _measured(model: Model, table: Table) -> dict[str, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # told when the run was tested
        found = model.evaluate(table, table.target_array())
    return {name: value for name, value in found.items() if name != "rows"}
