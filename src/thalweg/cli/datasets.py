"""``thalweg datasets``: the sets that come by name."""

from __future__ import annotations

import typer


def datasets() -> int:
    """List the bundled data sets: rows, features, task and source."""
    from thalweg.data.bundled import DATASETS

    width = max(map(len, DATASETS))
    for name, known in DATASETS.items():
        typer.echo(
            f"{name:<{width}}  {known.rows:>6} rows  {known.features:>4} features  {known.task:<14}  "
            f"{known.description} ({known.source}; {known.licence})"
        )
    return 0


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("datasets")(datasets)
