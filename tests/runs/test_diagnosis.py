"""A run's checkup: its files, the command that reads them, the report's section, and runs without one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from thalweg.cli.main import run as thalweg
from thalweg.core.errors import DivergedError, ModelError
from thalweg.diagnosis import judge
from thalweg.recipes.config import make_config
from thalweg.runs.diagnosis import checkup_lines, evidence_of, findings_of, looked_closer, not_measured
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
    assert thalweg(["diagnose", str(faulty), "--no-probe"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("1. error: learning rate too low")
    assert "--learning-rate " in text
    assert thalweg(["diagnose", str(faulty), "--json", "--no-probe"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["cause"] == "learning_rate_too_low"


def test_training_ends_with_the_weightiest_problem_and_how_to_see_the_rest(
    faulty: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, more = checkup_lines(faulty)
    assert first.startswith("checkup error: learning rate too low. Steps are too small")
    assert more.strip().endswith(f"thalweg diagnose {faulty}")
    sound = ["train", "wine", "--preset", "plain", "--hidden", "16", "--epochs", "40", "--learning-rate", "0.01"]
    assert thalweg([*sound, "--out", str(tmp_path / "sound")]) == 0
    assert "checkup" not in capsys.readouterr().out
    assert checkup_lines(tmp_path) == []  # a folder that was not examined says nothing


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


def test_what_was_not_measured_is_said_once_with_what_to_run(faulty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert thalweg(["diagnose", str(faulty), "--no-probe"]) == 0
    text = capsys.readouterr().out
    assert text.count("Not measured") == 1
    assert "--learning-rate 1e-06 --preset plain --epochs 6 --diagnose full --out NEW. It took " in text
    evidence = evidence_of(faulty)
    unsupported = {"units": "nothing is flat", "rank": "no layers", "gradients": "no layers"}
    first = {**evidence.records[0], "unsupported": unsupported}
    lines = not_measured(faulty, replace(evidence, records=[first, *evidence.records[1:]]))
    assert lines[:2] == ["Not measured: units (nothing is flat).", "Not measured: rank, gradients (no layers)."]


def test_a_bad_run_is_probed(faulty: Path) -> None:
    """Its own steps cannot fit one minibatch, plain Adam can, and the loss where it ended still has a slope."""
    evidence = looked_closer(faulty, evidence_of(faulty))
    assert evidence.number("one_batch", "left_own") > 0.5
    assert evidence.number("one_batch", "left_adam") < 0.1
    assert evidence.number("point", "agreement") > 0.1
    assert "cannot_fit_one_batch" in [finding.cause for finding in judge(evidence)]
    unprobed = looked_closer(faulty, evidence_of(faulty), probe=False)
    assert "one_batch" not in unprobed.facts


def test_folds_name_wrong_labels_by_their_rows_and_tell_luck(tmp_path: Path) -> None:
    draw, wrong = np.random.default_rng(2), [5, 17, 40]
    y = np.arange(120) % 2
    x = draw.normal(size=(120, 2)) + 6 * y[:, None]
    y[wrong] = 1 - y[wrong]
    rows = [f"{a:.4f},{b:.4f},{'no' if c else 'yes'}" for (a, b), c in zip(x, y, strict=True)]
    (tmp_path / "blobs.csv").write_text("\n".join(["a,b,y", *rows]))
    settings = {"data": str(tmp_path / "blobs.csv"), "preset": "plain", "hidden": 16, "epochs": 12, "batch_size": 16}
    settings |= {"cv": 3, "test": "none", "learning_rate": 0.01, "weight_decay": 0.01, "optimizer": "adamw"}
    train_run(make_config(settings | {"out": str(tmp_path / "run")}))
    evidence = evidence_of(tmp_path / "run")
    suspects = evidence.facts["suspects"]
    assert sorted(one["row"] for one in suspects["rows"]) == wrong
    assert all(one["given"] == ("no" if y[one["row"]] else "yes") != one["likely"] for one in suspects["rows"])
    lines = (tmp_path / "run" / "suspects.csv").read_text().splitlines()
    assert len(lines) == 1 + len(wrong)
    assert np.mean(evidence.facts["seeds"]["values"]) == pytest.approx(len(wrong) / 120)
    found = {finding.cause: finding for finding in findings_of(tmp_path / "run")}
    assert {"wrong_label_suspects", "seed_spread"} <= set(found)
    assert "row 17 of " in found["wrong_label_suspects"].says
    assert not [finding for finding in found.values() if finding.severity == "error"]
    assert "trained together" in not_measured(tmp_path / "run", evidence)[-1]


def test_runs_that_differ_in_their_seed_alone_tell_luck(tmp_path: Path, faulty: Path) -> None:
    errors, settings = [0.1, 0.2, 0.4], (faulty / "config.toml").read_text()
    assert "seed = 0" in settings
    assert "l2 = 0.0" in settings
    for seed, error in enumerate(errors):
        folder = tmp_path / f"run-{seed}"
        folder.mkdir()
        for name in ("run.json", "log.jsonl", "instruments.jsonl", FACTS):
            (folder / name).write_bytes((faulty / name).read_bytes())
        (folder / "config.toml").write_text(settings.replace("seed = 0", f"seed = {seed}"))
        (folder / "evaluation.json").write_text(json.dumps({"test": {"error": error}}))
    (tmp_path / "run-2" / "config.toml").write_text(settings.replace("l2 = 0.0", "l2 = 0.5"))
    evidence = looked_closer(tmp_path / "run-0", evidence_of(tmp_path / "run-0"), probe=False)
    assert evidence.facts["seeds"]["values"] == errors[:2]
    assert "seed_spread" in [finding.cause for finding in judge(evidence)]
    alone = looked_closer(tmp_path / "run-2", evidence_of(tmp_path / "run-2"), probe=False)
    assert alone.facts["seeds"] == {}
