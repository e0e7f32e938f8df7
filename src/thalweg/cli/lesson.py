"""``thalweg lesson``: the theory as worked examples with pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import thalweg as tw

Name = Annotated[
    str | None,
    typer.Argument(metavar="[NAME]", help="Lesson to run; without one they are listed.", show_default=False),
]
Out = Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Folder for the pictures.")]
Quick = Annotated[bool, typer.Option("--quick", help="Smaller settings, for an answer within seconds.")]


def lesson(name: Name = None, out: Out = Path("lessons"), quick: Quick = False) -> int:
    """Run a lesson: its numbers, its picture, and what they show."""
    if name is None:
        width = max(map(len, tw.lessons.LESSONS))
        for known in tw.lessons.LESSONS.values():
            typer.echo(f"{known.name:<{width}}  {known.title}")
        typer.echo("Run one with: thalweg lesson NAME")
        return 0
    from thalweg.core.registry import lookup

    title = lookup(tw.lessons.LESSONS, name, "lesson").title
    from thalweg.cli.engine import keep_compiled

    keep_compiled()
    typer.echo(title, color=None)
    done = tw.lessons.run(name, out, quick=quick)
    typer.echo(f"\n{done.text}\n")
    for file in done.files:
        typer.echo(f"picture  {file}")
    return 0


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("lesson")(lesson)
