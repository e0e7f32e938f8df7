"""Targets of a run's held-out rows that contradict the network: for the checkup, and as a table in the run folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalweg.data.batches import spread
from thalweg.data.table import Table
from thalweg.data.write import write_columns
from thalweg.deploy import Model
from thalweg.diagnosis.facts.suspects import class_suspects, number_suspects
from thalweg.recipes.ensemble import Ensemble
from thalweg.recipes.tables import Tables
from thalweg.training import Trained

FILE = "suspects.csv"

ROWS = 50_000
"""Rows of each part at most, spread over it."""

SHOWN = 20
"""Suspects that findings may name; the file has all."""


def write_suspects(folder: Path, model: Model, tables: Tables[Table], trained: Trained) -> dict[str, Any]:
    """Find held-out rows with a suspect target, write ``suspects.csv`` if there are any, and return the facts.

    The file has a line for each, the least likely target first: ``part`` (the data it is from), ``row`` in it (from 0),
    ``given``, ``likely``, and for classes ``p_given`` and ``p_likely``.

    Args:
        folder: of the run.
        model: the model.
        tables: the run's rows.
        trained: with cross-validation each row is judged by the networks that held it out, else validation and test
            rows are.

    Returns:
        ``of``: rows looked at, ``count`` of suspects, ``rows``: the first of them; empty where no rows were held out.
    """
    parts = [part for part in _parts(model, tables, trained) if len(part[2])]
    if model.task not in ("classification", "regression") or not parts:
        return {}
    names = np.concatenate([np.repeat(name, len(y)) for name, _, y, _ in parts])
    numbers = np.concatenate([number for _, number, _, _ in parts])
    y = np.concatenate([part[2] for part in parts])
    answer = np.concatenate([np.asarray(part[3], np.float64) for part in parts])
    if not np.isfinite(answer).all():
        return {}
    columns: dict[str, Any]
    if model.task == "classification":
        rows, likely = class_suspects(answer, y)
        labels = np.asarray(model.classes)
        columns = {"given": labels[y[rows]], "likely": labels[likely]}
        columns |= {"p_given": answer[rows, y[rows]], "p_likely": answer[rows, likely]}
    else:
        true, mean = model.in_units(y.reshape(len(y), -1)), model.in_units(answer)
        rows = number_suspects(true, mean)
        single = true.shape[1] == 1
        targets = [""] if single else [f"_{name}" for name in model.encoder.target_names]  # type: ignore[union-attr]
        columns = {f"given{name}": true[rows, i] for i, name in enumerate(targets)}
        columns |= {f"likely{name}": mean[rows, i] for i, name in enumerate(targets)}
    columns = {"part": names[rows], "row": numbers[rows]} | columns
    if len(rows):
        write_columns(folder / FILE, columns)
    shown = [{name: _plain(column[i]) for name, column in columns.items()} for i in range(min(SHOWN, len(rows)))]
    return {"of": len(y), "count": len(rows), "rows": shown}


def _parts(
    model: Model, tables: Tables[Table], trained: Trained
) -> Iterator[tuple[str, NDArray[Any], NDArray[Any], NDArray[Any]]]:
    """Yield name, numbers in the data, targets and answers of rows that training has not seen."""
    encoder = model.encoder
    assert encoder is not None, "models of runs have an encoder"
    held_out = trained.held_out if isinstance(trained, Ensemble) else None
    if held_out is not None and tables.train.whole is None:
        some = spread(ROWS, len(held_out.y))
        answers = _answers(held_out.model(model), held_out.outputs[some])
        yield tables.train.name, np.asarray(tables.train.row_numbers(some)), np.asarray(held_out.y)[some], answers
    elif held_out is None:
        for table in (tables.validation, tables.test):
            if table is None or table.whole is not None or table.is_mapped:
                continue
            some = spread(ROWS, len(table))
            rows = table.rows(some)
            official = table is tables.test and tables.test_origin == "its own test set"
            name = f"the test set of {rows.name}" if official else rows.name
            yield name, np.asarray(table.row_numbers(some)), encoder.targets(rows), _answers(model, model.outputs(rows))


def _answers(model: Model, outputs: Any) -> NDArray[Any]:
    if model.task == "classification":
        return model.probabilities(outputs)
    return np.asarray(model.likelihood.mean(outputs))


def _plain(value: Any) -> Any:
    return round(float(value), 6) if isinstance(value, float | np.floating) else getattr(value, "item", lambda: value)()
