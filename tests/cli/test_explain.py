"""thalweg explain: what it tells, writes and refuses."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from pages import read_page

from thalweg.cli.explain import importance_lines, learning_lines


def test_train_explains_a_table_and_the_report_shows_it(flower_run: Path) -> None:
    told = json.loads((flower_run / "explanation.json").read_text())
    assert told["part"] == "test"
    assert {entry["name"] for entry in told["importance"]["columns"]} == {"height", "width", "color"}
    # Each column tells the species, so that all three stand in for each other.
    assert {tuple(sorted(pair["columns"])) for pair in told["importance"]["related"]} >= {("height", "width")}
    page = read_page((flower_run / "report.html").read_text("utf-8"))
    section = page.one("section", **{"aria-labelledby": "columns"})
    assert "What the answers depend on" in section.text
    assert "tell much the same" in section.text
    assert len(section.all("figure", class_="chart")) == 2 + 3


def test_it_computes_anew_on_other_rows_and_draws_what_is_asked_for(thalweg, flower_run, flowers, tmp_path) -> None:
    run = tmp_path / "run"
    shutil.copytree(flower_run, run)
    answer = thalweg("explain", run, flowers, "--repeats", 3, "--rows", 20, "--columns", "color")
    assert answer.code == 0, answer.err
    assert "20 rows" in answer.out
    assert "each column shuffled 3 times" in answer.out
    told = json.loads((run / "explanation.json").read_text())
    assert told["part"] == str(flowers)
    assert [entry["name"] for entry in told["dependence"]["columns"]] == ["color"]
    assert (run / "report.html").read_text() != (flower_run / "report.html").read_text()
    # A model folder has no report: the lines are all.
    answer = thalweg("explain", run / "model", flowers, "--repeats", 1)
    assert answer.code == 0, answer.err
    assert "report" not in answer.out
    assert not (run / "model" / "explanation.json").exists()


def test_a_learning_curve_says_what_it_costs_and_stays_beside_the_importance(thalweg, flower_run, tmp_path) -> None:
    run = tmp_path / "run"
    shutil.copytree(flower_run, run)
    answer = thalweg("explain", run, "--learning-curve", "--repeats", 1)
    assert answer.code == 0, answer.err
    assert "1 training on 24 rows, about 0.5 times the run's own" in answer.out
    rows = [point["rows"] for point in json.loads((run / "explanation.json").read_text())["learning"]["points"]]
    assert rows == [24, 48]
    assert "Would more rows help?" in (run / "report.html").read_text()
    assert thalweg("explain", run, "--repeats", 1).code == 0
    assert "learning" in json.loads((run / "explanation.json").read_text())


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--columns", "hight"], "Did you mean 'height'?"),
        (["--repeats", "0"], "repeats: expected a whole number of at least 1"),
        (["--rows", "1"], "rows: expected a whole number of at least 2"),
        (["nowhere.csv"], "nowhere.csv"),
    ],
)
def test_what_cannot_be_used_gets_one_line(thalweg, flower_run: Path, flags: list[str], words: str) -> None:
    answer = thalweg("explain", flower_run, *flags)
    assert answer.code == 2
    assert words in answer.err
    assert len(answer.err.splitlines()) == 1


def test_images_and_model_folders_without_rows_are_refused(thalweg, flower_run, tmp_path) -> None:
    answer = thalweg("explain", flower_run / "model")
    assert (answer.code, answer.out) == (2, "")
    assert "a model folder has no rows" in answer.err.lower()
    images = np.random.default_rng(0).integers(0, 255, (20, 4, 4)).astype(np.uint8)
    np.savez(tmp_path / "images.npz", x=images, y=np.arange(20) % 2)
    assert thalweg("train", tmp_path / "images.npz", "--epochs", 1, "--hidden", 4, "--out", "pictures").code == 0
    assert not (tmp_path / "pictures" / "explanation.json").exists()
    answer = thalweg("explain", "pictures")
    assert answer.code == 2
    assert "no model of a table" in answer.err


def test_lines_of_numbers_and_of_nothing() -> None:
    change = {"mean": 2.5, "sd": 0.1, "se": 0.2}
    told = {
        "part": "test",
        "importance": {
            "rows": 9,
            "repeats": 2,
            "metric": "rmse",
            "columns": [{"name": "area", "loss": change, "metric": change}],
            "related": [],
        },
    }
    assert importance_lines(told)[-1].split() == ["area", "2.5", "0.2", "2.5", "0.2"]
    assert learning_lines([]) == []
