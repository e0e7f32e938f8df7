import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from thalweg.cli.train import result_lines
from thalweg.core.errors import ArgumentError
from thalweg.data import read as reading
from thalweg.data.readers import arrays
from thalweg.recipes.config import make_config
from thalweg.recipes.prepare import prepare
from thalweg.runs.run import resume, train_run, use_threads
from thalweg.training import Hook, RunInfo


def table(path: Path, rows: int = 200) -> Path:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 2))
    lines = ["a,b,y"] + [f"{a:.5f},{b:.5f},{'up' if a * b > 0 else 'down'}" for a, b in x]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.slow
def test_a_killed_run_resumes_to_the_same_bits(tmp_path: Path) -> None:
    data = table(tmp_path / "t.csv")
    settings = {"data": str(data), "preset": "plain", "hidden": 8, "epochs": 400, "dropout": 0.1}
    settings |= {"checkpoint_seconds": 0.3}
    code = (
        "import sys, json; from thalweg.recipes.config import make_config; from thalweg.runs.run import train_run; "
        "train_run(make_config(json.loads(sys.argv[1])))"
    )
    killed = tmp_path / "killed"
    process = subprocess.Popen([sys.executable, "-c", code, json.dumps(settings | {"out": str(killed)})])
    deadline = time.monotonic() + 60
    while not list(killed.glob("checkpoint/[0-9]*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = len((killed / "log.jsonl").read_text().splitlines())
    assert before < 400, "too late to kill it"
    with pytest.raises(ArgumentError, match="seed: expected 0 as in the run to resume, got 1"):
        resume(killed, {"seed": 1})
    resumed = resume(killed, {"seed": 0})
    whole = train_run(make_config(settings | {"out": str(tmp_path / "whole")}))
    weights = [(run.path / "model" / "weights.safetensors").read_bytes() for run in (resumed, whole)]
    assert weights[0] == weights[1]
    epochs = [json.loads(line)["epoch"] for line in (killed / "log.jsonl").read_text().splitlines()]
    assert epochs == list(range(1, 401))


def test_resume_refuses_other_data(tmp_path: Path) -> None:
    data = table(tmp_path / "t.csv")
    config = make_config({"data": str(data), "hidden": 2, "epochs": 1, "out": str(tmp_path / "r")})
    run = train_run(config)
    status = json.loads((run.path / "run.json").read_text())
    (run.path / "run.json").write_text(json.dumps(status | {"state": "running"}))
    table(data, rows=201)
    with pytest.raises(ArgumentError, match="data: expected the rows the run began with"):
        resume(run.path, {})


def test_how_many_networks_are_told_and_remembered(tmp_path: Path) -> None:
    told: list[str] = []
    settings = {"data": "wine", "preset": "plain", "hidden": 8, "epochs": 2, "members": 2, "cv": 3}
    run = train_run(make_config(settings | {"out": str(tmp_path / "r")}), say=told.append)
    one = 8 * (13 + 1) + 3 * (8 + 1)
    words = f"6 networks 13-8-3, each without one of 3 folds of the rows, {one} parameters each, {6 * one} in all"
    assert any(line.startswith(words) for line in told)
    assert any(line.startswith("lines of an epoch are means over the 6 networks") for line in told)
    score = json.loads((run.path / "evaluation.json").read_text())["out_of_fold"]
    last = f"out-of-fold error {100 * score['error']:.2f} % of {score['rows']} training rows, each judged by networks"
    assert result_lines(run)[-1].startswith(last)
    assert run.out_of_fold == score
    summary = json.loads((run.path / "run.json").read_text())["summary"]
    assert (summary["networks"], summary["parameters"]) == (6, 6 * one)
    assert [row["layer"] for row in summary["rows"]] == ["dense", "relu", "dense"]


def test_what_is_remembered(tmp_path: Path) -> None:
    run = train_run(make_config({"data": "diabetes", "hidden": 8, "epochs": 2, "out": str(tmp_path / "r")}))
    status = json.loads((run.path / "run.json").read_text())
    assert status["state"] == "finished"
    assert status["data"]["train_rows"] + status["data"]["test_rows"] == 442
    assert len(status["data"]["hash"]) == 64
    assert status["settings"]["likelihood"] == "gaussian"
    assert {"thalweg", "python", "jax", "numpy"} <= status["versions"].keys()
    assert status["summary"]["parameters"] == 8 * (10 + 1) + 9
    evaluation = json.loads((run.path / "evaluation.json").read_text())["test"]
    assert evaluation["rmse"] == pytest.approx(run.history[-1]["test_rmse"], rel=1e-3)
    assert evaluation["targets"][0]["points"]["sd"][0] > 0


def test_larger_than_memory_trains_from_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "MAP_BYTES", 1000)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 3)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", (x[:, 0] > 0).astype(np.int64))
    assert reading.read(tmp_path / "x.npy").is_mapped
    settings = {"data": str(tmp_path / "x.npy"), "hidden": 8, "epochs": 30, "learning_rate": 0.01}
    with pytest.warns(UserWarning, match="its last 120 rows are the test set"):
        run = train_run(make_config(settings | {"out": str(tmp_path / "r")}))
    assert run.evaluation["rows"] == 120
    assert run.evaluation["error"] < 0.1


def test_bad_cells_keep_their_row_numbers_through_the_split(tmp_path: Path) -> None:
    data = table(tmp_path / "t.csv")
    lines = data.read_text().splitlines()
    for row in (5, 150):
        data.write_text("\n".join([*lines[:row], "inf,1,up", *lines[row + 1 :]]) + "\n")
        with pytest.raises(ValueError, match=f"'a', row {row} holds inf"):
            prepare(make_config({"data": str(data)}))


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system pins no processes")
def test_processes_side_by_side_take_other_cores_and_give_them_back(monkeypatch: pytest.MonkeyPatch) -> None:
    held = [{4, 5, 6, 9}]
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: held[-1])
    monkeypatch.setattr(os, "sched_setaffinity", lambda process, cores: held.append(set(cores)))
    for process, cores in [(100, {4, 5}), (101, {5, 6}), (103, {9, 4})]:
        monkeypatch.setattr(os, "getpid", lambda process=process: process)
        with use_threads(2):
            assert held[-1] == cores
        assert held[-1] == {4, 5, 6, 9}
    with use_threads(None):
        assert held[-1] == {4, 5, 6, 9}


class PressedAtFirst(Hook):
    """Press Ctrl-C as the first epoch begins."""

    def on_epoch_start(self, epoch: int) -> None:
        os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("several", [{}, {"members": 2}, {"cv": 2}])
def test_ctrl_c_before_the_first_epoch_ends_leaves_a_run_that_goes_on(tmp_path: Path, several: dict[str, int]) -> None:
    data = table(tmp_path / "t.csv")
    config = make_config({"data": str(data), "hidden": 2, "epochs": 2, "out": str(tmp_path / "r")} | several)
    run = train_run(config, hooks=[PressedAtFirst()])
    assert (run.state, run.history) == ("interrupted", [])
    assert [row["epoch"] for row in resume(run.path, {}).history] == [1, 2]


def test_ctrl_c_outside_of_the_steps_says_how_to_go_on(tmp_path: Path) -> None:
    class Compiling(Hook):
        def on_train_start(self, info: RunInfo) -> None:
            raise KeyboardInterrupt

    data, out, lines = table(tmp_path / "t.csv"), tmp_path / "r", list[str]()
    config = make_config({"data": str(data), "hidden": 2, "epochs": 2, "out": str(out)})
    with pytest.raises(KeyboardInterrupt):
        train_run(config, hooks=[Compiling()], say=lines.append)
    assert json.loads((out / "run.json").read_text())["state"] == "interrupted"
    assert lines[-1].strip() == f"thalweg train --resume {out}"
    assert resume(out, {}).state == "finished"
