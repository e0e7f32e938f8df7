"""``thalweg runs``: what was trained, and how it went."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

Folder = Annotated[Path, typer.Argument(metavar="[FOLDER]", help="Folder that holds run folders.")]


def runs(folder: Folder = Path("runs")) -> int:
    """List the run folders in FOLDER, oldest first."""
    from thalweg.runs.record import list_runs

    found = list_runs(folder)
    if not found:
        typer.echo(f"No runs in {folder}. Start one with: thalweg train iris")
        return 0
    rows = [("run", "data", "state", "epochs", "result", "seconds"), *(_row(run) for run in found)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        typer.echo("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())
    return 0


def _row(run: dict[str, Any]) -> tuple[str, ...]:
    data, seconds, result = run.get("data"), run.get("seconds"), run.get("result") or {}
    name = data.get("name", "") if isinstance(data, dict) else data or ""
    words = ""
    if result.get("error") is not None:
        words = f"{100 * result['error']:.2f} % wrong"
    elif result.get("rmse") is not None:
        words = f"rmse {result['rmse']:.5g}"
    if words and not run.get("tested"):
        words += " (training rows)"
    spent = seconds.get("train") if isinstance(seconds, dict) else None
    return (
        str(run["path"]),
        str(name),
        str(run.get("state", "")),
        str(run.get("epochs", "")),
        words,
        "" if spent is None else f"{spent:.1f}",
    )


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("runs")(runs)
