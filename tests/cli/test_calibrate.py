"""Calibration of real runs: the model, its folder, the report, and bad input in one line."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from thalweg.deploy import load
from thalweg.recipes.config import make_config
from thalweg.runs.run import train_run


@pytest.fixture(name="numbers", scope="session")
def _numbers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on numbers whose noise grows with x, predicted with one deviation for all."""
    folder = tmp_path_factory.mktemp("numbers")
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 1, 600)
    y = 10 * x + (0.1 + x) * rng.normal(size=600)
    lines = ["x,y", *(f"{a:.6f},{b:.6f}" for a, b in zip(x, y, strict=True))]
    (folder / "line.csv").write_text("\n".join(lines) + "\n")
    settings = {"data": str(folder / "line.csv"), "target": "y", "hidden": 8, "epochs": 10, "validation": 0.4}
    return train_run(make_config(settings | {"out": str(folder / "run")})).path


@pytest.fixture(name="classes", scope="session")
def _classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on two overlapping classes, calibrated while training."""
    folder = tmp_path_factory.mktemp("classes")
    rng = np.random.default_rng(1)
    kind = rng.integers(2, size=600)
    lines = ["u,v,kind", *(f"{k + rng.normal():.5f},{rng.normal():.5f},{'no' if k else 'yes'}" for k in kind)]
    (folder / "two.csv").write_text("\n".join(lines) + "\n")
    settings = {"data": str(folder / "two.csv"), "target": "kind", "hidden": 64, "epochs": 60, "learning_rate": 0.02}
    settings |= {"validation": 0.4, "calibrate": "temperature", "out": str(folder / "run")}
    return train_run(make_config(settings)).path


def test_calibration_while_training_is_kept_and_reported(classes: Path) -> None:
    model = load(classes)
    assert model.calibration.methods == ("temperature",)
    assert model.calibration.way.temperature > 1  # trained far too long
    evaluation = json.loads((classes / "evaluation.json").read_text())["test"]
    assert evaluation["calibration"]["before"]["loss"] != evaluation["loss"]
    assert evaluation["calibration"]["rows"] == 192
    page = (classes / "report.html").read_text()
    assert "before calibration" in page
    assert "calibrated on 192 held-out rows" in page


def test_isotonic_takes_the_place_of_temperature_and_conformal_is_added(thalweg, classes, tmp_path) -> None:
    run = tmp_path / "run"
    shutil.copytree(classes, run)
    answer = thalweg("calibrate", run, "--method", "isotonic")
    assert answer.code == 0, answer.err
    assert "isotonic curves" in answer.out
    assert "expected calibration error" in answer.out
    answer = thalweg("calibrate", run, "--method", "conformal", "--score", "aps")
    assert answer.code == 0, answer.err
    assert "sets of stated coverage 0.9 hold" in answer.out
    model = load(run)
    assert model.calibration.methods == ("isotonic", "conformal")
    x = {"u": [0.0, 3.0], "v": [0.0, 0.0]}
    import pandas as pd

    frame = pd.DataFrame(x)
    assert model.predict_sets(frame).any(axis=1).all()
    p = model.predict_proba(frame)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(np.exp(model.predict_dist(frame).log_prob(np.array([1, 1]))), p[:, 1], rtol=1e-4)
    assert model.predict(frame).tolist() == model.classes[p.argmax(axis=1)].tolist()
    decisions = model.decide(frame, [[0, 1], [5, 0]])
    np.testing.assert_allclose(decisions.expected, np.minimum(5 * p[:, 1], p[:, 0]), rtol=1e-4)


def test_conformal_intervals_and_scale_of_numbers(thalweg, numbers, tmp_path) -> None:
    run = tmp_path / "run"
    shutil.copytree(numbers, run)
    before = load(run)
    answer = thalweg("calibrate", run, "--method", "scale")
    assert answer.code == 0, answer.err
    scaled = load(run)
    x = np.array([[0.2], [0.8]])
    factor = scaled.calibration.way.factors[0]
    old, new = before.predict_dist(x), scaled.predict_dist(x)
    np.testing.assert_allclose(np.sqrt(new.variance), factor * np.sqrt(old.variance), rtol=1e-4)
    assert thalweg("calibrate", run, "--method", "conformal", "--score", "absolute").code == 0
    model = load(run)
    assert model.calibration.methods == ("scale", "conformal")
    ends = model.predict_interval(x, 0.9)
    assert ends.shape == (2, 2)
    np.testing.assert_allclose(np.diff(ends)[0], np.diff(ends)[1], rtol=1e-6)  # one width for all
    np.testing.assert_allclose(ends.mean(axis=1), model.predict(x), rtol=1e-4)
    evaluation = json.loads((run / "evaluation.json").read_text())["test"]
    assert evaluation["calibration"]["methods"] == ["scale", "conformal"]
    y = model.decide(x, "pinball=0.9")
    np.testing.assert_allclose(y.actions, model.predict_quantiles(x, [0.9])[:, 0], rtol=1e-5)


def test_held_out_rows_may_come_from_a_file_and_a_model_folder_will_do(thalweg, classes, tmp_path) -> None:
    shutil.copytree(classes / "model", tmp_path / "model")
    rng = np.random.default_rng(5)
    lines = ["u,v,kind", *(f"{rng.normal():.4f},0,{'no' if i % 2 else 'yes'}" for i in range(40))]
    (tmp_path / "more.csv").write_text("\n".join(lines) + "\n")
    answer = thalweg("calibrate", "model", "more.csv")
    assert answer.code == 0, answer.err
    assert "fitted to 40 rows" in answer.out
    assert load(tmp_path / "model").calibration.rows == 40


def test_few_rows_promise_no_high_coverage(thalweg, numbers, tmp_path) -> None:
    shutil.copytree(numbers, tmp_path / "run")
    (tmp_path / "five.csv").write_text("x,y\n" + "".join(f"0.{i},{i}\n" for i in range(1, 6)))
    answer = thalweg("calibrate", "run", "five.csv", "--method", "conformal")
    assert answer.code == 0, answer.err
    stated = [line.split()[5] for line in answer.out.splitlines() if "stated coverage" in line]
    assert stated == ["0.5", "0.8"]  # ⌈6 c⌉ ≤ 5


@pytest.mark.parametrize("method", ["temperature", "isotonic"])
def test_rows_of_one_class_calibrate_nothing(thalweg, classes, tmp_path, method: str) -> None:
    shutil.copytree(classes / "model", tmp_path / "model")
    (tmp_path / "one.csv").write_text("u,v,kind\n" + "0.5,0.1,no\n" * 20)
    before = (tmp_path / "model" / "model.json").read_bytes()
    answer = thalweg("calibrate", "model", "one.csv", "--method", method)
    assert answer.code == 2
    assert "at least two classes to calibrate on, got rows of one class" in answer.err
    assert (tmp_path / "model" / "model.json").read_bytes() == before


def test_validation_rows_of_one_class_are_refused_before_training(thalweg, tmp_path) -> None:
    rare = ["u,kind", *(f"{i},{'yes' if i < 3 else 'no'}" for i in range(60))]
    (tmp_path / "rare.csv").write_text("\n".join(rare) + "\n")
    held_out = ["--target", "kind", "--validation", "0.05", "--calibrate", "temperature", "--out", "run"]
    answer = thalweg("train", "rare.csv", *held_out)
    assert answer.code == 2
    assert "validation: expected rows of at least two classes to calibrate on" in answer.err
    assert not (tmp_path / "run").exists()


def test_a_method_for_other_targets_is_refused_before_training(thalweg, flowers, tmp_path) -> None:
    settings = ["--target", "species", "--validation", "0.2", "--calibrate", "scale", "--out", "run"]
    answer = thalweg("train", flowers, *settings)
    assert answer.code == 2
    assert "calibrate: expected temperature, isotonic or conformal for a model of classes, got 'scale'" in answer.err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("run", "arguments", "message"),
    [
        ("classes", ["--method", "temprature"], "Did you mean 'temperature'?"),
        ("classes", ["--method", "scale"], "temperature, isotonic or conformal for a model of classes"),
        ("numbers", ["--method", "isotonic"], "scale or conformal for a model of numbers"),
        ("classes", ["--method", "conformal", "--score", "normalized"], "one of aps, lac"),
        ("classes", ["--score", "lac"], "none beside this method"),
    ],
)
def test_bad_input_is_one_line(thalweg, request, run: str, arguments: list[str], message: str) -> None:
    answer = thalweg("calibrate", request.getfixturevalue(run), *arguments)
    assert answer.code == 2
    assert message in answer.err
    assert answer.err.count("\n") == 1


def test_rows_that_were_trained_on_are_refused(thalweg, flower_run, flowers) -> None:
    answer = thalweg("calibrate", flower_run, flowers)
    assert (answer.code, "which the run trained on" in answer.err) == (2, True)
    answer = thalweg("calibrate", flower_run)
    assert (answer.code, "no validation rows" in answer.err) == (2, True)
    answer = thalweg("train", flowers, "--calibrate", "temperature", "--target", "species")
    assert (answer.code, "--validation" in answer.err) == (2, True)


@pytest.mark.parametrize(
    "damage",
    [
        {"way": {"name": "temperature", "temperature": -1}},
        {"way": {"name": "scale", "factors": [1.0]}},
        {"way": {"name": "isotonic", "curves": [[[0, 1], [0, 1]], [[0, 1], [0, 1]]]}},
        {"way": {"name": "magic"}},
        {"conformal": {"name": "conformal", "score": "absolute", "scores": [[1.0]], "base": 0.9}},
        {"conformal": {"name": "conformal", "score": "lac", "scores": [[1.0], [1.0]], "base": 0.9}},
        "temperature",
    ],
)
def test_a_damaged_calibration_fails_on_loading(thalweg, classes, tmp_path, damage: object) -> None:
    shutil.copytree(classes / "model", tmp_path / "model")
    file = tmp_path / "model" / "model.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"calibration": damage}))
    answer = thalweg("calibrate", "model", "x.csv")
    assert answer.code == 2
    assert "damaged" in answer.err


def test_a_run_with_folds_is_told_what_goes_with_folds(thalweg, tmp_path: Path) -> None:
    config = make_config({"data": "wine", "hidden": 2, "epochs": 1, "cv": 2, "out": str(tmp_path / "run")})
    answer = thalweg("calibrate", train_run(config).path, "--method", "isotonic")
    assert answer.code == 2
    assert "train with --calibrate isotonic" in answer.err
    assert "--validation" not in answer.err
