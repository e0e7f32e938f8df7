"""Testing a trained model on a file larger than memory: the totals of all rows, and the details of some."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from thalweg.core.errors import DataError
from thalweg.data.readers.frames import from_frame
from thalweg.data.streaming import survey
from thalweg.data.streaming.pieces import Source
from thalweg.data.streaming.records import numbered, warnings_once
from thalweg.data.streaming.sampling import ROW, SAMPLE_STREAM, Sample, draws
from thalweg.data.streaming.tables import tables_of
from thalweg.data.table import Table
from thalweg.deploy import Model
from thalweg.runs.judge import judge


def judge_large(model: Model, source: Source, target: str | None) -> dict[str, Any]:
    """Return what a model does on the rows of a large file, on the official test rows where it marks them.

    What `judge` tells of a uniform sample of them, and in ``whole`` the ``rows``, ``loss`` and ``error`` or ``rmse`` of
    all.

    Args:
        model: with an encoder.
        source: the files.
        target: name of the target column.

    Raises:
        DataError: a cell that cannot be read, or no row to test on.
    """
    sample = Sample(survey.SAMPLE_ROWS["test"], survey.SAMPLE_BYTES)
    totals: dict[str, float] = {}
    rows, told, name = 0, set[str](), None
    for table, piece, first in tables_of(source, target):
        with numbered(piece, first), warnings_once(told):
            marked = slice(None) if table.is_test is None else np.flatnonzero(table.is_test)
            part, frame = table.rows(marked), piece.frame[first : first + len(table)][marked]
            if not len(part):
                continue
            found = _figures(model, part)
        rows, name = rows + len(part), table.target_name
        totals = {key: totals.get(key, 0.0) + len(part) * value for key, value in found.items()}
        keys = draws(piece.start.rows + first, len(table), 0, SAMPLE_STREAM)[marked]
        sample.add(frame, np.arange(len(table))[marked], keys)
    chosen = sample.rows()
    if chosen is None:
        raise DataError(f"{source.name}: no row to test on. Give rows, or mark some in 'is_test'.")
    kept = chosen.drop([column for column in (ROW, "is_test") if column in chosen.columns])
    details = judge(model, from_frame(kept, source.name, name, need_target=True))
    exact = {key: value / rows for key, value in totals.items()}
    if "squares" in exact:
        exact["rmse"] = math.sqrt(exact.pop("squares"))
    return details | {"whole": {"rows": rows} | exact}


def _figures(model: Model, table: Table) -> dict[str, float]:
    """Mean loss, and the share of mistakes or the mean square of errors, of a piece."""
    encoder = model.encoder
    assert encoder is not None, "checked by the command"
    outputs: Any = model.outputs(table)
    y = encoder.targets(table)
    loss = {"loss": model.loss(outputs, y)}
    if encoder.classes is not None:
        return loss | {"error": float((model.probabilities(outputs).argmax(axis=1) != y).mean())}
    if model.task == "multilabel":
        return loss | {"error": float(((model.probabilities(outputs) > 0.5) != y).mean())}
    off = encoder.unscale_targets(np.asarray(model.likelihood.mean(outputs))) - encoder.unscale_targets(y)
    return loss | {"squares": float(np.mean(off**2))}
