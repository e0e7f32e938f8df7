"""A run's checkup: its files, the command that reads them, the report's section, and runs without one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from thalweg.cli.main import run as thalweg
from thalweg.core.errors import DivergedError, ModelError
from thalweg.recipes.config import make_config
from thalweg.runs.diagnosis import findings_of
from thalweg.runs.report.files import FACTS
from thalweg.runs.run import train_run


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose steps are too small to arrive."""
    out = tmp_path_factory.mktemp("checkup") / "slow"
    train_run(
        make_config(
            {"data": "wine", "preset": "plain", "hidden": 16, "learning_rate": 1e-6, "epochs": 6, "out": str(out)}
        )
    )
    return out


def test_the_command_tells_cause_numbers_and_flags(faulty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert thalweg(["diagnose", str(faulty)]) == 0
    text = capsys.readouterr().out
    assert text.startswith("1. error: learning rate too low")
    assert "--learning-rate " in text
    assert thalweg(["diagnose", str(faulty), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["cause"] == "learning_rate_too_low"


def test_the_report_shows_the_findings(faulty: Path) -> None:
    page = (faulty / "report.html").read_text()
    assert "Learning rate too low." in page
    assert "--learning-rate " in page


def test_a_run_without_a_checkup_says_what_to_run_again(
    tmp_path: Path, faulty: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run").mkdir()
    for name in ("run.json", "log.jsonl", "config.toml"):
        (tmp_path / "run" / name).write_bytes((faulty / name).read_bytes())
    assert thalweg(["diagnose", str(tmp_path / "run")]) == 2
    message = capsys.readouterr().err
    assert "thalweg train wine" in message
    assert "--diagnose cheap" in message
    assert thalweg(["diagnose", str(tmp_path)]) == 2
    (tmp_path / "run" / "instruments.jsonl").write_bytes((faulty / "instruments.jsonl").read_bytes())
    (tmp_path / "run" / FACTS).write_text("{")
    with pytest.raises(ModelError, match="damaged"):
        findings_of(tmp_path / "run")


def test_a_run_that_diverges_is_diagnosed_too(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(64, 3)) * 1e18
    np.savez(tmp_path / "huge.npz", x=x, y=x[:, 0] - x[:, 1] ** 2 / 1e18)
    config = {
        "data": str(tmp_path / "huge.npz"),
        "preset": "plain",
        "target": "y",
        "standardize": False,
        "optimizer": "sgd",
    }
    with pytest.raises(DivergedError):
        train_run(make_config(config | {"learning_rate": 1e10, "hidden": 8, "out": str(tmp_path / "run")}))
    causes = [finding.cause for finding in findings_of(tmp_path / "run")]
    assert "unscaled_data" in causes[:2]
    assert "unscaled_data".replace("_", " ").capitalize() in (tmp_path / "run" / "report.html").read_text()


def test_a_run_of_several_networks_says_how_to_train_one(tmp_path: Path) -> None:
    command = ["thalweg", "train", "wine", "--members", "3", "--epochs", "2", "--diagnose", "none"]
    status = {"schema_version": 1, "state": "finished", "settings": {"members": 3}, "command": command}
    (tmp_path / "run.json").write_text(json.dumps(status))
    with pytest.raises(ModelError, match="one network alone: thalweg train wine --epochs 2 --diagnose cheap --out NEW"):
        findings_of(tmp_path)
