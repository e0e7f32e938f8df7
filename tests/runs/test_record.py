import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from thalweg.core.errors import ModelError, StorageError
from thalweg.recipes.config import RunConfig, make_config
from thalweg.runs import record
from thalweg.runs.record import create_run, list_runs, read_log, read_status, resume_run


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def config(out: Path | None) -> RunConfig:
    return make_config({"data": "iris"} | ({"out": str(out)} if out else {}))


def test_default_place_is_named_by_data_and_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    first, second = create_run(config(None)), create_run(config(None))
    assert first.path != second.path
    assert first.path.parent == Path("runs")
    assert first.path.name.startswith("iris-2")
    first.close()
    second.close()


def test_log_has_a_line_an_epoch_and_is_cut_on_resume(tmp_path: Path) -> None:
    run = create_run(config(tmp_path / "r"))
    for epoch in (1, 2, 3):
        run.log({"epoch": epoch, "train_loss": np.float32(0.5), "test_loss": math.nan})
    with (run.path / "log.jsonl").open("a") as stream:
        stream.write('{"epoch": 4, "tra')
    assert [row["epoch"] for row in read_log(run.path)] == [1, 2, 3]
    assert run.truncate_log(2) == [{"epoch": e, "train_loss": 0.5, "test_loss": None} for e in (1, 2)]
    run.log({"epoch": 3})
    assert [row["epoch"] for row in read_log(run.path)] == [1, 2, 3]
    run.close()


def test_a_run_in_use_is_refused(tmp_path: Path) -> None:
    run = create_run(config(tmp_path / "r"))
    for attempt in (lambda: create_run(config(run.path)), lambda: resume_run(run.path)):
        with pytest.raises(StorageError, match="in use by another process"):
            attempt()
    run.close()
    with pytest.raises(StorageError, match="already holds a run"):
        create_run(config(run.path))


def test_lock_is_held_across_processes(tmp_path: Path) -> None:
    run = create_run(config(tmp_path / "r"))
    code = (
        "import sys; from pathlib import Path; from thalweg.runs.record import is_locked; "
        "print(is_locked(Path(sys.argv[1])))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, str(run.path)], capture_output=True, text=True, check=True
    ).stdout
    assert answer.strip() == "True"
    run.close()


def test_a_foreign_folder_and_a_file_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(StorageError, match="it is a file"):
        create_run(config(tmp_path / "file"))
    with pytest.raises(StorageError, match="holds other files"):
        create_run(config(tmp_path))
    assert names(tmp_path) == ["file"]


def test_a_place_that_cannot_be_written_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, content: object) -> None:
        raise StorageError(f"Cannot write {path}: the disk is full.")

    monkeypatch.setattr(record, "write_atomic", full)
    with pytest.raises(StorageError, match="disk is full"):
        create_run(config(tmp_path / "r"))
    assert names(tmp_path) == []


def test_an_empty_folder_may_be_used(tmp_path: Path) -> None:
    run = create_run(config(tmp_path))
    assert read_status(tmp_path)["state"] == "running"
    run.close()


def test_finished_runs_are_not_resumed(tmp_path: Path) -> None:
    run = create_run(config(tmp_path / "r"))
    run.status(state="finished")
    run.close()
    with pytest.raises(ModelError, match="is finished"):
        resume_run(run.path)


def test_resume_gives_the_settings_back(tmp_path: Path) -> None:
    run = create_run(config(tmp_path / "r"))
    run.close()
    again, settings = resume_run(run.path)
    assert settings == config(None)  # a run may be moved: its place is no setting
    again.close()


def test_list_tells_running_from_killed(tmp_path: Path) -> None:
    runs = [create_run(config(tmp_path / name)) for name in "abc"]
    for i, run in enumerate(runs):
        run.status(started=f"2026-01-0{3 - i}")
    runs[0].status(state="finished")
    runs[1].close()
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "run.json").write_text("{")
    found = {Path(run["path"]).name: run["state"] for run in list_runs(tmp_path)}
    assert found == {"d": "damaged", "c": "running", "b": "interrupted", "a": "finished"}
    assert list(found) == ["d", "c", "b", "a"]
    runs[0].close()
    runs[2].close()


def test_a_killed_run_reads_as_interrupted(tmp_path: Path) -> None:
    run = create_run(config(tmp_path / "r"))
    assert read_status(run.path)["state"] == "running"
    run.close()
    assert read_status(run.path)["state"] == "interrupted"


@pytest.mark.parametrize(
    ("content", "message"), [("{", "damaged"), ("[]", "damaged"), ('{"schema_version": 99}', "newer")]
)
def test_damaged_and_newer_status(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(ModelError, match=message):
        read_status(tmp_path)


def test_missing_run(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="no run folder"):
        read_status(tmp_path / "none")
    with pytest.raises(ModelError, match="no run folder"):
        read_status(tmp_path)


def test_status_is_strict_json(tmp_path: Path) -> None:
    run = create_run(config(tmp_path / "r"))
    run.status(loss=math.inf, path=Path("x"), n=np.int64(3))
    assert json.loads((run.path / "run.json").read_text())["n"] == 3
    assert read_status(run.path)["loss"] is None
    run.close()
