"""``thalweg diagnose RUN``: what is wrong with a run, why, and what to change."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

RunFolderArgument = Annotated[Path, typer.Argument(metavar="RUN", help="Run folder.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")]


Probe = Annotated[
    bool | None,
    typer.Option(
        "--probe/--no-probe",
        help="Measure the loss where training ended, and try to fit one minibatch, which takes some seconds; by "
        "default where the result is bad.",
        show_default=False,
    ),
]


def diagnose(run: RunFolderArgument, probe: Probe = None, as_json: AsJson = False) -> int:
    """Say what is wrong with RUN: findings in order of their weight, each with its numbers, cause and remedy.

    Runs beside it that differ in their seed alone tell how much of a difference is luck.
    """
    from thalweg.diagnosis import judge
    from thalweg.runs.diagnosis import evidence_of, finding_lines, looked_closer, not_measured

    evidence = looked_closer(run, evidence_of(run), probe=probe)
    findings = judge(evidence)
    if as_json:
        import json

        typer.echo(json.dumps([finding.to_dict() for finding in findings], indent=1))
        return 0
    for line in [*finding_lines(findings), *not_measured(run, evidence)]:
        typer.echo(line)
    return 0


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("diagnose")(diagnose)
