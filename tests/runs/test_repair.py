"""Remedies: tried on rows held out, kept where they help, and never at the cost of the run they are for."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from thalweg.cli.main import run as thalweg
from thalweg.recipes.config import make_config
from thalweg.runs.repair import repair
from thalweg.runs.run import train_run
from thalweg.training import ChunkInfo, Hook, RunInfo


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("repair") / "slow"
    train_run(
        make_config(
            {"data": "wine", "preset": "plain", "hidden": 16, "learning_rate": 1e-6, "epochs": 8, "out": str(out)}
        )
    )
    return out


def test_the_remedy_is_found_tried_and_kept(slow: Path) -> None:
    before = contents(slow)
    result = repair(slow)
    as_it_was = result.attempts[0]
    assert as_it_was.causes == ()
    larger = next(one for one in result.attempts if one.causes == ("learning_rate_too_low",))
    assert larger.better_than(as_it_was)
    assert result.best is not None
    assert result.best.metric is not None
    assert as_it_was.metric is not None
    assert result.best.metric < as_it_was.metric
    assert result.run is not None
    assert result.run.evaluation["error"] < json.loads(before["evaluation.json"])["test"]["error"]
    assert json.loads((slow.with_name("slow-repaired") / "repair.json").read_text())["kept"] == list(result.best.causes)
    assert contents(slow) == before


def test_the_command_shows_before_and_after_and_keeps_what_is_there(
    slow: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert thalweg(["repair", str(slow), "--out", str(tmp_path / "new")]) == 0
    text = capsys.readouterr().out
    assert text.index("as it was") < text.index("learning rate too low")
    assert "report" in text
    assert thalweg(["repair", str(slow), "--out", str(tmp_path / "new")]) == 2
    assert str(tmp_path / "new") in capsys.readouterr().err


def test_a_sound_run_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train_run(
        make_config({"data": "wine", "preset": "plain", "hidden": 16, "epochs": 60, "out": str(tmp_path / "sound")})
    )
    assert thalweg(["repair", str(tmp_path / "sound")]) == 0
    assert "no new run" in capsys.readouterr().out
    assert not (tmp_path / "sound-repaired").exists()


class Stop(Hook):
    """Press Ctrl-C in the second epoch of the second training."""

    def __init__(self) -> None:
        self.trainings = 0

    def on_train_start(self, info: RunInfo) -> None:
        self.trainings += 1

    def on_chunk_end(self, info: ChunkInfo) -> None:
        if self.trainings == 2 and info.epoch == 2:
            os.kill(os.getpid(), signal.SIGINT)


def test_an_interrupted_repair_goes_on_where_it_was(
    slow: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Two remedies, of which one shares the program of the run as it was.
    remedies = {"learning_rate_too_low": {"learning_rate": 0.01}, "capacity_too_small": {"hidden": (20,)}}
    monkeypatch.setattr("thalweg.runs.repair._remedies", lambda config, findings: (remedies, []))
    first = repair(slow, tmp_path / "new", hooks=[Stop()])
    assert first.best is None
    assert [one.causes for one in first.attempts] == [(), ("learning_rate_too_low",)]
    assert not (tmp_path / "new").exists()
    trained: list[str] = []
    again = repair(slow, tmp_path / "new", say=trained.append)
    assert trained[0] == "training capacity too small"
    assert again.attempts[:2] == first.attempts
    assert again.best is not None
    assert again.best.better_than(first.attempts[0])
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


def test_a_run_of_several_networks_is_refused_with_how_to_train_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {"data": "wine", "preset": "plain", "hidden": 2, "epochs": 1, "cv": 5, "out": str(tmp_path / "five")}
    train_run(make_config(settings))
    assert thalweg(["repair", str(tmp_path / "five")]) == 2
    error = capsys.readouterr().err
    assert "RUN: expected a run of a single network, got 5 networks." in error
    assert "Train one network alone: thalweg train wine" in error
    assert "--cv" not in error
