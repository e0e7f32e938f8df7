"""``thalweg columns`` and the settings of columns, from the command line to the model."""

from __future__ import annotations

from pathlib import Path

from thalweg import load


def test_columns_are_shown_before_anything_is_trained(thalweg, flowers: Path) -> None:
    answer = thalweg("columns", flowers, "--target", "species", "--scaling", "robust", "--columns", "width=ignore")
    assert answer.code == 0
    lines = answer.out.splitlines()
    assert lines[0].split() == ["column", "kind", "encoded", "as", "missing", "levels"]
    assert lines[1].split() == ["height", "number", "robust", "scaling"]
    assert lines[2].split() == ["width", "ignore", "as", "asked", "for"]
    assert lines[3].split() == ["color", "levels", "one-hot,", "3", "columns", "3"]
    assert lines[4] == "3 columns: 1 numbers (robust), 1 one-hot, 1 left out; 4 inputs"
    assert list(Path().iterdir()) == []


def test_settings_of_columns_reach_the_model(thalweg, flowers: Path) -> None:
    flags = ["--target", "species", "--hidden", "4", "--epochs", "1", "--out", "r", "--scaling", "quantile"]
    answer = thalweg("train", flowers, *flags, "--columns", "height=ignore")
    assert "3 columns: 1 numbers (quantile), 1 one-hot, 1 left out; 4 inputs" in answer.out
    encoder = load("r").encoder
    assert encoder.input_names == ("width", "color")
    assert encoder.numbers.scaling == "quantile"
    assert thalweg("predict", "r", flowers, "-o", "p.csv").code == 0


def test_columns_that_do_not_exist(thalweg, flowers: Path) -> None:
    for command in ("columns", "train"):
        answer = thalweg(command, flowers, "--target", "species", "--columns", "hight=ignore")
        assert answer.code == 2
        assert "Did you mean 'height'?" in answer.err
        answer = thalweg(command, flowers, "--target", "species", "--columns", "height=words")
        assert "expected one of date, dmy, ignore, levels, mdy, number, got 'words'" in answer.err


def test_columns_are_shown_as_training_would_encode_them(thalweg, flowers: Path) -> None:
    flags = ["--target", "species", "--preset", "quick"]
    told = thalweg("columns", flowers, *flags).out.splitlines()[-1]
    assert "numbers (adaptive)" in told
    answer = thalweg("train", flowers, *flags, "--hidden", "4", "--epochs", "1", "--out", "r")
    assert told in answer.out
    assert "categorical likelihood, mixture of 4 members" in answer.out
    assert "numbers (standard)" in thalweg("columns", flowers, *flags[:2], "--preset", "plain").out
    page = Path("r/report.html").read_text()
    assert "A dense network 5–4–3 trained" in page
    assert "categorical, mixture of 4 members" in page
