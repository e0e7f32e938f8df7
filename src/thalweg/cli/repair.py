"""``thalweg repair RUN``: try the remedies of its findings, and train again with what helps."""

from __future__ import annotations

import shlex
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
    from rich.console import Console

    from thalweg.cli.progress import Live
    from thalweg.runs.attempts import Attempt
    from thalweg.runs.record import resume_command
    from thalweg.runs.repair import repair as repair_run

    console = Console(highlight=False, soft_wrap=True)

    def say(line: str) -> None:
        console.print(line, markup=False)

    def tell(attempt: Attempt) -> None:
        figures = attempt.message or f"{attempt.measure} {attempt.metric:.4g}  loss {attempt.loss:.4g}"
        say(f"{attempt.name:<60} {figures}")

    found = repair_run(run, out, hooks=[Live(console, lines=False)], say=say, tell=tell)
    if found.best is None:
        say("Interrupted; what was tried is kept. Continue with:")
        say(f"  thalweg repair {shlex.quote(str(run))}" + (f" --out {shlex.quote(str(out))}" if out else ""))
        return 130
    for line in found.left:
        say(f"no setting mends this: {line}")
    if found.run is None:
        say("nothing that can be set makes held-out answers better; no new run")
        return 0
    if found.run.state == "interrupted":
        say("Interrupted; everything is saved. Continue with:")
        say(f"  {resume_command(found.run.path)}")
        return 130
    say(f"model   {found.run.path / 'model'}")
    say(f"report  {found.run.report}")
    return 0


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("repair")(repair)
