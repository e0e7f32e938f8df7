"""What several parts of the page need to know about a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from thalweg.runs.report.files import RunFiles


@dataclass(frozen=True)
class Metric:
    """The measure that the log holds beside the loss.

    Args:
        key: "error" or "rmse", as in ``test_error``.
        name: as it stands in headings.
        share: the values are shares, shown in percent.
    """

    key: str
    name: str
    share: bool


ERROR = Metric("error", "error", share=True)
RMSE = Metric("rmse", "root mean squared error", share=False)


def metric(run: RunFiles) -> Metric:
    """Which of the two measures the run has."""
    if run.evaluated:
        return RMSE if run.evaluated[1].get("task") == "regression" else ERROR
    return RMSE if any("train_rmse" in row or "test_rmse" in row for row in run.log) else ERROR


def state(run: RunFiles) -> str:
    """How the run ended: run.json's word, "unknown" without one."""
    return str(run.info.get("state") or "unknown")


def planned_epochs(run: RunFiles) -> int | None:
    """How many epochs were asked for."""
    value = settings(run).get("epochs")
    return int(value) if isinstance(value, (int, float)) else None


def settings(run: RunFiles) -> dict[str, Any]:
    """The settings as resolved, else as written in config.toml."""
    if isinstance(run.info.get("settings"), dict):
        return dict(run.info["settings"])
    import tomllib

    try:
        return tomllib.loads(run.config or "")
    except tomllib.TOMLDecodeError:
        return {}


def best_epoch(run: RunFiles) -> Any:
    """The epoch whose parameters were kept; where run.json names none, the one of the lowest test loss."""
    if run.info.get("best_epoch") is not None:
        return run.info["best_epoch"]
    rows = [row for row in run.log if isinstance(row.get("test_loss"), (int, float))]
    return min(rows, key=lambda row: float(row["test_loss"]))["epoch"] if rows else None


def kept_row(run: RunFiles) -> dict[str, Any]:
    """The log's line of the epoch whose parameters the model has; of several networks, of their median epoch."""
    wanted = run.info.get("best_epoch")
    for row in run.log:
        if row["epoch"] == wanted:
            return row
    return run.log[-1] if run.log else {}


def own_epochs(run: RunFiles) -> str | None:
    """That each of several networks keeps its own epoch, of which run.json names the median; None for one network."""
    if networks(run) == 1 or run.info.get("best_epoch") is None:
        return None
    return f"each network keeps its own best epoch, {run.info['best_epoch']} in the middle"


def train_seconds(run: RunFiles) -> float | None:
    """Time spent in epochs."""
    if not run.log:
        return None
    times = run.info.get("seconds")
    if isinstance(times, dict) and isinstance(times.get("train"), (int, float)):
        return float(times["train"])
    spent = [row["seconds"] for row in run.log if isinstance(row.get("seconds"), (int, float))]
    return float(sum(spent)) if spent else None


def architecture(run: RunFiles) -> str | None:
    """The widths of the layers that hold weights, as "784–512–10"; where members share weights, those of one."""
    rows = layers(run)
    if not rows:
        return None
    widths = [width(row) for row in rows if row.get("multiplications")]
    members = settings(run).get("shared_members")
    if isinstance(members, int) and members > 1:
        widths = [int(size) // members if str(size).isdigit() else size for size in widths]
    inputs = summary(run).get("inputs") or run.data.get("features")
    return "–".join(str(w) for w in [inputs, *widths] if w is not None)


def summary(run: RunFiles) -> dict[str, Any]:
    """The summary of the network."""
    value = run.info.get("summary")
    return value if isinstance(value, dict) else {}


def networks(run: RunFiles) -> int:
    """How many networks of the same layers were trained; 1 where ``run.json`` does not say."""
    value = summary(run).get("networks")
    return value if isinstance(value, int) and value > 1 else 1


def layers(run: RunFiles) -> list[dict[str, Any]]:
    """The rows of the summary: the layers of one network."""
    rows = summary(run).get("rows")
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def width(row: dict[str, Any]) -> Any:
    """Output shape of a layer in short."""
    shape = row.get("shape")
    if isinstance(shape, list):
        return " × ".join(str(size) for size in shape) if shape else None
    return shape


def base_likelihood(run: RunFiles) -> str | None:
    """The name of the likelihood that each member of a mixture has; None without one."""
    value = run.model.get("likelihood")
    base = value.get("base") if isinstance(value, dict) else None
    return str(base.get("name")) if isinstance(base, dict) else None


def likelihood(run: RunFiles) -> str | None:
    """The name of the likelihood, and how many members it is the mean of."""
    value = run.model.get("likelihood")
    if isinstance(value, dict):
        if base := base_likelihood(run):
            return f"{base}, mixture of {value.get('members')} members"
        value = value.get("name") or value.get("kind")
    value = value or settings(run).get("likelihood")
    return str(value) if value and value != "auto" else None
