"""What a search leaves: trials, the best of them, what mattered; as files and for the terminal."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thalweg.core.files import write_atomic, write_json
from thalweg.runs.run import Run
from thalweg.runs.search.page import search_page
from thalweg.runs.search.study import Study, Trial
from thalweg.runs.search.trial import Task

SCHEMA = 1


@dataclass(frozen=True, eq=False)
class SearchResult:
    """A search that has ended, for now or for good.

    Attributes:
        path: its folder.
        state: ``"finished"``, ``"interrupted"``, or ``"left to others"``: other processes still work on it.
        monitor: what was to become small, such as ``"validation_loss"``.
        metric: the error measure, ``"error"`` or ``"rmse"``.
        trials: in their order; trial 0 has the settings as given.
        best: the finished trial of the smallest value.
        importances: share of each setting in how values differ.
        space: the ranges, in words.
        settings: those of every trial.
        data: name of the data.
        seconds: of this call.
        run: folder of the run with the best settings.
        trained: that run, where this call trained it.
    """

    path: Path
    state: str
    monitor: str
    metric: str
    trials: list[Trial]
    best: Trial | None
    importances: dict[str, float]
    space: dict[str, str]
    settings: dict[str, Any]
    data: str
    seconds: float
    run: Path | None = None
    trained: Run | None = None

    @property
    def report(self) -> Path:
        """The page that shows the search."""
        return self.path / "search.html"


def collect(task: Task, study: Study, path: Path, state: str, seconds: float) -> SearchResult:
    """Return what is known of a search."""
    trials = study.trials()
    return SearchResult(
        path,
        state,
        task.monitor,
        task.plan.likelihood.metric,
        trials,
        best_of(trials),
        study.importances(task.space),
        {name: str(each) for name, each in task.space.items()},
        task.plan.settings,
        task.plan.tables.train.name,
        seconds,
    )


def best_of(trials: Sequence[Trial]) -> Trial | None:
    """Return the finished trial of the smallest value, the first of several.

    Example:
        >>> best_of([Trial(i, "done", v, {}, 1, 1.0, None) for i, v in enumerate((0.3, 0.1, 0.1))]).number
        1
    """
    done = [trial for trial in trials if trial.state == "done" and trial.value is not None]
    return min(done, key=lambda trial: (trial.value, trial.number), default=None)


def write_result(found: SearchResult) -> None:
    """Write ``search.json``, ``trials.csv`` and ``search.html`` into the folder of a search.

    Raises:
        StorageError: the folder cannot be written.
    """
    write_json(
        found.path / "search.json",
        {
            "schema_version": SCHEMA,
            "state": found.state,
            "data": found.data,
            "objective": found.monitor,
            "space": found.space,
            "settings": found.settings,
            "best": None if found.best is None else vars(found.best),
            "run": None if found.run is None else found.run.name,
            "importances": found.importances,
            "trials": [vars(trial) for trial in found.trials],
        },
    )
    text = io.StringIO()
    columns = ["number", "state", "loss", found.metric, *found.space, "epochs", "seconds", "message"]
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(columns)
    for trial in found.trials:
        drawn = [trial.params.get(name, "") for name in found.space]
        values = [trial.loss, trial.metric]
        rows.writerow([trial.number, trial.state, *values, *drawn, trial.epochs, trial.seconds, trial.message])
    write_atomic(found.path / "trials.csv", text.getvalue())
    write_atomic(found.report, search_page(found))
