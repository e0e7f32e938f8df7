"""What seeds alone change: results of networks, or of runs, that differ in nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from thalweg.core.errors import ThalwegError
from thalweg.recipes.config import changed_settings
from thalweg.recipes.ensemble import Ensemble
from thalweg.runs.record import list_runs, run_config
from thalweg.training import Trained

ASIDE = {"seed", "out", "threads", "checkpoint_seconds", "diagnose"}
"""Settings that leave a run the same but for luck."""


def seeds_of_members(trained: Trained, metric: str, folds: int) -> dict[str, Any]:
    """Return the result of every network that trained together, each at the epoch it keeps.

    Args:
        trained: what was trained; a single network has no spread.
        metric: ``"error"`` or ``"rmse"``.
        folds: of cross-validation; each network is then judged on the fold it held out.

    Returns:
        ``measure``, ``of``: what differs, ``folds``, ``values``; empty for a single network, without rows to judge on,
        or before the end of the first epoch.
    """
    if not isinstance(trained, Ensemble) or not trained.history:
        return {}
    part = "validation" if folds else "test"
    kept = [trained.members.histories[m][trained.members.epochs[m] - 1] for m in trained.members.usable]
    values = [row[f"{part}_{metric}"] for row in kept if f"{part}_{metric}" in row]
    if len(values) < 2:
        return {}
    return {"measure": metric, "of": "networks of different seeds", "folds": folds, "values": values}


def seeds_of_runs(path: Path) -> dict[str, Any]:
    """Return the results of a finished run and of those beside it that differ in their seed alone."""
    config = run_config(path)
    if config.networks > 1:
        return {}
    found: dict[int, tuple[str, float]] = {}  # by seed: the same run twice tells nothing
    for status in list_runs(path.parent):
        other = Path(status["path"])
        try:
            if status.get("state") not in ("finished", "stopped early"):
                continue
            beside = run_config(other)
            if set(changed_settings(config, beside)) - ASIDE:
                continue
            result = json.loads((other / "evaluation.json").read_text(encoding="utf-8"))["test"]
        except (ThalwegError, OSError, ValueError, KeyError):
            continue  # damaged, or without test rows: it tells nothing
        for name in ("error", "rmse"):
            if result.get(name) is not None:
                found[beside.seed] = (name, float(result[name]))
    if len(found) < 2:
        return {}
    measure = next(iter(found.values()))[0]
    return {"measure": measure, "of": "runs beside each other", "values": [value for _, value in found.values()]}
