"""Every kind of bad input gets one clear line and exit code 2, and leaves nothing behind."""

import errno
import gzip
import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from thalweg.core.errors import StorageError
from thalweg.recipes.config import make_config
from thalweg.runs.record import create_run


def refused(answer, *words: str) -> None:
    assert answer.code == 2, answer
    lines = answer.err.splitlines()
    assert len(lines) == 1, answer.err
    assert lines[0].startswith("Error: ")
    for word in words:
        assert word in lines[0]


def csv(text: str) -> Path:
    Path("table.csv").write_text(text)
    return Path("table.csv")


GOOD = "a,b,y\n" + "".join(f"{i},{i % 5},{'no' if i % 2 else 'yes'}\n" for i in range(40))
NUMBERS = "a,b,y\n" + "".join(f"{i},{i % 5},{7 * i % 40 * 1.37}\n" for i in range(40))


@pytest.mark.parametrize(
    ("content", "flags", "words"),
    [
        (GOOD, ["--target", "z"], ["target", "'z'"]),
        (GOOD.replace("y\n", "label_of_tree\n", 1), ["--target", "label_of_tre"], ["Did you mean 'label_of_tree'"]),
        ("a,b,y\n", [], ["empty"]),
        ("", [], ["empty"]),
        (GOOD.replace("no", "yes"), [], ["at least two classes"]),
        (GOOD.replace("\n3,3,no", "\n3,3,"), [], ["1 of 40 rows", "row 4"]),
        (GOOD.replace("\n3,3,no", "\ninf,3,no"), [], ["'a'", "row 4", "inf"]),
        (GOOD.replace("\n3,3,no", "\n1e35,3,no"), [], ["'a'", "row 4", "1e+35"]),
        (GOOD.replace("\n3,3,no", "\nthree,3,no"), [], ["'a'", "row 4", "'three'"]),
        (NUMBERS, ["--likelihood", "categorical"], ["likelihood", "gaussian", "'categorical'"]),
        (GOOD, ["--likelihood", "gaussian"], ["likelihood", "'gaussian'"]),
        (GOOD, ["--likelihood", "gausian"], ["likelihood", "Did you mean 'gaussian'"]),
        (GOOD, ["--batch-size", "1000"], ["batch_size", "32"]),
        (GOOD, ["--batch-size", "0"], ["batch_size", "at least 1"]),
        (GOOD, ["--hidden", "8,-2"], ["hidden"]),
        (GOOD, ["--learning-rate", "-1"], ["learning_rate", "above 0"]),
        (GOOD, ["--learning-rate", "nan"], ["learning_rate"]),
        (GOOD, ["--epochs", "0"], ["epochs"]),
        (GOOD, ["--epochs", "three"], ["epochs", "whole number", "'three'"]),
        (GOOD, ["--dropout", "1"], ["dropout"]),
        (GOOD, ["--optimizer", "adm"], ["optimizer", "Did you mean 'adam'"]),
        (GOOD, ["--activation", "rel"], ["activation", "Did you mean 'relu'"]),
        (GOOD, ["--schedule", "cos"], ["schedule", "Did you mean 'cosine'"]),
        (GOOD, ["--initializer", "he"], ["initializer"]),
        (GOOD, ["--schedule-options", "fnal=1"], ["Did you mean 'final'"]),
        (GOOD, ["--test", "1.5"], ["test"]),
        (GOOD, ["--test", "other.csv"], ["other.csv"]),
        (GOOD, ["--patience", "3"], ["patience", "--validation"]),
        (GOOD, ["--label-smoothing", "0.1", "--likelihood", "gaussian"], ["likelihood"]),
        (GOOD, ["--epoch", "3"], ["--epoch", "--epochs"]),
        (NUMBERS, ["--class-weight", "balanced"], ["class_weight"]),
    ],
)
def test_train(thalweg, content: str, flags: list[str], words: list[str]) -> None:
    target = [] if "--target" in flags else ["--target", "y"]
    refused(thalweg("train", csv(content), "--out", "out", *target, *flags), *words)
    assert [path.name for path in Path.cwd().iterdir()] == ["table.csv"]


def test_missing_file_and_unknown_format(thalweg) -> None:
    refused(thalweg("train", "nowhere.csv"), "nowhere.csv", "no such file")
    refused(thalweg("train", "nowhere.csv", "--stream", "on"), "nowhere.csv", "no such file")
    refused(thalweg("train", "iris", "--stream", "on"), "stream: expected CSV or Parquet files", "'iris'")
    refused(thalweg("train", "irs"), "Did you mean 'iris'")
    Path("image.xyz").write_bytes(b"\x89\x01 no table")
    refused(thalweg("train", "image.xyz"), "unknown format")
    refused(thalweg("train"), "DATA")
    assert not Path("runs").exists()


def test_truncated_files(thalweg) -> None:
    pl.DataFrame({"a": range(100), "y": [0, 1] * 50}).write_parquet("t.parquet")
    whole = Path("t.parquet").read_bytes()
    Path("t.parquet").write_bytes(whole[: len(whole) // 2])
    refused(thalweg("train", "t.parquet", "--target", "y"), "t.parquet")
    header = bytes([0, 0, 8, 3]) + np.array([10, 28, 28], ">i4").tobytes()
    Path("images-idx3-ubyte").write_bytes(header + bytes(100))
    Path("labels-idx1-ubyte").write_bytes(bytes([0, 0, 8, 1]) + np.array([10], ">i4").tobytes() + bytes(10))
    refused(thalweg("train", "images-idx3-ubyte"), "images-idx3-ubyte")
    Path("images-idx3-ubyte.gz").write_bytes(gzip.compress(header + bytes(7840))[:-20])
    refused(thalweg("train", "images-idx3-ubyte.gz"), "images-idx3-ubyte.gz")
    assert not Path("runs").exists()


def test_settings_that_only_the_rows_rule_out(thalweg) -> None:
    answer = thalweg("train", csv(GOOD), "--cv", "1000", "--out", "r")
    refused(answer, "cv", "32 folds")
    assert "run folder" not in answer.out  # it is refused before there is one
    assert not Path("r").exists()


def test_no_run_folder(thalweg) -> None:
    for command in ("diagnose", "repair", "report"):
        refused(thalweg(command, "nowhere"), "There is no run folder nowhere")


def test_unknown_setting_in_a_file(thalweg) -> None:
    Path("run.toml").write_text('data = "iris"\nlearning_rat = 0.1\n')
    refused(thalweg("train", "--config", "run.toml"), "learning_rat", "Did you mean 'learning_rate'")
    Path("run.toml").write_text("data = ")
    refused(thalweg("train", "--config", "run.toml"), "TOML")
    refused(thalweg("train", "--config", "gone.toml"), "gone.toml")
    assert not Path("runs").exists()


def test_places_that_cannot_be_used(thalweg, monkeypatch: pytest.MonkeyPatch) -> None:
    held = create_run(make_config({"data": "iris", "out": "held"}))
    refused(thalweg("train", "iris", "--out", "held"), "in use by another process")
    refused(thalweg("train", "--resume", "held"), "in use by another process")
    held.close()
    refused(thalweg("train", "iris", "--out", "held"), "already holds a run", "--resume held")
    Path("mine").mkdir()
    Path("mine/thesis.tex").write_text("")
    refused(thalweg("train", "iris", "--out", "mine"), "holds other files")
    refused(thalweg("train", "iris", "--out", "mine/thesis.tex"), "it is a file")

    def read_only(path: Path, *_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    monkeypatch.setattr(Path, "mkdir", read_only)
    refused(thalweg("train", "iris", "--out", "new"), "new", "read-only")
    assert sorted(path.name for path in Path.cwd().iterdir()) == ["held", "mine"]


def test_a_disk_that_fills_up_leaves_no_half_model(thalweg, flowers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if path.suffix == ".safetensors":
            write(path, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    answer = thalweg("train", flowers, "--target", "species", "--hidden", "4", "--epochs", "1", "--out", "r")
    refused(answer, "disk is full")
    assert json.loads(Path("r/run.json").read_text())["state"] == "failed"
    assert not [path.name for path in Path("r").iterdir() if "model" in path.name]


def test_a_report_that_cannot_be_written_spoils_no_run(thalweg, flowers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise StorageError("report.html: cannot be written: the disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr("thalweg.runs.run.write_report", full)
        answer = thalweg("train", flowers, "--target", "species", "--hidden", "4", "--epochs", "1", "--out", "r")
    assert answer.code == 0
    assert "report.html: cannot be written" in answer.err
    assert "thalweg report r" in answer.err
    assert json.loads(Path("r/run.json").read_text())["state"] == "finished"
    assert thalweg("report", "r").code == 0
    assert Path("r/report.html").exists()


def test_prediction_tables(thalweg, flower_run: Path, flowers: Path) -> None:
    table = pl.read_csv(flowers).drop("species")
    table.drop("width").write_csv("missing.csv")
    refused(thalweg("predict", flower_run, "missing.csv", "-o", "p.csv"), "'width'")
    table.with_columns(pl.lit("tall").alias("height")).write_csv("text.csv")
    refused(thalweg("predict", flower_run, "text.csv", "-o", "p.csv"), "'height'", "'tall'")
    table.write_csv("good.csv")
    refused(thalweg("predict", flower_run, "good.csv", "-o", "p.xls"), "output", ".csv")
    refused(thalweg("predict", flower_run, "good.csv", "-o", "gone/p.csv"), "gone/p.csv")
    refused(thalweg("predict", flower_run, "gone.csv", "-o", "p.csv"), "gone.csv")
    refused(thalweg("predict", "norun", "good.csv", "-o", "p.csv"), "norun")
    assert not list(Path.cwd().glob("p.*"))


def test_labels_unseen_in_training(thalweg, flower_run: Path, flowers: Path) -> None:
    Path("new.csv").write_text(flowers.read_text().replace("cedar", "cypress"))
    refused(thalweg("evaluate", flower_run, "new.csv"), "unseen in training", "'cypress'")


def test_damaged_and_newer_models(thalweg, flower_run: Path, flowers: Path) -> None:
    shutil.copytree(flower_run, "r")
    weights, description = Path("r/model/weights.safetensors"), Path("r/model/model.json")
    content = json.loads(description.read_text())
    description.write_text(json.dumps(content | {"schema_version": 99}))
    refused(thalweg("evaluate", "r", flowers), "newer thalweg", "Upgrade")
    description.write_text(json.dumps(content))
    weights.write_bytes(weights.read_bytes()[:-4])
    refused(thalweg("evaluate", "r", flowers), "damaged")
    weights.unlink()
    refused(thalweg("summary", "r"), "damaged", "missing")
    Path("r/run.json").write_text("{")
    refused(thalweg("report", "r"), "damaged")
    refused(thalweg("train", "--resume", "r"), "damaged")


def test_resume(thalweg, flower_run: Path) -> None:
    refused(thalweg("train", "--resume", flower_run), "finished")
    refused(thalweg("train", "--resume", "nowhere"), "nowhere")
    create_run(make_config({"data": "iris", "out": "r"})).close()
    refused(thalweg("train", "--resume", "r", "--epochs", "11"), "epochs", "10", "11")
    refused(thalweg("train", "wine", "--resume", "r"), "data", "'iris'", "'wine'")
    refused(thalweg("train", "--resume", "r", "--epochs", "0"), "epochs")
    refused(thalweg("train", "--resume", "r", "--out", "s"), "out", "'s'")


def test_divergence_is_told_and_recorded(thalweg) -> None:
    rows = "".join(f"{i},{i * 3.7}\n" for i in range(50))
    flags = ["--target", "y", "--optimizer", "sgd", "--learning-rate", "1e12", "--out", "r", "--test", "none"]
    answer = thalweg("train", csv("a,y\n" + rows), *flags)
    refused(answer, "training diverged in epoch 1, step", "Lower the learning rate")
    assert json.loads(Path("r/run.json").read_text())["state"] == "diverged"
    assert Path("r/report.html").is_file()
    refused(thalweg("train", "--resume", "r"), "diverged")


def test_members_that_diverged_are_told(thalweg) -> None:
    """Some of many survive their 13 steps of a far too large size; who only reads the command's lines must know."""
    rows = "".join(f"{i},{i * 3.7}\n" for i in range(50))
    flags = "--target y --test none --preset plain --optimizer sgd --learning-rate 2 --members 24 --epochs 1 --hidden 4"
    answer = thalweg("train", csv("a,y\n" + rows), *flags.split(), "--out", "r")
    assert answer.code == 0
    assert "networks diverged" in answer.err
    assert "left out" in answer.err


def test_no_command_and_wrong_command(thalweg) -> None:
    assert thalweg().code == 2
    refused(thalweg("trian"), "Did you mean 'train'")
    refused(thalweg("predict", "r"), "DATA")
    refused(thalweg("summary"), "--inputs")


def test_classes_asked_for_where_most_targets_occur_once(thalweg) -> None:
    rows = "\n".join(f"{i / 7},{i * 13}" for i in range(40))
    refused(thalweg("train", csv(f"a,y\n{rows}\n"), "--likelihood", "categorical"), "likelihood", "gaussian")


def test_predictions_never_replace_their_data(thalweg, flower_run: Path, flowers: Path) -> None:
    before = flowers.read_bytes()
    refused(thalweg("predict", flower_run, flowers, "-o", flowers), "--output", "another file than the data")
    assert flowers.read_bytes() == before
