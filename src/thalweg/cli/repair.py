"""``thalweg repair RUN``: try the remedies of its findings, and train again with what helps."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from thalweg.cli.diagnose import RunFolderArgument

Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="FOLDER", help="Folder of the new run; by default RUN-repaired.", show_default=False),
]


def repair(run: RunFolderArgument, out: Out = None) -> int:
    """Try the remedies of RUN's findings alone and together, and train a new run with what helps held-out rows."""
    from thalweg.cli.engine import keep_compiled

    keep_compiled()
    from thalweg.runs.repair import Attempt
    from thalweg.runs.repair import repair as repair_run

    def tell(attempt: Attempt) -> None:
        figures = attempt.message or f"metric {attempt.metric:.4g}  loss {attempt.loss:.4g}"
        typer.echo(f"{attempt.name:<60} {figures}")

    found = repair_run(run, out, say=typer.echo, tell=tell)
    for line in found.left:
        typer.echo(f"no setting mends this: {line}")
    if found.run is None:
        typer.echo("nothing that can be set makes held-out answers better; no new run")
        return 0
    typer.echo(f"model   {found.run.path / 'model'}")
    typer.echo(f"report  {found.run.report}")
    return 0


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("repair")(repair)
