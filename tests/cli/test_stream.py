"""Commands on data that streams from disk, forced on small files in many pieces."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from thalweg.core.errors import ArgumentError
from thalweg.data.formats import table_files
from thalweg.data.read import read
from thalweg.data.streaming import pieces, survey, text_pieces
from thalweg.deploy import load
from thalweg.recipes.config import make_config
from thalweg.runs.explain.run import Explainer
from thalweg.runs.record import read_status
from thalweg.runs.run import train_run

ROWS = 1200


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sorted file whose target follows from a number, a level and a gap."""
    rng = np.random.default_rng(0)
    x = np.sort(rng.normal(size=ROWS)).round(4)
    level = rng.choice(["low", "high"], ROWS)
    y = (2 * x + (level == "high") + rng.normal(0, 0.1, ROWS)).round(4)
    place = tmp_path_factory.mktemp("stream")
    data = pl.DataFrame({"x": x, "level": level, "gap": [None if i % 9 == 0 else i % 5 for i in range(ROWS)], "y": y})
    data.write_csv(place / "t.csv")
    return place


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_pieces, "PIECE_BYTES", 4096)
    monkeypatch.setattr(survey, "SAMPLE_ROWS", {"train": 500, "validation": 100, "test": 100})


@pytest.fixture(scope="module")
def run(folder: Path) -> Path:
    """A run that has streamed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_pieces, "PIECE_BYTES", 4096)
        patch.setattr(survey, "SAMPLE_ROWS", {"train": 500, "validation": 100, "test": 100})
        settings = {"data": str(folder / "t.csv"), "target": "y", "stream": "on", "hidden": 16, "epochs": 20}
        out = {"out": str(folder / "run"), "validation": 0.1, "patience": 20, "learning_rate": 0.01}
        train_run(make_config(settings | out))
    return folder / "run"


def test_a_streamed_run_learns_and_judges_all_test_rows(run: Path, folder: Path) -> None:
    status = json.loads((run / "run.json").read_text())
    evaluation = json.loads((run / "evaluation.json").read_text())["test"]
    assert status["data"]["train_rows"] + status["data"]["validation_rows"] + status["data"]["test_rows"] == ROWS
    assert evaluation["rows"] == 100
    assert evaluation["whole"]["rows"] == status["data"]["test_rows"] > 200
    assert evaluation["whole"]["rmse"] < 0.2  # the noise is 0.1, a constant guess is off by 2
    # The rows of the test set are those left over by the others.
    cache = next((folder / "t.csv.thalweg").iterdir())
    assert (cache / "test.rows").stat().st_size % evaluation["whole"]["rows"] == 0
    assert "drawn at random" in (run / "report.html").read_text()


def test_train_tells_of_the_cache_and_uses_it_again(thalweg, folder: Path, run: Path) -> None:
    assert run.is_dir()
    words = ("train", folder / "t.csv", "--target", "y", "--stream", "on", "--hidden", "4", "--epochs", "1")
    again = thalweg(*words, "--validation", "0.1", "--out", "again")
    assert (again.code, again.err) == (0, "")
    assert re.search(r"t.csv: 1200 rows, .* kB; their cache \(.* kB\) is used again: .*t.csv.thalweg", again.out)
    other = thalweg(*words, "--cache", "elsewhere", "--out", "other", "--test", folder / "t.csv")
    assert other.code == 0
    assert "stream from disk by a cache of" in other.out
    assert "1200 training rows, 1200 test rows" in other.out
    assert len(list(Path("elsewhere").iterdir())) == 2


def test_streaming_needs_files_and_minibatches(thalweg, folder: Path) -> None:
    np.save("x.npy", np.zeros((3, 2)))
    answer = thalweg("train", "x.npy", "--stream", "on")
    assert answer.code == 2
    assert "stream: expected CSV or Parquet files beside it, got 'x.npy'" in answer.err
    answer = thalweg("train", folder / "t.csv", "--target", "y", "--stream", "on", "--full-batch")
    assert answer.code == 2
    assert "full_batch: expected minibatches for data that streams" in answer.err
    answer = thalweg("train", folder / "t.csv", "--target", "y", "--stream", "on", "--cv", "3")
    assert answer.code == 2
    assert "cv: expected 0 for data that streams from disk, got 3" in answer.err


@pytest.mark.parametrize("ending", ["csv", "parquet", "arrow", "npz"])
def test_pieces_are_predicted_as_the_whole_is(
    ending: str, thalweg, run: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert thalweg("predict", run, folder / "t.csv", "-o", f"whole.{ending}").code == 0
    monkeypatch.setattr(pieces, "LARGE_BYTES", 0)
    answer = thalweg("predict", run, folder / "t.csv", "-o", f"pieces.{ending}")
    assert answer.out == f"1200 predictions in pieces.{ending}\n"
    readers = {"csv": pl.read_csv, "parquet": pl.read_parquet, "arrow": pl.read_ipc, "npz": lambda f: dict(np.load(f))}
    whole, parts = (pl.DataFrame(readers[ending](f"{name}.{ending}")) for name in ("whole", "pieces"))
    assert whole.columns == parts.columns
    np.testing.assert_allclose(whole.to_numpy(), parts.to_numpy(), rtol=1e-4, atol=1e-5)
    assert [path.name for path in Path().iterdir() if path.name[0] == "."] == []


def test_a_bad_cell_far_down_leaves_no_answers(
    thalweg, run: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "LARGE_BYTES", 0)
    lines = (folder / "t.csv").read_text().splitlines()
    lines[1000] = "oops,low,1,0.5"
    Path("bad.csv").write_text("\n".join(lines) + "\n")
    answer = thalweg("predict", run, "bad.csv", "-o", "p.csv")
    assert answer.code == 2
    assert "bad.csv: column 'x', row 1000: expected a number, got 'oops'" in answer.err
    assert not list(Path().glob("*p.csv"))


def test_evaluate_counts_all_rows(thalweg, run: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = read(folder / "t.csv", target="y")
    known = load(run).evaluate(table, table.target_array())
    monkeypatch.setattr(pieces, "LARGE_BYTES", 0)
    answer = thalweg("evaluate", run, folder / "t.csv")
    assert answer.code == 0
    assert answer.out.splitlines()[:2] == [
        f"1200 rows, root mean squared error {known['rmse']:.5g}",
        "of these, 100 drawn at random:",
    ]


def test_folders_and_patterns_of_tables(tmp_path: Path) -> None:
    data = pl.DataFrame({"a": range(6), "y": [0, 1] * 3})
    (tmp_path / "t").mkdir()
    data[:2].write_parquet(tmp_path / "t" / "1.parquet")
    data[2:].write_parquet(tmp_path / "t" / "2.parquet")
    for name in (tmp_path / "t", tmp_path / "t" / "*.parquet"):
        table = read(name)
        assert table.frame["a"].to_list() == list(range(6))
        assert table.target_array().tolist() == [0, 1] * 3
    # A folder of images with a note beside them is none of tables.
    (tmp_path / "t" / "cats").mkdir()
    (tmp_path / "t" / "cats" / "1.png").write_bytes(b"")
    assert table_files(tmp_path / "t") == ()


def test_other_commands_take_a_sample(
    thalweg, run: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def whole(*_: object, **__: object) -> None:
        raise AssertionError("the file was read whole")

    monkeypatch.setattr(pieces, "LARGE_BYTES", 0)
    monkeypatch.setattr("thalweg.data.streaming.tables.read", whole)
    shutil.copytree(run, tmp_path / "run")
    shutil.copy(folder / "t.csv", tmp_path / "held_out.csv")
    told = thalweg("columns", folder / "t.csv", "--target", "y").out
    assert told.startswith("of 1200 rows, 500 drawn at random:")
    assert "level" in told
    told = thalweg("explain", tmp_path / "run", tmp_path / "held_out.csv", "--repeats", "1").out
    assert told.startswith("100 rows")
    told = thalweg("calibrate", tmp_path / "run", tmp_path / "held_out.csv", "--method", "scale").out
    assert "fitted to 100 rows" in told


@pytest.mark.parametrize("several", [{}, {"members": 2}])
@pytest.mark.usefixtures("shipped_preset", "compile_quickly")
def test_the_recipe_trains_on_a_stream(folder: Path, several: dict, tmp_path: Path) -> None:
    settings = {"data": str(folder / "t.csv"), "target": "y", "stream": "on", "hidden": 8, "shared_members": 2}
    out = {"out": str(tmp_path / "run"), "epochs": 4, "batch_size": 32, "cache": str(tmp_path / "cache")}
    run = train_run(make_config(settings | several | out))
    likelihood = run.model.likelihood
    assert likelihood.members == 2 * several.get("members", 1)
    assert sum(likelihood.weights) == pytest.approx(1)
    assert run.model.encoder.numbers.scaling == "adaptive"
    assert run.evaluation["whole"]["rmse"] < 1.0  # a constant guess is off by 2


def test_a_search_on_a_stream_writes_one_cache_and_says_so_first(folder: Path, tmp_path: Path) -> None:
    from thalweg.runs.search import search

    told: list[str] = []
    settings = {
        "target": "y",
        "stream": "on",
        "cache": str(tmp_path / "cache"),
        "epochs": 1,
        "out": str(tmp_path / "s"),
    }
    given = {"data": str(folder / "t.csv"), "trials": 2, "space": {"width": [4, 8]}} | settings
    found = search(**given, say=told.append)
    assert found.run is not None
    assert len(list((tmp_path / "cache").iterdir())) == 1
    assert "stream from disk by a cache of" in told[0]
    assert read_status(found.run)["data"]["validation_rows"] > 0  # the cache's parts, so that no other is written
    # Encoding the file anew for each value, or folds of it, is refused before it is read.
    for change, message in (
        ({"vary": {"min_count": [2, 5]}}, "min_count: expected one value for data that streams"),
        ({"space": {"scaling": ["standard", "robust"]}}, "scaling: expected one value for data that streams"),
        ({"cv": 3}, "cv: expected 0 for data that streams"),
    ):
        with pytest.raises(ArgumentError, match=message):
            search(**given | change | {"out": str(tmp_path / "other"), "cache": str(tmp_path / "unused")})
        assert not (tmp_path / "other").exists()
        assert not (tmp_path / "unused").exists()  # no rows are encoded for it


def test_a_learning_curve_needs_rows_to_pick_from(run: Path) -> None:
    with pytest.raises(
        ArgumentError, match=r"learning_curve: expected rows that fit in memory, got .*streams from disk"
    ):
        Explainer(run).sizes()
