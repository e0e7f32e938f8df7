"""``thalweg search``: what it prints, what it leaves, what it refuses."""

import sys
from pathlib import Path

import pytest

FLAGS = (
    "--target",
    "species",
    "--trials",
    "2",
    "--epochs",
    "2",
    "--hidden",
    "4",
    "--search",
    "learning_rate=0.01,0.02",
)


def test_search_prints_trials_and_leaves_a_run_that_predicts(thalweg, flowers: Path) -> None:
    found = thalweg("search", flowers, *FLAGS, "--out", "s", "--space", _space())
    assert found.code == 0, found.err
    assert "settings as given" in found.out
    assert "batch_size 8" in found.out
    run = next(line.split()[1] for line in found.out.splitlines() if line.startswith("run "))
    assert run.startswith("s/trial-")
    assert thalweg("predict", run, flowers, "-o", "p.csv").code == 0
    assert len(Path("p.csv").read_text().splitlines()) == 61
    again = thalweg("search", flowers, *FLAGS, "--out", "s", "--space", "space.toml")
    assert again.code == 0
    assert "2 of 2 trials are there already" in again.out
    assert "is trained already" in again.out


def _space() -> str:
    Path("space.toml").write_text("batch_size = [8]\n")
    return "space.toml"


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--search", "learning_rat=1:2"), ("search", "Did you mean 'learning_rate'")),
        (("--search", "learning_rate=2:1"), ("learning_rate", "low is below its high")),
        (("--search", "dropout=0.5:1.5"), ("dropout", "below 1", "1.5")),
        (("--search", "activation=relu,rel"), ("activation", "Did you mean 'relu'")),
        (("--search", "batch_size=8,4000"), ("batch_size", "at most the 38 training rows", "4000")),
        (("--search", "dropout=0:0.5", "--dropout", "0.1"), ("dropout", "both")),
        (("--space", "none.toml"), ("none.toml", "does not exist")),
        (("--trials", "0"), ("trials", "at least 1")),
        (("--jobs", "0"), ("jobs", "at least 1")),
        (("--timeout", "-1"), ("timeout", "above 0")),
        (("--objective", "accuracy"), ("objective", "loss, metric", "accuracy")),
        (("--pruner", "medium"), ("pruner", "Did you mean 'median'")),
        (("--storage", "none/study.db"), ("none/study.db", "does not exist")),
        (("--out", "space.toml"), ("space.toml", "is a file")),
        (("--task", "segment"), ("task", "'rows'")),
        (("--epochs", "0"), ("epochs", "at least 1")),
    ],
)
def test_bad_input_gets_one_line(thalweg, flowers: Path, flags: tuple[str, ...], words: tuple[str, ...]) -> None:
    _space()
    answer = thalweg("search", flowers, "--target", "species", *flags)
    assert answer.code == 2, answer
    *warnings, line = answer.err.splitlines()
    assert line.startswith("Error: ")
    assert all(warning.startswith("Warning: ") for warning in warnings)  # of the data, which has been read by then
    for word in words:
        assert word in line
    assert not Path("runs/search-flowers/study.db").exists()


def test_without_optuna_it_says_how_to_get_it(thalweg, flowers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    answer = thalweg("search", flowers, "--target", "species")
    assert answer.code == 2
    assert "pip install 'thalweg[sweep]'" in answer.err
