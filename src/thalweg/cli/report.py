"""``thalweg report RUN``: write the report of a run again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

RunFolderArgument = Annotated[Path, typer.Argument(metavar="RUN", help="Run folder.", show_default=False)]


def report(run: RunFolderArgument) -> int:
    """Write report.html of RUN, also while it trains or after it was killed."""
    from thalweg.runs.record import read_status
    from thalweg.runs.report import write_report

    state = read_status(run).get("state")
    typer.echo(str(write_report(run, state=state)))
    return 0


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("report")(report)
