"""The run folder: settings, a line an epoch, status, checkpoint, model, evaluation, report.

One process at a time may write to it: a lock that the operating system drops when the process dies says
whether a run is alive, so a killed run is told from a running one.
"""

from __future__ import annotations

import json
import math
import re
import shlex
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from thalweg.core.errors import ArgumentError, ModelError, StorageError
from thalweg.core.files import append_line, storage_errors, write_atomic, write_json
from thalweg.core.locks import is_held, take_lock
from thalweg.recipes.config import RunConfig, config_toml, make_config, read_config

STATUS, LOG, CONFIG, LOCK = "run.json", "log.jsonl", "config.toml", ".lock"
RUN_SCHEMA = 1


@dataclass(frozen=True, eq=False)
class RunFolder:
    """A run folder held by this process. Made by `create_run` and `resume_run`; give it back with `close`."""

    path: Path
    _lock: IO[str]

    @property
    def checkpoint(self) -> Path:
        """Folder of the training state."""
        return self.path / "checkpoint"

    @property
    def model(self) -> Path:
        """Folder of the trained model."""
        return self.path / "model"

    def log(self, row: Mapping[str, Any]) -> None:
        """Append one epoch to ``log.jsonl``.

        Raises:
            StorageError: the disk is full or the folder is gone.
        """
        append_line(self.path / LOG, row)

    def truncate_log(self, epochs: int) -> list[dict[str, Any]]:
        """Keep the first ``epochs`` lines of the log (those a checkpoint knows of) and return them."""
        rows = [row for row in read_log(self.path) if row.get("epoch", math.inf) <= epochs]
        write_atomic(self.path / LOG, "".join(json.dumps(row) + "\n" for row in rows))
        return rows

    def read_status(self) -> dict[str, Any]:
        """Return ``run.json``."""
        return read_status(self.path)

    def status(self, **changes: Any) -> None:
        """Merge ``changes`` into ``run.json``."""
        self.write_json(STATUS, read_status(self.path) | changes)

    def write_json(self, name: str, content: Mapping[str, Any]) -> None:
        """Write one JSON file of the folder, whole or not at all; numbers that are not finite become null."""
        write_json(self.path / name, content)

    def close(self) -> None:
        """Let other processes have the folder."""
        self._lock.close()

    def remove(self) -> None:
        """Delete the folder: for a run that failed before its first step."""
        self.close()
        shutil.rmtree(self.path, ignore_errors=True)


def create_run(config: RunConfig, brought: frozenset[str] = frozenset()) -> RunFolder:
    """Make a run folder for ``config``: ``config.out``, or ``runs/DATA-DATE-TIME``.

    Args:
        config: the settings.
        brought: names of what may be there already.

    Raises:
        StorageError: the place is in use, holds something else, is read-only, or the disk is full.
    """
    path = _place(config)
    made = False
    try:
        with storage_errors("create the run folder", path):
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                path.mkdir()
                made = True
        check_free(path, brought)
        lock = _lock(path)
    except StorageError:
        if made:
            shutil.rmtree(path, ignore_errors=True)
        raise
    folder = RunFolder(path, lock)
    try:
        write_atomic(path / CONFIG, config_toml(config))
        folder.write_json(STATUS, {"schema_version": RUN_SCHEMA, "state": "running", "data": config.data})
    except StorageError:
        folder.remove()
        raise
    return folder


def resume_command(path: Path | str) -> str:
    """Return the command that goes on with an interrupted run.

    Example:
        >>> resume_command("runs/my run")
        "thalweg train --resume 'runs/my run'"
    """
    return f"thalweg train --resume {shlex.quote(str(path))}"


def check_free(path: Path, brought: frozenset[str] = frozenset()) -> None:
    """Raise unless ``path`` can become a run folder: it is absent, or empty but for what was ``brought``.

    Raises:
        StorageError: says what is there and what to do about it.
    """
    if not path.exists():
        return
    if not path.is_dir():
        raise StorageError(f"Cannot use {path} as run folder: it is a file.")
    with storage_errors("read", path):
        names = {entry.name for entry in path.iterdir()}
    if STATUS in names and is_locked(path):
        raise StorageError(f"The run folder {path} is in use by another process.")
    if STATUS in names:
        raise StorageError(
            f"{path} already holds a run. Choose another --out, or continue it with: thalweg train --resume {path}"
        )
    if names - {LOCK} - brought:
        raise StorageError(f"Cannot use {path} as run folder: it holds other files. Choose a new or empty folder.")


def resume_run(path: Path | str) -> tuple[RunFolder, RunConfig]:
    """Take hold of an interrupted run.

    Raises:
        ModelError: no run folder, damaged, finished, or diverged.
        StorageError: in use, or read-only.
    """
    path = Path(path)
    state = read_status(path).get("state")
    if state in {"finished", "stopped early"}:
        raise ModelError(f"{path} is finished: there is nothing to resume. Evaluate it, or start a new run.")
    if state == "diverged":
        raise ModelError(f"{path} diverged, and would again. Start a new run with other settings.")
    config = run_config(path)
    return RunFolder(path, _lock(path)), config


def run_config(path: Path) -> RunConfig:
    """Return the settings a run was started with.

    Raises:
        StorageError: there is no such folder.
        ModelError: no run folder, or ``config.toml`` is missing or damaged.
    """
    read_status(path)
    try:
        return make_config(read_config(path / CONFIG))
    except (StorageError, ArgumentError) as error:
        raise ModelError(f"{path} is damaged: {error}") from error


def read_status(path: Path | str) -> dict[str, Any]:
    """Return ``run.json``; a run whose process died reads as interrupted.

    Raises:
        ModelError: no run folder, damaged, or written by a newer version.
    """
    path = Path(path)
    if not path.exists():
        raise StorageError(f"There is no run folder {path}. List the runs with: thalweg runs")
    if not (path / STATUS).is_file():
        raise ModelError(f"{path} is no run folder: it has no {STATUS}.")
    try:
        status = json.loads((path / STATUS).read_text(encoding="utf-8"))
        version = int(status["schema_version"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path / STATUS} is damaged.") from error
    if version > RUN_SCHEMA:
        raise ModelError(f"{path} was written by a newer thalweg. Upgrade thalweg to use it.")
    if status.get("state") == "running" and not is_locked(path):
        status["state"] = "interrupted"
    return dict(status)


def read_log(path: Path | str) -> list[dict[str, Any]]:
    """Return the epochs of a run; a line cut short by a crash is left out."""
    file = Path(path) / LOG
    rows: list[dict[str, Any]] = []
    if file.is_file():
        with storage_errors("read", file):
            lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
        for line in lines:
            try:
                rows.append(json.loads(line))
            except ValueError:
                break
    return rows


def list_runs(root: Path | str) -> list[dict[str, Any]]:
    """Return the status of every run folder in ``root``, oldest first, with its ``path``.

    A folder that cannot be read is listed with the state ``"damaged"``.
    """
    root = Path(root)
    runs = []
    for path in sorted(file.parent for file in root.glob(f"*/{STATUS}")):
        try:
            status = read_status(path)
        except ModelError:
            status = {"state": "damaged"}
        if "epochs" not in status:  # running, or killed
            status["epochs"] = len(read_log(path))
        runs.append(status | {"path": str(path)})
    return sorted(runs, key=lambda run: str(run.get("started", "")))


def is_locked(path: Path) -> bool:
    """Return whether a living process holds the run folder."""
    return is_held(path / LOCK)


def _place(config: RunConfig) -> Path:
    if config.out is not None:
        return Path(config.out)
    name = re.sub(r"[^\w.-]+", "-", Path(config.data).stem or "run")
    stem = f"{name}-{time.strftime('%Y%m%d-%H%M%S')}"
    path, count = Path("runs") / stem, 1
    while path.exists():
        count += 1
        path = Path("runs") / f"{stem}-{count}"
    return path


def _lock(path: Path) -> IO[str]:
    lock = take_lock(path / LOCK)
    if lock is None:
        raise StorageError(f"The run folder {path} is in use by another process.")
    return lock
