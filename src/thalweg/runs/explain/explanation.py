"""What the answers of a model depend on, as plain data: importance of the columns, and the course of the answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalweg.core.errors import ArgumentError, nearest
from thalweg.data.batches import spread
from thalweg.data.grids import grid, typed
from thalweg.data.table import Table
from thalweg.deploy import Model
from thalweg.runs.explain.columns import Columns
from thalweg.runs.explain.dependence import answer_names, partial_dependence
from thalweg.runs.explain.effort import Effort
from thalweg.runs.explain.importance import Change, permutation_importance, related

MOST_ANSWERS = 6  # classes, labels or targets whose course is told
DIGITS = 6
ROUNDING = 1e-12  # a change below this share of the whole is that of sums in another order, and is none

Tick = Callable[[int], object]


def explanation(
    model: Model,
    table: Table,
    effort: Effort,
    *,
    drawn: tuple[str, ...] = (),
    seed: int = 0,
    tick: Tick = lambda rows: None,
) -> dict[str, Any]:
    """Return importance and partial dependence of a table's columns, see `thalweg.runs.explain`.

    Args:
        model: with an encoder.
        table: rows with their target.
        effort: how much to compute.
        drawn: columns whose partial dependence is wanted; by default the most important ones.
        seed: of the permutations.
        tick: is told for how many rows the network has answered since last time.

    Raises:
        ArgumentError: a column that the network does not read.
        DataError: rows that cannot be encoded.
    """
    encoder = model.encoder
    assert encoder is not None, "models of runs have an encoder"
    rng = np.random.default_rng(seed)
    if len(table) > effort.rows:
        table = table.rows(np.sort(rng.choice(len(table), effort.rows, replace=False)))
    table = typed(table, encoder)
    columns, y = Columns.of(encoder, table), encoder.targets(table)
    used = [int(column) for column in np.unique(columns.sources) if column >= 0]
    chosen = [_number(name, columns, used) for name in drawn]
    orders = np.stack([rng.permutation(len(table)) for _ in range(effort.repeats)])
    cost = len(table) * effort.repeats
    changes, plain = permutation_importance(model, columns, y, orders, lambda: tick(cost))
    ranked = sorted(used, key=lambda column: -changes[column][0].mean)
    names = columns.names
    importance = {
        "rows": len(table),
        "repeats": effort.repeats,
        "metric": model.likelihood.metric,
        "proper": model.likelihood.proper,
        "before": {"loss": _short(plain[0]), "metric": _short(plain[1])},
        "columns": [
            {
                "name": names[column],
                "loss": _told(changes[column][0], plain[0]),
                "metric": _told(changes[column][1], plain[1]),
            }
            for column in ranked
        ],
        "unused": [name for column, name in enumerate(names) if column not in set(used)],
        "related": [{"columns": [names[j], names[k]], "correlation": _short(r)} for j, k, r in related(columns)],
    }
    few = columns
    if len(table) > effort.curve_rows:
        few = Columns.of(encoder, table.rows(np.sort(rng.choice(len(table), effort.curve_rows, replace=False))))
    answers = _answers(model, y)
    dependence = {
        "rows": len(few.table),
        "answers": [answer_names(model)[answer] for answer in answers],
        "probabilities": model.task != "regression",
        "columns": [_course(model, few, column, answers, effort, tick) for column in chosen or ranked[: effort.shown]],
    }
    return {"schema": 1, "importance": importance, "dependence": dependence}


def _number(name: str, columns: Columns, used: list[int]) -> int:
    known = [columns.names[column] for column in used]
    if name not in known:
        why = "one that is left out or holds one value" if name in columns.names else repr(name)
        raise ArgumentError("columns", "columns that the network reads", why, nearest(name, known))
    return columns.names.index(name)


def _answers(model: Model, y: NDArray[Any]) -> list[int]:
    """Numbers of the answers whose course is told: of two classes the second, of many the most frequent ones."""
    if model.task == "classification":
        counts = np.bincount(y, minlength=len(model.classes))
        return [1] if len(counts) == 2 else sorted(np.argsort(-counts, kind="stable")[:MOST_ANSWERS].tolist())
    return list(range(min(MOST_ANSWERS, len(answer_names(model)))))


def _course(
    model: Model, columns: Columns, column: int, answers: list[int], effort: Effort, tick: Tick
) -> dict[str, Any]:
    """The mean of each answer at each value, and the lines of single rows; of several classes the means alone."""
    levels = {known.name for known in columns.encoder.columns if known.kind == "levels"}
    values = grid(columns.table, column, effort.points, levels=columns.names[column] in levels)
    course = partial_dependence(model, columns, column, values.values)[:, :, answers]
    rows = course.shape[1]
    single = values.kind != "levels" and (model.task != "classification" or len(answers) == 1)
    picked = spread(effort.lines if single else 0, rows)
    tick(rows * len(values.labels))
    return {
        "name": columns.names[column],
        "kind": values.kind,
        "grid": values.labels,
        "mean": _short(course.mean(axis=1).T),
        "lines": [_short(course[:, picked, k].T) for k in range(len(answers))] if len(picked) else [],
    }


def _told(change: Change, before: float) -> dict[str, float]:
    mean = 0.0 if abs(change.mean) < ROUNDING * abs(before) else change.mean
    return {"mean": _short(mean), "sd": _short(change.sd), "se": _short(change.se)}


def _short(values: Any) -> Any:
    """Numbers as JSON values of six digits."""
    array = np.asarray(values, np.float64)
    texts = np.array([f"{value:.{DIGITS}g}" for value in array.ravel()], dtype=object)
    return np.array([float(text) for text in texts]).reshape(array.shape).tolist()
