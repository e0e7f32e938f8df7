"""Calibration of a trained run on rows that were held out of its training, for the command ``calibrate``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from thalweg.core.errors import ArgumentError, ModelError, StorageError
from thalweg.core.files import write_json
from thalweg.data.streaming.tables import read_some
from thalweg.data.table import Table
from thalweg.decisions.calibration import Isotonic, Temperature
from thalweg.decisions.calibration.methods import check_method
from thalweg.deploy import Model, Segmenter, load
from thalweg.recipes.calibration import calibrated_on
from thalweg.recipes.config import RunConfig
from thalweg.recipes.tables import Tables, make_tables
from thalweg.runs.explain.run import refresh
from thalweg.runs.judge import judge
from thalweg.runs.record import STATUS, is_locked, run_config
from thalweg.runs.report import write_report


def calibrate_run(
    path: Path, data: str | None, method: str, *, target: str | None = None, **settings: Any
) -> tuple[Model, dict[str, Any] | None]:
    """Calibrate the model in a folder and write it back; of a run, judge it anew and write its report again.

    Args:
        path: run folder or model folder.
        data: file of held-out rows with their target; None for the run's own validation rows.
        method: how, see `calibrated_on`.
        target: name of the target column; by default that of training.
        settings: of the method.

    Returns:
        The model, and what it does on the run's test rows (None for a model folder, or where the run's data is gone).

    Raises:
        ArgumentError: a method that does not fit, or no rows held out of training.
        ModelError: no model of tables, or a damaged one.
        StorageError: the folder is in use or cannot be written.
    """
    model = load(path)
    if isinstance(model, Segmenter):
        raise ModelError(f"{path} is a model of images; calibrate works on models of tables.")
    if model.encoder is None:
        raise ModelError(f"{path} cannot be calibrated by rows of a table; use Model.calibrate from Python.")
    check_method(method, model.likelihood.targets)
    is_run = (path / STATUS).is_file()
    if is_run and is_locked(path):
        raise StorageError(f"The run folder {path} is in use by another process.")
    config = run_config(path) if is_run else None
    tables = None if config is None else _tables(config, needed=data is None)
    if data is not None:
        if config is not None and _same(data, config.data):
            raise ArgumentError(
                "DATA", "rows held out of training", f"{data}, which the run trained on", "Leave it out for its own."
            )
        held_out, _ = read_some(data, target or model.encoder.target_name, "validation")
    elif tables is None or tables.validation is None:
        # Beside folds no validation rows are held out; what the folds say is at hand while training alone.
        way = f"--calibrate {method}, which the folds serve" if config is not None and config.cv else "--validation 0.1"
        raise ArgumentError(
            "DATA",
            "a file of rows held out of training",
            "none, and the run has no validation rows",
            f"Name a file, or train with {way}.",
        )
    else:
        held_out = tables.validation
    model = calibrated_on(model, held_out, method, **settings)
    model.save(path / "model" if is_run else path)
    if tables is None:
        return model, None
    name = "training" if tables.test is None else "test"
    evaluation = judge(model, tables.test or tables.train, tables.train)
    write_json(path / "evaluation.json", {name: evaluation})
    refresh(path, model, tables)
    write_report(path)
    return model, evaluation


def _tables(config: RunConfig, *, needed: bool) -> Tables[Table] | None:
    """Split the run's data as it was split in training; None where it is gone and another file is given."""
    try:
        return make_tables(config)
    except StorageError:
        if needed:
            raise
        return None


def _same(one: str, other: str) -> bool:
    return one == other or Path(one).resolve() == Path(other).resolve()


def calibration_lines(model: Model, evaluation: dict[str, Any] | None) -> list[str]:
    """Return what was fitted and what it changed on the test rows, as lines of text."""
    way, conformal = model.calibration.way, model.calibration.conformal
    rows = model.calibration.rows
    lines = []
    if isinstance(way, Temperature):
        lines.append(f"temperature {way.temperature:.4g}")
    elif isinstance(way, Isotonic):
        lines.append(f"isotonic curves with {sum(len(x) for x, _ in way.curves)} points")
    elif way is not None:
        lines.append(f"deviations times {', '.join(f'{factor:.4g}' for factor in way.factors)}")
    if conformal is not None:
        lines.append(f"conformal scores ({conformal.score})")
    lines = [f"{' and '.join(lines)}, fitted to {rows} rows"]
    if evaluation is None or "calibration" not in evaluation:
        return lines
    before = evaluation["calibration"]["before"]
    if "calibration_error" in before:
        old, new = before["calibration_error"], evaluation["calibration_error"]
        lines.append(f"expected calibration error {100 * old:.2f} % → {100 * new:.2f} % on {evaluation['rows']} rows")
    if before.get("loss") is not None and way is not None:
        lines.append(f"mean -ln q {before['loss']:.4f} → {evaluation['loss']:.4f} nat")
    for row in evaluation["calibration"].get("sets", ()):
        lines.append(_held(f"sets of stated coverage {row['level']:g}", row) + f", {row['size']:.2f} classes each")
    for target, old in zip(evaluation.get("targets", ()), before.get("targets", ()), strict=True):
        former = {row["level"]: row["share"] for row in old["coverage"]}
        for row in target["coverage"]:  # of few rows, the levels alone that conformal scores can promise
            stated = f"{target['name']}: intervals of stated coverage {row['level']:g}"
            lines.append(f"{_held(stated, row)} (before {100 * former[row['level']]:.1f} %)")
    return lines


def _held(what: str, row: dict[str, Any]) -> str:
    return f"{what} hold {100 * row['share']:.1f} %"
