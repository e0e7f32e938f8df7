"""Networks from elsewhere as runs: the commands read them, and repair changes them."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

import thalweg as tw
from thalweg.cli.main import run as thalweg

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 4))
Y = np.array(["ash", "birch", "cedar"])[(X[:, 0] > 0).astype(int) + (X[:, 1] > 0.5)]

pytestmark = pytest.mark.usefixtures("compile_quickly")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network with a step size far too small, trained on."""
    mlp = MLPClassifier((12, 6), activation="tanh", learning_rate_init=1e-7, max_iter=1, random_state=0, batch_size=16)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        mlp.fit(X, Y)
    out = tmp_path_factory.mktemp("imported") / "mine"
    done = tw.train_imported(tw.from_sklearn(mlp), X, Y, out, epochs=12)
    # Steps of 1e-7 change nothing to be seen: the model answers as the network did where it was made.
    np.testing.assert_allclose(done.model.predict_proba(X), mlp.predict_proba(X), atol=1e-3)
    return out


def test_commands_read_it(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert thalweg(["diagnose", str(run)]) == 0
    assert "learning rate too low" in capsys.readouterr().out
    assert thalweg(["summary", str(run)]) == 0
    assert thalweg(["report", str(run)]) == 0
    assert thalweg(["landscape", str(run), "--points", "3", "-o", str(tmp_path / "cut.png")]) == 0
    np.savetxt(tmp_path / "new.csv", X, delimiter=",", header="a,b,c,d", comments="")
    assert thalweg(["predict", str(run), str(run / "data.npz"), "-o", str(tmp_path / "answers.csv")]) == 0
    told = (tmp_path / "answers.csv").read_text().splitlines()
    assert len(told) == len(X) + 1
    assert json.loads((run / "run.json").read_text())["settings"]["hidden"] == [12, 6]


def test_repair_goes_on_from_the_same_weights(run: Path, tmp_path: Path) -> None:
    from thalweg.runs.repair import repair

    result = repair(run, tmp_path / "better")
    as_it_was, larger = (one for one in result.attempts if one.causes in {(), ("learning_rate_too_low",)})
    assert set(larger.settings) == {"learning_rate"}
    assert larger.better_than(as_it_was)
    assert result.best is not None
    assert result.best.better_than(as_it_was)
    assert result.run is not None
    assert result.run.evaluation["error"] < json.loads((run / "evaluation.json").read_text())["test"]["error"]


def test_what_cannot_be_trained_leaves_nothing(run: Path, tmp_path: Path) -> None:
    mlp = MLPClassifier((3,), max_iter=1, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        imported = tw.from_sklearn(mlp.fit(X, Y))
    for x, y, message in (
        (X[:, :3], Y, "start: expected a network of 3 inputs"),
        (X, Y == "ash", "start: expected a network of 2 output"),
        (X[:5], Y, "x: expected 120 rows"),
    ):
        with pytest.raises(tw.ArgumentError, match=message):
            tw.train_imported(imported, x, y, tmp_path / "none")
        assert not (tmp_path / "none").exists()
    with pytest.raises(tw.StorageError, match="already holds a run"):
        tw.train_imported(imported, X, Y, run)
    assert (run / "model").is_dir()
    assert thalweg(["train", str(run / "data.npz"), "--start", str(run), "--cv", "3"]) == 2
