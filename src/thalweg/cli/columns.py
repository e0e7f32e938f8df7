"""``thalweg columns DATA``: what the columns of a table are taken for, before anything is trained."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from thalweg.cli.flags import SettingsCommand, with_settings
from thalweg.recipes.config import make_config

Data = Annotated[str, typer.Argument(metavar="DATA", help="File, or name of a bundled set.", show_default=False)]
SETTINGS = (
    "target",
    "columns",
    "classes",
    "likelihood",
    "standardize",
    "scaling",
    "min_count",
    "embed_levels",
    "preset",
)


def columns(data: Data, **settings: Any) -> int:
    """Show the kind and the encoding of each column of DATA, and what is left out; --columns sets others."""
    config = make_config({"data": data} | settings)
    from thalweg.data.bundled import DATASETS
    from thalweg.data.streaming.tables import read_some
    from thalweg.recipes.presets import before_training
    from thalweg.recipes.tables import fit_encoder, read_data

    if config.data in DATASETS:
        table = read_data(config.data, config.target)[0]
        rows = len(table)
    else:
        table, rows = read_some(config.data, config.target, "train")
    if rows > len(table):
        typer.echo(f"of {rows} rows, {len(table)} drawn at random:")
    config = before_training(config, table, held_out=False)  # as `thalweg train` would encode them
    typer.echo(fit_encoder(table, config).describe())
    return 0


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("columns", cls=SettingsCommand)(with_settings(columns, SETTINGS))
