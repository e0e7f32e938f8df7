"""A search from settings to a table of trials and a run with the best of them."""

import csv
import dataclasses
import json
import platform
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from pages import read_page

from thalweg.core.errors import ArgumentError, StorageError, ThalwegError
from thalweg.deploy import load
from thalweg.recipes.plan import train_plan
from thalweg.recipes.prepare import prepare
from thalweg.recipes.tables import make_tables
from thalweg.runs.record import read_status, run_config
from thalweg.runs.search import SearchResult, search
from thalweg.runs.search.run import Request, open_study, task_of
from thalweg.runs.search.study import Study, Trial

SMALL: dict[str, Any] = {
    "data": "wine",
    "epochs": 4,
    "trials": 9,
    "test": "0.2",
    "pruner": "none",
    "space": {"learning_rate": "1e-3:0.1:log", "width": [4, 8]},
}
"""A search whose trials share few shapes: compilation is all that costs."""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> SearchResult:
    """A finished search. Tests that go on with it work on copies."""
    return search(**SMALL, out=str(tmp_path_factory.mktemp("search") / "<i>wine"))


def copied(found: SearchResult, to: Path) -> dict[str, Any]:
    """The arguments of the search in a copy of its folder."""
    shutil.copytree(found.path, to / "search")
    return SMALL | {"out": str(to / "search")}


def test_the_files_say_what_optuna_kept(found: SearchResult) -> None:
    study = optuna.load_study(study_name="thalweg", storage=f"sqlite:///{found.path / 'study.db'}")
    assert len(found.trials) == len(study.trials) == 9
    assert found.trials[0].params == {}
    assert found.best is not None
    assert found.best.number == study.best_trial.number
    assert found.best.value == study.best_value == min(t.value for t in study.trials)
    written = json.loads((found.path / "search.json").read_text())
    assert written["state"] == "finished"
    assert written["best"]["params"] == study.best_params
    assert written["objective"] == "validation_loss"
    rows = list(csv.DictReader((found.path / "trials.csv").read_text().splitlines()))
    assert [float(row["loss"]) for row in rows] == [t.value for t in study.trials]
    assert [row["width"] for row in rows[1:]] == [str(t.params["width"]) for t in study.trials[1:]]


def test_a_trial_is_a_run_of_its_settings_on_rows_without_the_test(found: SearchResult) -> None:
    best = found.best
    assert best is not None
    settings = {"data": "wine", "epochs": 4, "test": "0.2"}
    task = task_of(Request(settings, 1, "", space=SMALL["space"]))
    assert task.plan.tables.test is None
    assert task.plan.test is None
    # The rows left out of the search are those that the last training is tested on.
    run = run_config(found.run) if found.run is not None else None
    assert run is not None
    tables = make_tables(run)
    parts = (task.plan.tables.train, task.plan.tables.validation)
    assert sum(len(part) for part in parts if part is not None) == len(tables.train)
    seen = {row.tobytes() for part in parts if part is not None for row in np.asarray(part.features, np.float32)}
    used = {row.tobytes() for row in np.asarray(tables.train.features, np.float32)}
    assert seen == used
    # What the study was told is what such a run gives on the same rows, without anything that trials share.
    trained = train_plan(prepare(task.config(best.params), task.plan.tables))
    assert trained.history[-1]["validation_loss"] == best.value
    assert trained.history[-1]["validation_error"] == best.metric


def test_the_best_settings_are_trained_into_a_run(found: SearchResult) -> None:
    assert found.best is not None
    assert found.run == found.path / f"trial-{found.best.number}"
    config = run_config(found.run)
    assert config.learning_rate == found.best.params["learning_rate"]
    assert config.hidden == (found.best.params["width"],) * 2
    assert config.validation == 0
    status = read_status(found.run)
    assert (status["state"], status["tested"], status["data"]["test_rows"]) == (
        "finished",
        True,
        len(make_tables(config).test or ()),
    )
    assert load(found.run).network.inputs == 13


def test_the_page_tells_the_search(found: SearchResult) -> None:
    page = read_page(found.report.read_text())
    assert found.best is not None
    assert f"trial {found.best.number} of 9" in page.one("h1").text
    assert not page.all("i")  # the folder's name is text, not markup
    tables = {table.one("caption").text: table.rows for table in page.all("table")}
    trials = tables["All trials"]
    assert trials[0] == ["Trial", "Loss", "Error", "learning_rate", "width", "Epochs", "Time", "State"]
    assert trials[1][0] == str(found.best.number)
    assert len(trials) == 10
    assert tables["Ranges"][1:] == [["learning_rate", "0.001:0.1:log"], ["width", "4, 8"]]
    shares = tables["Share of each setting in how the values differ"][1:]
    assert {row[0] for row in shares} == {"learning_rate", "width"}
    assert sum(found.importances.values()) == pytest.approx(1)
    drawn = json.loads(page.one("figure").one("script").text)["series"]
    best_so_far = [point["y"] for point in drawn[-1]["points"]]
    values = [trial.value for trial in found.trials]
    assert best_so_far == np.minimum.accumulate(values).tolist()


def test_a_search_goes_on_and_a_finished_one_is_left_alone(found: SearchResult, tmp_path: Path) -> None:
    again = copied(found, tmp_path)
    told: list[str] = []
    same = search(**again, say=told.append)
    assert same.trials == found.trials
    assert same.trained is None
    assert same.run is not None
    assert any("trained already" in line for line in told)
    more = search(**again | {"trials": 11})
    assert more.trials[:9] == found.trials
    assert len(more.trials) == 11
    drawn = [trial.params["learning_rate"] for trial in more.trials[1:]]
    assert len(set(drawn)) == len(drawn)  # no draw is repeated


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"epochs": 5}, "epochs: expected 4"),
        ({"seed": 1}, "seed: expected 0"),
        ({"data": "iris"}, "data: expected the rows"),
        ({"objective": "metric"}, "objective: expected loss"),
        ({"space": {"learning_rate": "1e-3:0.2:log", "width": [4, 8]}}, "learning_rate: expected 0.001:0.1:log"),
    ],
)
def test_another_search_is_not_mixed_in(found: SearchResult, tmp_path: Path, change: dict[str, Any], said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        search(**copied(found, tmp_path) | change)


def test_trials_that_diverge_are_told_and_the_search_goes_on(tmp_path: Path) -> None:
    settings = SMALL | {"space": {"learning_rate": [0.01, 1e30]}, "optimizer": "sgd", "hidden": 4, "trials": 6}
    result = search(**settings, out=str(tmp_path / "s"))
    failed = [trial for trial in result.trials if trial.state == "failed"]
    assert failed
    assert {trial.params["learning_rate"] for trial in failed} == {1e30}
    assert all("diverged" in str(trial.message) for trial in failed)
    assert result.best is not None
    assert result.best.params.get("learning_rate", 0.01) == 0.01
    assert len(result.trials) == 6
    hopeless = SMALL | {"space": {"dropout": [0.1, 0.2]}, "learning_rate": 1e30, "optimizer": "sgd", "hidden": 4}
    with pytest.raises(ArgumentError, match=r"2 that failed\. The last: training diverged"):
        search(**hopeless | {"trials": 2}, out=str(tmp_path / "h"))


def test_trials_behind_the_others_end_early(tmp_path: Path) -> None:
    # A step of 1e-9 learns nothing: from the sixth finished trial on such a trial is behind the median.
    settings = SMALL | {"space": {"learning_rate": [0.03, 1e-9]}, "hidden": 8, "pruner": "median", "trials": 14}
    result = search(**settings, out=str(tmp_path / "s"))
    pruned = [trial for trial in result.trials if trial.state == "pruned"]
    assert pruned
    assert {trial.params["learning_rate"] for trial in pruned} == {1e-9}
    assert all(trial.epochs < 4 for trial in pruned)


def test_ctrl_c_leaves_a_search_that_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = SMALL | {"trials": 3, "out": str(tmp_path / "s")}

    def stop(trials: list[Trial]) -> None:
        if len(trials) == 2:
            raise KeyboardInterrupt

    result = search(**settings, told=stop)
    assert (result.state, len(result.trials), result.run) == ("interrupted", 2, None)
    with monkeypatch.context() as patch:

        def interrupted(*_: object) -> None:
            raise KeyboardInterrupt

        patch.setattr("thalweg.runs.search.trial.train_plan", interrupted)
        result = search(**settings)
    assert [trial.state for trial in result.trials] == ["done", "done", "interrupted"]
    result = search(**settings)
    assert [trial.state for trial in result.trials] == ["done", "done", "interrupted", "done"]
    assert result.state == "finished"
    assert result.run is not None


def test_a_trial_whose_process_died_does_not_count(tmp_path: Path) -> None:
    request = Request({"data": "wine", "epochs": 1}, 2, str(tmp_path / "s"))
    study = open_study(request, task_of(request))
    host = platform.node()
    assert study.ask(2, f"{host}:.worker-0") is not None  # no process holds that file
    assert study.ask(2, "elsewhere:.worker-1") is not None
    assert study.ask(2, f"{host}:.worker-0") is None
    study.bury()
    assert [trial.state for trial in study.trials()] == ["interrupted", "running"]
    assert study.ask(2, f"{host}:.worker-0") is not None


@pytest.mark.slow
def test_processes_share_a_search_and_run_as_many_trials_as_asked_for(tmp_path: Path) -> None:
    settings = SMALL | {"trials": 5, "jobs": 2, "out": str(tmp_path / "s"), "storage": str(tmp_path / "own.db")}
    result = search(**settings)
    assert [trial.number for trial in result.trials] == [0, 1, 2, 3, 4]
    assert {trial.state for trial in result.trials} == {"done"}
    assert result.run is not None
    assert not (tmp_path / "s" / "study.db").exists()
    assert not list((tmp_path / "s").glob(".worker-*"))
    study = optuna.load_study(study_name="thalweg", storage=f"sqlite:///{tmp_path / 'own.db'}")
    assert len(study.trials) == 5
    with pytest.raises(ThalwegError, match=r"A process of the search failed: .*does not exist"):
        _crew_without_storage(settings)


def _crew_without_storage(settings: dict[str, Any]) -> None:
    from thalweg.runs.search.crew import Crew

    request = Request({"data": "wine"}, 9, settings["out"], storage=str(Path(settings["out"]) / "none" / "s.db"))
    Crew(request, 1).work(lambda: None)


def test_storage_that_cannot_be_used(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("no database, but long enough to be taken for the head of one\n" * 20)
    with pytest.raises(StorageError, match=r"notes\.txt as the storage of a search: file is not a database"):
        Study(tmp_path, str(text), "none", 1)
    with pytest.raises(StorageError, match="does not exist"):
        Study(tmp_path, str(tmp_path / "none" / "s.db"), "none", 1)
    with pytest.raises(StorageError, match="it is a folder"):
        Study(tmp_path, str(tmp_path), "none", 1)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("")
    with pytest.raises(StorageError, match="holds other files"):
        search(**SMALL, out=str(tmp_path / "other"))


def test_the_objective_has_to_be_comparable() -> None:
    request = Request({"data": "wine"}, 1, "", space={"label_smoothing": [0.0, 0.1]})
    with pytest.raises(ArgumentError, match="--objective metric"):
        task_of(request)
    assert task_of(dataclasses.replace(request, objective="metric")).monitor == "validation_error"


def test_members_and_folds_are_left_for_the_last_training() -> None:
    task = task_of(Request({"data": "wine", "members": 4, "cv": 5}, 1, ""))
    assert (task.base.members, task.base.cv, task.base.validation) == (1, 0, 0.2)


def test_what_the_last_training_would_refuse_is_refused_first(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="start: expected none beside members and cv"):
        search("wine", trials=2, epochs=1, members=2, start="run", out=str(tmp_path / "s"))
    with pytest.raises(ArgumentError, match="cv: expected at most 142 folds"):  # of rows that trials watch, too
        search("wine", trials=2, epochs=1, cv=143, out=str(tmp_path / "s"))
    assert not (tmp_path / "s").exists()


def test_folds_of_the_last_training_take_the_place_of_the_rows_that_trials_watch(tmp_path: Path) -> None:
    found = search(**SMALL | {"trials": 1, "cv": 2, "validation": 0.3}, out=str(tmp_path / "s"))
    assert found.run is not None
    config = run_config(found.run)
    assert (config.cv, config.validation) == (2, 0)


def test_the_last_training_of_best_has_folds_whatever_trials_watch() -> None:
    for given in ({}, {"validation": 0.3}, {"calibrate": "conformal"}):
        request = {"data": "wine", "preset": "best", **given}
        task = task_of(Request(request, 1, ""))
        assert (task.plan.config.cv, task.plan.config.members) == (0, 1)
        plan = prepare(task.last(request, {}))
        assert (plan.config.cv, plan.config.validation) == (5, 0)


@pytest.mark.usefixtures("compile_quickly")
def test_trials_of_the_recipe_are_compared_from_its_patience_on(tmp_path: Path) -> None:
    given = {"data": "wine", "preset": "tabular", "hidden": 4, "shared_members": 2}
    falling = given | {"schedule": "cosine", "epochs": 30}
    for settings, settled in ((given | {"patience": 4}, 4), (falling, 10)):
        request = Request(settings, 1, str(tmp_path / str(settled)), space={"dropout": [0.0, 0.1]})
        study = open_study(request, task_of(request))
        # The rule may end a trial only after that many epochs.
        for place in range(6):
            trial = study.ask(100, "host:.worker")
            for epoch in range(1, 13):
                trial.report(1.0 + place, epoch)
                assert not trial.should_prune() or (place == 5 and epoch >= settled)
            if place == 5:
                assert trial.should_prune()
            study.tell(trial, 1.0 + place, "done")
