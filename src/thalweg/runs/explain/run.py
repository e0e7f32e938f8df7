"""Explaining a run: after its training where that costs little, and as the command ``explain``."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from thalweg.core.errors import ArgumentError, DataError, ModelError, StorageError
from thalweg.core.files import write_json
from thalweg.data.split import official_test
from thalweg.data.streaming.tables import read_some
from thalweg.data.table import Table
from thalweg.deploy import Model, Segmenter, load
from thalweg.recipes.config import RunConfig
from thalweg.recipes.tables import Tables, make_tables
from thalweg.runs.explain.effort import Effort, affordable
from thalweg.runs.explain.explanation import Tick, explanation
from thalweg.runs.explain.learning import check_in_memory, learning_curve, sizes
from thalweg.runs.record import STATUS, is_locked, read_status, run_config
from thalweg.runs.report import write_report
from thalweg.training import Hook

EXPLANATION = "explanation.json"


def explain_after(model: Model, tables: Tables[Table], epochs: int) -> dict[str, Any] | None:
    """Return what is told of a table's columns after training, at a cost of a tenth of it or a second at most.

    Args:
        model: the trained model.
        tables: its rows.
        epochs: of training.

    Returns:
        The content of ``explanation.json``; None for images, whose columns mean nothing by themselves.
    """
    if isinstance(model, Segmenter) or model.encoder is None or model.encoder.example_shape is not None:
        return None
    part, table = _own_rows(tables)
    if len(table) < 2:
        return None
    effort = affordable(model, len(table), table.width, len(tables.train) * epochs)
    if effort is None:
        return {"schema": 1, "part": part, "left_out": f"It takes a while for {table.width} columns."}
    return {"part": part} | explanation(model, table, effort)


def refresh(path: Path, model: Model, tables: Tables[Table]) -> None:
    """Explain a run anew whose model answers otherwise than it did, since it was calibrated."""
    told = explain_after(model, tables, len(model.history))
    if told is not None:
        known = read_explanation(path)
        write_json(path / EXPLANATION, told | ({"learning": known["learning"]} if "learning" in known else {}))


def read_explanation(path: Path) -> dict[str, Any]:
    """Return what a run folder holds of its explanation; nothing of a file that is missing or damaged."""
    try:
        known = json.loads((path / EXPLANATION).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


class Explainer:
    """A trained run and the rows to explain it on.

    Args:
        path: run folder, or model folder.
        data: file or bundled set with the target; by default the run's own test rows, or those it has.
        target: name of the target column; by default that of training.

    Attributes:
        model: its model.
        part: what the rows are.
        table: the rows.

    Raises:
        ArgumentError: a model folder without rows.
        ModelError: no model of tables, or a damaged one.
        StorageError: the run's data is gone.
    """

    def __init__(self, path: Path, data: str | None = None, target: str | None = None) -> None:
        self.path = path
        self.model = load(path)
        encoder = self.model.encoder
        if isinstance(self.model, Segmenter) or encoder is None or encoder.example_shape is not None:
            raise ModelError(f"{path} is no model of a table: explain tells what columns matter.")
        self.config: RunConfig | None = None
        self.tables: Tables[Table] | None = None
        if (path / STATUS).is_file():
            if is_locked(path):
                raise StorageError(f"The run folder {path} is in use by another process.")
            self.config = run_config(path)
            self.tables = make_tables(self.config) if data is None else None
        if data is not None:
            some, _ = read_some(data, target or encoder.target_name, "test")
            self.part, self.table = data, official_test(some)
        elif self.tables is not None:
            self.part, self.table = _own_rows(self.tables)
        else:
            raise ArgumentError("DATA", "a file of rows with their target", "none", "A model folder has no rows.")
        if len(self.table) < 2:
            raise DataError(f"{self.table.name}: a single row cannot be shuffled. Give at least two.")

    def predictions(self, effort: Effort) -> int:
        """Return for how many rows the network will answer."""
        return effort.predictions(len(self.table), self.table.width)

    def explain(self, effort: Effort, drawn: Sequence[str] = (), tick: Tick = lambda rows: None) -> dict[str, Any]:
        """Compute importance and partial dependence, and write them and the report into the run folder.

        Args:
            effort: how much to compute.
            drawn: columns whose partial dependence is wanted; by default the most important ones.
            tick: is told for how many rows the network has answered since last time.
        """
        found = {"part": self.part} | explanation(self.model, self.table, effort, drawn=tuple(drawn), tick=tick)
        known = read_explanation(self.path)
        self._write(found | ({"learning": known["learning"]} if "learning" in known else {}))
        return found

    def sizes(self) -> list[int]:
        """Return how many rows the networks of the learning curve are trained on; the last are all.

        Raises:
            ArgumentError: no run to take settings from, or too few rows.
        """
        config, tables = self._own()
        encoder = self.model.encoder
        classes = 0 if encoder is None or encoder.classes is None else len(encoder.classes)
        counts = sizes(len(tables.train), classes=classes)
        if config.task != "rows" or len(counts) < 2:
            raise ArgumentError(
                "learning_curve", "at least 40 training rows, and four of each class", f"{len(tables.train)}"
            )
        return counts

    def cost(self, counts: Sequence[int]) -> tuple[float, float]:
        """Return about how long the trainings take, as a share of the run's own, and in seconds."""
        share = sum(counts[:-1]) / counts[-1]
        seconds = read_status(self.path).get("seconds")
        return share, share * float(seconds["train"] if isinstance(seconds, dict) else 0.0)

    def learn(
        self, counts: Sequence[int], hooks: Callable[[int], Sequence[Hook]] = lambda rows: ()
    ) -> list[dict[str, Any]]:
        """Compute the learning curve and write it after each size, so that Ctrl-C loses the size at work alone."""
        config, tables = self._own()
        points: list[dict[str, Any]] = []
        try:
            for point in learning_curve(config, tables, self.model, self.table, counts, hooks=hooks):
                points.append(point)
                self._write(
                    {"schema": 1}
                    | read_explanation(self.path)
                    | {"learning": {"points": points, "planned": counts, "part": self.part}}
                )
        except KeyboardInterrupt:
            pass
        return points

    def _own(self) -> tuple[RunConfig, Tables[Table]]:
        if self.config is None:
            raise ArgumentError("learning_curve", "a run folder, whose settings it trains with", f"{self.path}")
        self.tables = self.tables or make_tables(self.config)
        if self.part == "training":
            raise ArgumentError(
                "learning_curve", "rows to test on", "a run that tested on none", "Give a file, or train with --test."
            )
        check_in_memory(self.tables.train)
        return self.config, self.tables

    def _write(self, content: dict[str, Any]) -> None:
        if self.config is not None:
            write_json(self.path / EXPLANATION, content)
            write_report(self.path)


def _own_rows(tables: Tables[Table]) -> tuple[str, Table]:
    """The rows of a run that were least trained on."""
    if tables.test is not None:
        return "test", tables.test
    return ("training", tables.train) if tables.validation is None else ("validation", tables.validation)
