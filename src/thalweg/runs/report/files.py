"""Reading a run folder: whatever is there, nothing that is not.

A run that was killed leaves half a folder, and its report is wanted all the same; so a missing or damaged file is
a note in the report, not an error.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from thalweg.core.errors import StorageError

FACTS = "facts.json"
"""What a checkup measured before and after training."""


@dataclass(frozen=True)
class RunFiles:
    """The files of a run folder as the report needs them.

    Args:
        folder: the run folder.
        log: a dictionary an epoch; numbers that are not finite are None.
        info: content of run.json.
        model: content of model/model.json.
        config: text of config.toml, None without one.
        evaluations: {"test": …, "training": …}, see `thalweg.runs.evaluation`.
        explanation: content of explanation.json, see `thalweg.runs.explain`.
        damaged: files that were there and could not be read.
    """

    folder: Path
    log: list[dict[str, Any]] = field(default_factory=list)
    info: dict[str, Any] = field(default_factory=dict)
    model: dict[str, Any] = field(default_factory=dict)
    config: str | None = None
    evaluations: dict[str, dict[str, Any]] = field(default_factory=dict)
    explanation: dict[str, Any] = field(default_factory=dict)
    damaged: list[str] = field(default_factory=list)

    @property
    def evaluated(self) -> tuple[str, dict[str, Any]] | None:
        """The evaluation to show, with the name of its rows: the test rows where there are any."""
        for name in ("test", "training"):
            if name in self.evaluations:
                return name, self.evaluations[name]
        return None

    @property
    def data(self) -> dict[str, Any]:
        """What was trained on."""
        value = self.info.get("data")
        return value if isinstance(value, dict) else {"name": value} if isinstance(value, str) else {}


def read_run(folder: Path) -> RunFiles:
    """Read a run folder.

    Raises:
        StorageError: the folder does not exist or holds none of a run's files.
    """
    if not folder.is_dir():
        raise StorageError(f"Cannot report on {folder}: it is not a folder.")
    damaged: list[str] = []
    info = _json(folder, "run.json", damaged)
    evaluation = _json(folder, "evaluation.json", damaged)
    if "task" in evaluation:
        evaluation = {"test": evaluation}
    run = RunFiles(
        folder=folder,
        log=_log(folder, damaged),
        info=info,
        model=_json(folder, "model/model.json", damaged),
        config=_text(folder, "config.toml", damaged),
        evaluations={
            k: v for k, v in evaluation.items() if k in ("test", "training", "out_of_fold") and isinstance(v, dict)
        },
        explanation=_json(folder, "explanation.json", damaged),
        damaged=damaged,
    )
    if not (run.log or run.info or run.config or damaged):
        raise StorageError(f"Cannot report on {folder}: it holds no run (no log.jsonl, run.json or config.toml).")
    return run


def _text(folder: Path, name: str, damaged: list[str]) -> str | None:
    try:
        return (folder / name).read_text("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError):
        damaged.append(name)
        return None


def _json(folder: Path, name: str, damaged: list[str]) -> dict[str, Any]:
    text = _text(folder, name, damaged)
    if text is None:
        return {}
    try:
        value = finite(json.loads(text))
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict):
        return value
    damaged.append(name)
    return {}


def _log(folder: Path, damaged: list[str]) -> list[dict[str, Any]]:
    """Lines of log.jsonl; the last one may be cut where the run was killed, and an epoch may be logged twice."""
    rows: dict[Any, dict[str, Any]] = {}
    for line in (_text(folder, "log.jsonl", damaged) or "").splitlines():
        try:
            row = finite(json.loads(line))
        except ValueError:
            continue
        if isinstance(row, dict) and isinstance(row.get("epoch"), (int, float)):
            rows[row["epoch"]] = row
    return [rows[epoch] for epoch in sorted(rows)]


def finite(value: Any) -> Any:
    """The value with None in place of every number that is not finite."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [finite(item) for item in value]
    return value
