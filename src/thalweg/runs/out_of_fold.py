"""What cross-validation says of every training row, by networks that never saw it: a file, and its score."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalweg.data.table import Table
from thalweg.data.write import write_columns
from thalweg.deploy import Model
from thalweg.recipes.ensemble import Ensemble, HeldOut
from thalweg.training import Trained

FILE = "out_of_fold.csv"


def write_out_of_fold(folder: Path, model: Model, trained: Trained, table: Table) -> dict[str, Any]:
    """Write ``out_of_fold.csv`` into a run folder, and return its score for ``evaluation.json``.

    The file has a line for each training row: ``row`` (from 0, in the data as given), ``fold``, ``target`` (of several
    ``target_NAME``), and what is predicted: ``prediction`` and ``p_CLASS``, ``p_LABEL``, or the mean of each target.

    Args:
        folder: of the run.
        model: the model that all networks make together.
        trained: what was trained; without folds nothing is written.
        table: the training rows.

    Returns:
        ``{"out_of_fold": {"rows", "folds", "loss", "error" or "rmse", "by_fold"}}``, empty without folds.
    """
    held_out = trained.held_out if isinstance(trained, Ensemble) else None
    if held_out is None:
        return {}
    one = held_out.model(model)
    columns: dict[str, Any] = {"row": np.asarray(table.row_numbers()), "fold": held_out.folds}
    write_columns(folder / FILE, columns | _named("target", table.target_array(), model) | _answers(one, held_out))
    folds = int(held_out.folds.max()) + 1
    by_fold = [_score(one, held_out, held_out.folds == fold) for fold in range(folds)]
    measure = next(iter(by_fold[0].keys() - {"loss"}))
    everything = _score(one, held_out, np.ones(len(held_out.y), bool))
    summary = {"rows": len(held_out.y), "folds": folds, "by_fold": [row[measure] for row in by_fold]}
    return {"out_of_fold": everything | summary}


def _score(model: Model, held_out: HeldOut, rows: NDArray[np.bool_]) -> dict[str, float]:
    outputs: Any = held_out.outputs[rows]
    y: Any = np.asarray(held_out.y)[rows]
    scores = np.asarray(model.likelihood.score(outputs, y), np.float64)
    loss = {"loss": model.loss(outputs, y)}
    if model.likelihood.metric == "error":
        return loss | {"error": float(scores.mean())}
    return loss | {"rmse": float(np.sqrt((scores * model.target_scale()[1] ** 2).mean()))}


def _answers(model: Model, held_out: HeldOut) -> dict[str, Any]:
    if model.task == "regression":
        outputs: Any = held_out.outputs
        mean = model.in_units(np.asarray(model.likelihood.mean(outputs)))
        return _named("prediction", mean, model)
    p = model.probabilities(held_out.outputs)
    shares = {f"p_{name}": p[:, i] for i, name in enumerate(model.classes)}
    if model.task == "multilabel":
        return shares
    return {"prediction": model.classes[p.argmax(axis=1)]} | shares


def _named(name: str, values: NDArray[Any], model: Model) -> dict[str, NDArray[Any]]:
    """Return the columns of values (N,) or (N, K); those of several targets have the targets' names in theirs."""
    if values.ndim == 1 or values.shape[1] == 1:
        return {name: values.reshape(-1)}
    assert model.encoder is not None, "models of runs have an encoder"
    return {f"{name}_{target}": column for target, column in zip(model.encoder.target_names, values.T, strict=True)}
