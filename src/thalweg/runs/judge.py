"""Testing a trained model on a table, for ``evaluation.json`` and the command ``evaluate``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalweg.data.table import Table
from thalweg.deploy import Model
from thalweg.runs.evaluation import classification_evaluation, regression_evaluation


def judge(model: Model, table: Table, train: Table | None = None) -> dict[str, Any]:
    """Return what a model does on the rows of a table, see `thalweg.runs.evaluation`.

    Args:
        model: with an encoder.
        table: rows with their target.
        train: training rows, which give the constant guess to compare with.
    """
    encoder = model.encoder
    assert encoder is not None, "models of runs have an encoder"
    outputs: Any = model.outputs(table)
    mean = np.asarray(model.likelihood.mean(outputs))
    y = encoder.targets(table)
    if encoder.classes is not None:
        counts = None if train is None else np.bincount(encoder.targets(train), minlength=len(encoder.classes))
        return classification_evaluation(
            y,
            mean,
            encoder.classes,
            inputs=_inputs(table),
            example_shape=_picture(table.example_shape),
            feature_names=table.feature_names,
            majority=None if counts is None else int(counts.argmax()),
        )
    return regression_evaluation(
        encoder.unscale_targets(y),
        encoder.unscale_targets(mean),
        deviation(model, outputs),
        target_names=None if encoder.target_name is None or mean.shape[1] > 1 else [encoder.target_name],
        inputs=_inputs(table),
        feature_names=table.feature_names,
        constant=None if train is None else encoder.target_mean.tolist(),
    )


def deviation(model: Model, outputs: NDArray[np.float32]) -> NDArray[Any]:
    """Return the predictive standard deviation (N, K) of numbers, in the target's units."""
    _, scale = model.target_scale()
    return np.asarray(model.likelihood.std(outputs)) * scale  # type: ignore[arg-type]


def _inputs(table: Table) -> Any:
    if not table.is_frame:
        return table.array
    return lambda rows: table.frame[rows].rows()


def _picture(shape: tuple[int, ...] | None) -> tuple[int, ...] | None:
    """The shape of one example if it can be drawn: height × width, gray or in color."""
    drawable = shape is not None and (len(shape) == 2 or (len(shape) == 3 and shape[2] in {1, 3, 4}))
    return shape if drawable else None
