"""``thalweg diagnose RUN``: what is wrong with a run, why, and what to change."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

RunFolderArgument = Annotated[Path, typer.Argument(metavar="RUN", help="Run folder.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")]


def diagnose(run: RunFolderArgument, as_json: AsJson = False) -> int:
    """Say what is wrong with RUN: findings in order of their weight, each with its numbers, cause and remedy."""
    from thalweg.runs.diagnosis import finding_lines, findings_of

    findings = findings_of(run)
    if as_json:
        import json

        typer.echo(json.dumps([finding.to_dict() for finding in findings], indent=1))
        return 0
    for line in finding_lines(findings):
        typer.echo(line)
    return 0


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("diagnose")(diagnose)
