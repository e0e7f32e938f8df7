"""``thalweg summary``: shapes, parameters, multiplications and memory of a network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from thalweg.cli.flags import SettingsCommand, with_settings
from thalweg.core.errors import ArgumentError
from thalweg.recipes.config import make_config

RunOrNothing = Annotated[
    Path | None, typer.Argument(metavar="[RUN]", help="Run folder or model folder.", show_default=False)
]
Inputs = Annotated[int | None, typer.Option("--inputs", help="Width of the input.", show_default=False)]
Outputs = Annotated[int, typer.Option("--outputs", help="Width of the output.")]
NETWORK = ("hidden", "activation", "normalization", "residual", "dropout", "initializer", "input_noise")


def summary(run: RunOrNothing = None, inputs: Inputs = None, outputs: Outputs = 1, **settings: Any) -> int:
    """Show the network of RUN, or of --inputs, --hidden and --outputs, before anything is trained."""
    if (run is None) == (inputs is None):
        raise ArgumentError("summary", "a run folder, or --inputs", "neither" if run is None else "both")
    config = make_config({"data": "none"} | settings)
    from thalweg.network import dense_network
    from thalweg.network import summary as summarize

    if run is not None:
        from thalweg.deploy import load

        network = load(run).network
    else:
        assert inputs is not None, "one of the two is given"
        network = dense_network(inputs, outputs=outputs, **{name: getattr(config, name) for name in NETWORK})
    typer.echo(str(summarize(network)))
    return 0


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("summary", cls=SettingsCommand)(with_settings(summary, NETWORK))
