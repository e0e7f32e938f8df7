"""``thalweg decide`` on real runs: the file, the comparison with MAP, and bad input in one line."""

import csv
from pathlib import Path

import numpy as np
import pytest

from thalweg.deploy import load

COST = "true,ash,birch,cedar,call\nash,0,1,1,0.3\nbirch,1,0,1,0.3\ncedar,20,20,0,0.3\n"


def read(path: Path) -> list[dict[str, str]]:
    with path.open() as stream:
        return list(csv.DictReader(stream))


def test_decisions_are_those_of_the_model_and_are_compared_with_map(thalweg, flower_run, flowers, tmp_path) -> None:
    (tmp_path / "cost.csv").write_text(COST)
    answer = thalweg("decide", flower_run, flowers, "--cost", "cost.csv", "-o", "out.csv")
    assert answer.code == 0, answer.err
    assert "60 decisions in out.csv" in answer.out
    assert "bootstrap interval" in answer.out
    rows = read(tmp_path / "out.csv")
    decisions = load(flower_run).decide(str(flowers), tmp_path / "cost.csv")
    assert [row["decision"] for row in rows] == decisions.labels().tolist()
    np.testing.assert_allclose([float(row["expected_cost"]) for row in rows], decisions.expected, rtol=1e-6)
    # By hand, from the probabilities that the model gives.
    p = load(flower_run).predict_proba(str(flowers)).astype(float)
    risk = p @ np.array([[0, 1, 1, 0.3], [1, 0, 1, 0.3], [20, 20, 0, 0.3]])
    np.testing.assert_allclose(decisions.expected, risk.min(axis=1), rtol=1e-5, atol=1e-6)
    assert [row["map"] for row in rows] == load(flower_run).predict(str(flowers)).tolist()


def test_rows_without_target_are_decided_and_not_compared(thalweg, flower_run, flowers, tmp_path) -> None:
    lines = [line.rsplit(",", 1)[0] for line in flowers.read_text().splitlines()]
    (tmp_path / "new.csv").write_text("\n".join(lines) + "\n")
    answer = thalweg("decide", flower_run, "new.csv", "--reject", "0.01", "-o", "out.csv")
    assert answer.code == 0, answer.err
    assert "realized" not in answer.out
    assert {"decision", "expected_cost", "map", "map_expected_cost"} == set(read(tmp_path / "out.csv")[0])


def test_a_budget_flags_so_many(thalweg, flower_run, flowers, tmp_path) -> None:
    assert thalweg("decide", flower_run, flowers, "--budget", 7, "-o", "out.csv").code == 0
    assert sum(row["decision"] == "reject" for row in read(tmp_path / "out.csv")) == 7
    (tmp_path / "cost.csv").write_text(COST)
    arguments = ["--cost", "cost.csv", "--budget", 5, "--flag", "cedar", "-o", "out.csv"]
    assert thalweg("decide", flower_run, flowers, *arguments).code == 0
    assert sum(row["decision"] == "cedar" for row in read(tmp_path / "out.csv")) <= 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--cost", "nowhere.csv"], "Cannot read nowhere.csv"),
        (["--cost", "semicolons.csv"], "3 line(s), its first of 1 cell(s). Separate cells by commas"),
        (["--cost", "empty.csv"], "0 line(s)"),
        (["--cost", "under=5"], "settings such as pinball=0.9 or under=5,over=1, got 'under=5'"),
        (["--reject", "-1"], "reject: expected a price of at least 0"),
        (["--cost", "squard"], "Did you mean 'squared'?"),
        (["--cost", "bad.csv"], "'brich'. Did you mean 'birch'?"),
        (["--budget", "3", "--flag", "ceder"], "Did you mean 'cedar'?"),
        (["--flag", "cedar"], "a budget beside it"),
        (["--reject", "nan"], "reject: expected a number"),
    ],
)
def test_bad_input_is_one_line(thalweg, flower_run, flowers, tmp_path, arguments, message) -> None:
    (tmp_path / "bad.csv").write_text(COST.replace("birch", "brich"))
    (tmp_path / "semicolons.csv").write_text("true;no;yes\nno;0;1\nyes;5;0\n")
    (tmp_path / "empty.csv").write_text("")
    answer = thalweg("decide", flower_run, flowers, *arguments, "-o", "out.csv")
    assert answer.code == 2
    assert message in answer.err
    assert answer.err.count("\n") == 1
    assert not (tmp_path / "out.csv").exists()
