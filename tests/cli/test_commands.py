import json
import os
import re
import signal
import time
import tomllib
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from thalweg.cli import progress
from thalweg.cli.main import _show_each_once
from thalweg.cli.registries import registry_names
from thalweg.core.errors import DataWarning
from thalweg.recipes.choices import SEGMENTATION
from thalweg.recipes.config import RunConfig, make_config
from thalweg.runs.record import create_run


def rows(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def test_train_leaves_a_whole_run(thalweg, flowers: Path) -> None:
    answer = thalweg("train", flowers, "--target", "species", "--hidden", "8", "--epochs", "3", "--out", "r")
    assert (answer.code, answer.err) == (0, "")
    doubtful = {"suspects.csv"}  # only where a target contradicts a confident answer
    assert sorted({path.name for path in Path("r").iterdir() if path.name[0] != "."} - doubtful) == [
        "config.toml",
        "evaluation.json",
        "explanation.json",
        "facts.json",
        "instruments.jsonl",
        "log.jsonl",
        "model",
        "report.html",
        "run.json",
    ]
    log = rows(Path("r"))
    keys = {"epoch", "steps", "train_loss", "test_loss", "train_error", "test_error", "learning_rate", "seconds"}
    assert [row["epoch"] for row in log] == [1, 2, 3]
    assert all(keys <= row.keys() for row in log)
    assert "48 training rows, 12 test rows" in answer.out
    assert "12 minibatches of 4 rows" in answer.out
    assert len(re.findall(r"^epoch \d/3  12 steps", answer.out, re.MULTILINE)) == 3
    assert "\x1b" not in answer.out
    for name in ("model", "report.html", "thalweg predict r", "thalweg evaluate r"):
        assert name in answer.out


def test_flags_win_over_the_file_and_both_are_kept(thalweg, flowers: Path) -> None:
    Path("run.toml").write_text(f'data = "{flowers}"\ntarget = "species"\nepochs = 7\nhidden = [8]\ntest = 0.5\n')
    assert thalweg("train", "--config", "run.toml", "--epochs", "2", "--out", "r").code == 0
    kept = tomllib.loads(Path("r/config.toml").read_text())
    assert kept["epochs"] == 2
    assert kept["hidden"] == [8]
    assert len(rows(Path("r"))) == 2
    # The kept file gives the same run again, bit for bit.
    assert thalweg("train", "--config", "r/config.toml", "--out", "again").code == 0
    weights = [Path(name, "model/weights.safetensors").read_bytes() for name in ("r", "again")]
    assert weights[0] == weights[1]


def test_evaluate_and_predict_agree(thalweg, flower_run: Path, flowers: Path) -> None:
    answer = thalweg("evaluate", flower_run, flowers)
    assert answer.code == 0
    assert answer.out.startswith("60 rows, 0.00 % wrong (0)")
    table = pl.read_csv(flowers)
    assert thalweg("predict", flower_run, flowers, "-o", "p.csv").code == 0
    found = pl.read_csv("p.csv")
    assert found.columns == ["prediction", "p_ash", "p_birch", "p_cedar"]
    assert found["prediction"].to_list() == table["species"].to_list()
    np.testing.assert_allclose(found.drop("prediction").to_numpy().sum(1), 1, rtol=1e-5)
    # Reordered columns and an extra one: the same answers, and a warning about the extra one.
    table.select("color", "width", pl.lit(3).alias("note"), "height").write_csv("reordered.csv")
    answer = thalweg("predict", flower_run, "reordered.csv", "-o", "q.csv")
    assert answer.code == 0
    assert answer.err.splitlines() == [line for line in answer.err.splitlines() if line.startswith("Warning: ")]
    assert "'note'" in answer.err
    assert Path("q.csv").read_text() == Path("p.csv").read_text()


@pytest.mark.parametrize("ending", ["tsv", "parquet", "arrow", "npz", "npy"])
def test_predictions_in_other_formats(thalweg, flower_run: Path, flowers: Path, ending: str) -> None:
    assert thalweg("predict", flower_run, flowers, "-o", f"p.{ending}").code == 0
    if ending == "npy":
        found = np.load("p.npy")
    elif ending == "npz":
        found = np.load("p.npz")["prediction"]
    else:
        scan = {"tsv": partial(pl.scan_csv, separator="\t"), "parquet": pl.scan_parquet, "arrow": pl.scan_ipc}
        found = scan[ending](f"p.{ending}").collect()["prediction"].to_numpy()
    assert found.tolist() == pl.read_csv(flowers)["species"].to_list()


def test_regression_has_means_deviations_and_units(thalweg) -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 10, 400)
    price = 5000 + 300 * x + 30 * rng.normal(size=400)
    pl.DataFrame({"x": x, "price": price}).write_csv("t.csv")
    flags = ["--target", "price", "--hidden", "16", "--epochs", "60", "--learning-rate", "0.01", "--out", "r"]
    answer = thalweg("train", "t.csv", *flags)
    assert answer.code == 0
    last = rows(Path("r"))[-1]
    assert last["test_rmse"] == pytest.approx(30, rel=0.5)
    assert {"train_rmse", "test_rmse", "train_loss", "test_loss"} <= last.keys()
    assert "root mean squared error" in thalweg("evaluate", "r", "t.csv").out
    assert thalweg("predict", "r", "t.csv", "-o", "p.csv").code == 0
    found = pl.read_csv("p.csv")
    assert found.columns == ["prediction", "sd", "q0.05", "q0.95"]
    assert np.sqrt(np.mean((found["prediction"].to_numpy() - price) ** 2)) == pytest.approx(30, rel=0.5)
    assert found["sd"][0] == pytest.approx(30, rel=0.5)


def test_bundled_set_with_shared_rows_warns(thalweg) -> None:
    answer = thalweg("train", "iris", "--hidden", "4", "--epochs", "1", "--out", "r")
    assert answer.code == 0
    assert answer.err == (
        "Warning: 1 of the 30 test rows also occur in the training set; "
        "the test error is likely lower than that on new data.\n"
    )
    assert json.loads(Path("r/run.json").read_text())["data"]["shared_rows"] == 1


def test_no_test_rows(thalweg, flowers: Path) -> None:
    flags = ["--target", "species", "--hidden", "4", "--epochs", "1", "--out", "r", "--test", "none"]
    answer = thalweg("train", flowers, *flags)
    assert answer.code == 0
    assert "60 training rows, no test rows" in answer.out
    assert "test_loss" not in rows(Path("r"))[0]
    assert "(training rows)" in thalweg("runs", ".").out


def test_early_stopping_watches_rows_held_out(thalweg, flowers: Path) -> None:
    flags = [
        "--target",
        "species",
        "--hidden",
        "32",
        "--epochs",
        "500",
        "--learning-rate",
        "0.1",
        "--schedule",
        "constant",
    ]
    answer = thalweg("train", flowers, *flags, "--validation", "0.2", "--patience", "2", "--out", "r")
    assert answer.code == 0
    log = rows(Path("r"))
    assert len(log) < 500
    status = json.loads(Path("r/run.json").read_text())
    best = min(log, key=lambda row: row["validation_loss"])
    assert (status["state"], status["best_epoch"]) == ("stopped early", best["epoch"])
    assert f"kept    epoch {best['epoch']} of {len(log)}, the best on the rows for early stopping" in answer.out


def test_the_command_in_the_record_trains_the_same_again(thalweg, flowers: Path) -> None:
    flags = ["--target", "species", "--preset", "quick", "--hidden", "4", "--epochs", "1", "--dropout", "0"]
    assert thalweg("train", flowers, *flags, "--shared-members", "1", "--out", "r").code == 0
    words = json.loads(Path("r/run.json").read_text())["command"]
    assert thalweg(*words[1:], "--out", "again").code == 0
    first, again = (
        {key: value for key, value in rows(Path(run))[0].items() if not key.endswith("seconds")}
        for run in ("r", "again")
    )
    assert again == first


@pytest.mark.usefixtures("compile_quickly")
@pytest.mark.parametrize(
    ("rows_to_watch", "words"),
    [
        ([], "5 networks 5-4-3, each without one of 5 folds of the rows, "),
        (["--validation", "0.2"], "4 networks 5-4-3, "),
    ],
)
def test_the_preset_best_tells_how_many_networks_it_trains(thalweg, flowers: Path, rows_to_watch, words: str) -> None:
    flags = ["--target", "species", "--preset", "best", "--hidden", "4", "--shared-members", "1", "--epochs", "1"]
    plain = ["--numeric-embedding", "none", "--scaling", "standard", "--no-embed-levels", "--test", "none"]
    # Sixty rows without a test set are as many as a preset needs to hold any out.
    answer = thalweg("train", flowers, *flags, *plain, *rows_to_watch, "--out", "r")
    assert answer.code == 0, answer.err
    line = next(line for line in answer.out.splitlines() if " networks " in line)
    assert line.startswith(words)
    assert " parameters each, " in line


def test_test_set_from_a_file(thalweg, flowers: Path) -> None:
    lines = flowers.read_text().splitlines()
    Path("train.csv").write_text("\n".join(lines[:46]) + "\n")
    Path("test.csv").write_text("\n".join([lines[0], *lines[46:]]) + "\n")
    flags = ["--target", "species", "--hidden", "4", "--epochs", "1", "--test", "test.csv", "--out", "r"]
    assert "45 training rows, 15 test rows (test.csv)" in thalweg("train", "train.csv", *flags).out


def test_every_setting_reaches_the_run(thalweg, flowers: Path) -> None:
    flags = (
        "--target species --hidden 8,8 --activation tanh --normalization batch --residual --dropout 0.1 "
        "--initializer orthogonal --likelihood soft_dice --likelihood-options cross_entropy=0.5 --label-smoothing "
        "0.1 --class-weight balanced --optimizer nesterov --learning-rate 0.01 --schedule step --schedule-options "
        "factor=0.5 --warmup 0.1 --momentum 0.8 --weight-decay 1e-4 --l1 1e-6 --l2 1e-6 --clip-norm 1 --clip-value "
        "1 --ema 0.9 --input-noise 0.01 --epochs 2 --batch-size 7 --seed 3 --no-standardize --scaling robust "
        "--min-count 2 --columns width=number --checkpoint-seconds 60 --diagnose full --preset plain --embed-levels "
        "--numeric-embedding periodic --embedding-options waves=4 --feature-scaling "
        "--validation 0.1 --patience 5 --anneal 0.5 --test 0.3 --calibrate temperature --out r"
    )
    assert thalweg("train", flowers, *flags.split()).code == 0
    kept = make_config(tomllib.loads(Path("r/config.toml").read_text()))
    same = {name for name, field in RunConfig.model_fields.items() if getattr(kept, name) == field.default}
    left = {"out", "classes", "threads", "optimizer_options", "full_batch", "stream", "cache", "start"}
    assert same == left | {"members", "cv", "shared_members"} | SEGMENTATION
    command = json.loads(Path("r/run.json").read_text())["command"]
    assert thalweg(*command[1:], "--out", "again").code == 0
    assert Path("r/model/weights.safetensors").read_bytes() == Path("again/model/weights.safetensors").read_bytes()


def test_lbfgs_needs_no_further_settings(thalweg, flowers: Path) -> None:
    answer = thalweg("train", flowers, "--target", "species", "--hidden", "4", "--optimizer", "lbfgs", "--out", "r")
    assert answer.code == 0
    assert "1 minibatch of 48 rows" in answer.out


def test_report_of_a_killed_run_says_interrupted(thalweg, tmp_path: Path) -> None:
    run = create_run(make_config({"data": "iris", "out": str(tmp_path / "r")}))
    assert thalweg("report", run.path).code == 0
    assert "still running" in (run.path / "report.html").read_text()
    run.close()  # what the system does when the process dies
    assert thalweg("report", run.path).code == 0
    page = (run.path / "report.html").read_text()
    assert "still running" not in page
    assert "interrupted" in page


def test_report_runs_summary_and_datasets(thalweg, flower_run: Path) -> None:
    Path(flower_run / "report.html").unlink()
    assert thalweg("report", flower_run).out.strip() == str(flower_run / "report.html")
    assert (flower_run / "report.html").stat().st_size > 1000
    listed = thalweg("runs", flower_run.parent).out
    assert "finished" in listed
    assert "0.00 % wrong" in listed
    assert "No runs" in thalweg("runs").out
    by_run = thalweg("summary", flower_run).out
    by_flags = thalweg("summary", "--inputs", "5", "--hidden", "8", "--outputs", "3").out
    assert by_run == by_flags
    assert "N_p" in by_run
    names = [line.split()[0] for line in thalweg("datasets").out.splitlines()]
    assert names == registry_names("data.DATASETS")


@pytest.mark.parametrize(
    "choices",
    sorted(
        {
            str(f.json_schema_extra["choices"])
            for f in RunConfig.model_fields.values()
            if f.json_schema_extra and f.json_schema_extra["choices"]
        }
    ),
)
def test_help_lists_what_the_registries_hold(thalweg, choices: str) -> None:
    room, _, registry = choices.rpartition(".")
    module = __import__(f"thalweg.{room}", fromlist=[registry])
    assert registry_names(choices) == list(getattr(module, registry))


def test_every_setting_has_a_flag(thalweg, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    text = thalweg("train", "--help").out
    for name in RunConfig.model_fields:
        assert name == "data" or f"--{name.replace('_', '-')}" in text


def test_interrupted_run_says_how_to_resume_and_does(thalweg, flowers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flags = ["--target", "species", "--hidden", "8", "--epochs", "6"]
    assert thalweg("train", flowers, *flags, "--out", "whole").code == 0

    def press(self: object, row: dict[str, float]) -> None:
        if row["epoch"] == 2:
            os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(progress.Live, "on_epoch_end", press)
        answer = thalweg("train", flowers, *flags, "--out", "r")
    assert answer.code == 130
    assert "thalweg train --resume r" in answer.out
    assert json.loads(Path("r/run.json").read_text())["state"] == "interrupted"
    answer = thalweg("train", "--resume", "r", "--out", "r")
    assert (answer.code, answer.err) == (0, "")
    assert Path("r/model/weights.safetensors").read_bytes() == Path("whole/model/weights.safetensors").read_bytes()
    drop = {"seconds"}
    a, b = ([{k: v for k, v in row.items() if k not in drop} for row in rows(Path(name))] for name in ("r", "whole"))
    assert a == b


def test_an_interruption_before_training_is_told(thalweg, flowers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def press(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000):  # another thread may take the signal; the main thread raises once it is awake
            time.sleep(0.01)

    monkeypatch.setattr("thalweg.runs.run.prepare", press)
    answer = thalweg("train", flowers, "--out", "r")
    assert (answer.code, answer.err) == (130, "Interrupted.\n")
    assert not Path("r").exists()


def test_warnings_of_data_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    show = _show_each_once()
    show(DataWarning("two\nlines"))
    show(DataWarning("two\nlines"))
    assert capsys.readouterr().err == "Warning: two lines\n"
