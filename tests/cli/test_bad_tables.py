"""What is wrong with a table is told on the command line: refused in one line, or warned of and trained on."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROWS = 100
RNG = np.random.default_rng(0)
X = RNG.normal(size=ROWS).round(6)
Z = (3 * X + RNG.normal(size=ROWS)).round(6)
CLASS = np.where(X + RNG.normal(size=ROWS) > 0, "yes", "no")
QUICK = ("--target", "y", "--hidden", "4", "--epochs", "1")


def write(columns: Mapping[str, Any]) -> Path:
    lines = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
    Path("table.csv").write_text("\n".join(lines) + "\n")
    return Path("table.csv")


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"x": X, "y": [f"user{i}" for i in range(ROWS)]}, ["target 'y'", "identifiers"]),
        ({"void": [""] * ROWS, "y": CLASS}, ["no feature column is left"]),
        ({"x": X[:1], "y": ["yes"]}, ["target 'y'", "two classes"]),
        ({"x": X[:6], "y": list("abcdef")}, ["each class has a single row"]),
        ({"x": [*X[:-1], "lots"], "y": Z}, ["column 'x'", f"row {ROWS}", "'lots'"]),
    ],
    ids=["identifiers", "nothing but gaps", "one row", "as many classes as rows", "mixed types"],
)
def test_refused(thalweg, columns: Mapping[str, Any], words: list[str]) -> None:
    answer = thalweg("train", write(columns), *QUICK, "--out", "run")
    assert answer.code == 2
    assert len(answer.err.splitlines()) == 1
    assert all(word in answer.err for word in words), answer.err
    assert not Path("run").exists()


def test_columns_of_one_name_are_refused(thalweg) -> None:
    Path("table.csv").write_text("x,x,y\n" + "".join(f"{a},{-a},{b}\n" for a, b in zip(X, CLASS, strict=True)))
    answer = thalweg("train", "table.csv", *QUICK)
    assert answer.code == 2
    assert "several columns are called 'x'" in answer.err


def test_suspects_are_named_and_trained_on_all_the_same(thalweg) -> None:
    columns = {
        "x": X,
        "renamed": np.where(CLASS == "yes", "a", "b"),
        "void": [""] * ROWS,
        "same": ["always"] * ROWS,
        "twice": X,
        "huge": 10**17 + np.arange(ROWS),
        "y": CLASS,
    }
    answer = thalweg("train", write(columns), *QUICK, "--out", "run")
    assert answer.code == 0, answer.err
    told = {name: [line for line in answer.err.splitlines() if f"'{name}'" in line] for name in columns}
    assert [len(lines) for lines in told.values()] == [1, 1, 1, 1, 1, 1, 0], answer.err
    assert "one-to-one with the target" in told["renamed"][0]
    assert "holds no value" in told["void"][0]
    assert "never vary" in told["same"][0]
    assert "equals 'x'" in told["twice"][0]
    assert "float32" in told["huge"][0]
    # The importance names what is left: the leak above all, nothing of what was left out.
    assert thalweg("explain", "run", "--repeats", 1).out.splitlines()[2].split()[0] in {"renamed", "x"}
    # A column that is gone between fit and predict, and one of another type.
    Path("new.csv").write_text("x,renamed,huge\n1,a,1\n")
    assert thalweg("predict", "run", "new.csv", "-o", "p.csv").code == 0
    Path("new.csv").write_text("x,huge\n1,1\n")
    answer = thalweg("predict", "run", "new.csv", "-o", "q.csv")
    assert answer.code == 2
    assert "'renamed'" in answer.err
    Path("new.csv").write_text("x,renamed,huge\nfive,a,1\n")
    answer = thalweg("predict", "run", "new.csv", "-o", "q.csv")
    assert answer.code == 2
    assert "'five'" in answer.err


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (np.full(ROWS, 3.5), "all 80 rows hold 3.5"),
        (100_000 + RNG.permutation(ROWS), "as identifiers do"),
        (2 * X + 1, "one-to-one with the target"),
    ],
    ids=["no variance", "identifiers", "leak"],
)
def test_targets_to_look_at_twice(thalweg, y: Any, words: str) -> None:
    answer = thalweg("train", write({"x": X, "other": Z, "y": y}), *QUICK, "--out", "run")
    assert answer.code == 0, answer.err
    assert words in answer.err
