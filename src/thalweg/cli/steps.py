"""``thalweg steps DATA``: which step sizes train, found by a short experiment."""

from __future__ import annotations

import shlex
from typing import Any

import typer

from thalweg.cli.flags import SettingsCommand, with_settings
from thalweg.cli.train import Config, Data
from thalweg.core.errors import ArgumentError
from thalweg.recipes.config import RunConfig, make_config, read_config

WIDTH = 40
"""Characters of the longest bar."""


def steps(data: Data = None, config: Config = None, **settings: Any) -> int:
    """Train with many step sizes together for a short while, and recommend one with its safe interval.

    This takes about a tenth of the time of the run. Beside runs of less than a second it takes more: even the fewest
    steps, which take a tenth of a second or two, are many to them.
    """
    given = (read_config(config) if config is not None else {}) | settings
    if data is not None:
        given["data"] = data
    if "data" not in given:
        raise ArgumentError("DATA", "a file or a bundled name", "nothing", "See: thalweg datasets")
    from thalweg.cli.engine import keep_compiled

    keep_compiled()
    from thalweg.recipes.prepare import prepare
    from thalweg.recipes.step_sizes import STARTS, step_sizes_of
    from thalweg.runs.run import command

    given.pop("learning_rate", None)
    plan = prepare(make_config(given))
    found = step_sizes_of(plan.config, plan.network, plan.likelihood, plan.train)
    typer.echo(
        f"{len(found.rates)} step sizes, {found.steps} steps each from {STARTS} starts; "
        f"loss before them {found.start:.4g}"
    )
    least = min(found.losses)
    for rate, loss in zip(found.rates, found.losses, strict=True):
        gained = max(0.0, (found.start - loss) / (found.start - least)) if loss < float("inf") else 0.0
        mark = "safe" if found.low <= rate <= found.high else "fails" if loss == float("inf") else ""
        typer.echo(f"{rate:10.2e}  {loss:10.4g}  {'█' * round(WIDTH * gained):<{WIDTH}}  {mark}".rstrip())
    typer.echo(f"recommended {found.told}")
    following = make_config(given | {"learning_rate": f"{found.recommended:.2g}"})
    typer.echo(f"next    {shlex.join(command(following))}")
    return 0


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    names = [name for name in RunConfig.model_fields if name not in {"data", "learning_rate", "out"}]
    app.command("steps", cls=SettingsCommand)(with_settings(steps, names))
