"""Testing a trained model on a table, for ``evaluation.json`` and the command ``evaluate``."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalweg.data.table import Table
from thalweg.decisions.calibration import Calibration, binomial_interval, pit
from thalweg.deploy import Model
from thalweg.deploy.rows import interval_levels
from thalweg.runs.evaluation import classification_evaluation, multilabel_evaluation, regression_evaluation
from thalweg.runs.evaluation.intervals import LEVELS, Intervals


def judge(model: Model, table: Table, train: Table | None = None) -> dict[str, Any]:
    """Return what a model does on the rows of a table, see `thalweg.runs.evaluation`.

    Of a calibrated model also what it did before.

    Args:
        model: with an encoder.
        table: rows with their target.
        train: training rows, which give the constant guess to compare with.
    """
    result = _judged(model, table, train)
    if not model.calibration.methods:
        return result
    bare = _judged(dataclasses.replace(model, calibration=Calibration()), table, train)
    before: dict[str, Any] = {key: bare[key] for key in ("loss", "calibration_error", "reliability") if key in bare}
    if "targets" in bare:
        before["targets"] = [{key: target[key] for key in ("name", "coverage", "pit")} for target in bare["targets"]]
    what = {"methods": list(model.calibration.methods), "rows": model.calibration.rows, "before": before}
    if model.task == "classification" and model.calibration.conformal is not None:
        what["sets"] = _sets(model, table)
    return result | {"calibration": what}


def _judged(model: Model, table: Table, train: Table | None) -> dict[str, Any]:
    encoder = model.encoder
    assert encoder is not None, "models of runs have an encoder"
    outputs: Any = model.outputs(table)
    y = encoder.targets(table)
    known = None if train is None else encoder.targets(train)
    if encoder.classes is not None:
        return classification_evaluation(
            y,
            model.probabilities(outputs),
            encoder.classes,
            inputs=_inputs(table),
            example_shape=_picture(table.example_shape),
            feature_names=table.feature_names,
            majority=None if known is None else int(np.bincount(known, minlength=len(encoder.classes)).argmax()),
            ordered=encoder.outputs.kind == "ordered",
        )
    if model.task == "multilabel":
        return multilabel_evaluation(
            y,
            model.probabilities(outputs),
            encoder.target_names,
            inputs=_inputs(table),
            feature_names=table.feature_names,
            common=None if known is None else (2 * known.sum(axis=0) > len(known)).astype(int).tolist(),
        )
    true, distribution = encoder.unscale_targets(y), model.distribution(outputs)
    return regression_evaluation(
        true,
        encoder.unscale_targets(np.asarray(model.likelihood.mean(outputs))),
        deviation(model, outputs),
        target_names=encoder.target_names,
        inputs=_inputs(table),
        feature_names=table.feature_names,
        constant=None if known is None else encoder.unscale_targets(known.mean(axis=0, dtype=np.float64)).tolist(),
        intervals=_intervals(model, outputs),
        pit=pit(distribution, true),
        loss=model.loss(outputs, y) if model.likelihood.proper else None,
        counts=encoder.outputs.kind == "counts",
    )


def _sets(model: Model, table: Table) -> list[dict[str, Any]]:
    """Return for each level how often conformal sets hold the true class, and how many classes they hold."""
    encoder, conformal = model.encoder, model.calibration.conformal
    assert encoder is not None, "models of runs have an encoder"
    assert conformal is not None, "asked for a model with conformal scores"
    y, p = encoder.targets(table), model.probabilities(model.outputs(table))
    rows = []
    for level in LEVELS if len(y) else ():
        if conformal.promises(level):
            inside = conformal.sets(p, level)
            held = inside[np.arange(len(y)), y]
            low, high = binomial_interval(held.sum(), len(y))
            figures = {"share": held.mean(), "share_low": low, "share_high": high, "size": inside.sum(axis=1).mean()}
            rows.append({"level": level} | {name: float(value) for name, value in figures.items()})
    return rows


def _intervals(model: Model, outputs: NDArray[np.float32]) -> Intervals:
    """Intervals (N, K) by the probability they claim: conformal ones where the model has them, else central ones."""
    conformal = model.calibration.conformal
    if conformal is not None:
        distribution = model.distribution(outputs)
        return {level: conformal.intervals(distribution, level) for level in LEVELS if conformal.promises(level)}
    ends = [end for level in LEVELS for end in interval_levels(level)]
    quantiles = model.quantiles(outputs, ends)
    return {level: (quantiles[..., 2 * i], quantiles[..., 2 * i + 1]) for i, level in enumerate(LEVELS)}


def deviation(model: Model, outputs: NDArray[np.float32]) -> NDArray[Any]:
    """Return the predictive standard deviation (N, K) of numbers, in the target's units."""
    if model.calibration.way is not None:
        from thalweg.probability import std

        return std(model.distribution(outputs))
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
