"""``thalweg landscape RUN``: a picture of the loss around a run's network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from thalweg.cli.diagnose import RunFolderArgument

Directions = Annotated[
    str,
    typer.Option(
        "--directions",
        metavar="NAME",
        help="random; hessian, of largest curvature; or trajectory, the way training went, which trains once more.",
    ),
]
Points = Annotated[int, typer.Option("--points", metavar="N", help="Points of the grid along each direction.")]
Extent = Annotated[float, typer.Option("--extent", metavar="NUMBER", help="How far the picture reaches.")]
Seed = Annotated[int, typer.Option("--seed", metavar="N", help="Seed of random directions.")]
Picture = Annotated[
    Path | None,
    typer.Option(
        "--out", "-o", metavar="FILE", help="PNG, SVG or PDF; by default RUN/landscape.png.", show_default=False
    ),
]


def landscape(
    run: RunFolderArgument,
    directions: Directions = "random",
    points: Points = 41,
    extent: Extent = 1.0,
    seed: Seed = 0,
    out: Picture = None,
) -> int:
    """Draw the loss around the network of RUN along two directions; the run's report shows the picture too."""
    from thalweg.cli.engine import keep_compiled

    keep_compiled()
    from thalweg.core.validate import number
    from thalweg.runs.landscape import landscape_of_run

    cut, place = landscape_of_run(
        run,
        out,
        directions,
        points=number("points", points, at_least=3, integer=True),
        extent=number("extent", extent, above=0),
        seed=seed,
    )
    typer.echo(f"{' and '.join(cut.names)}; loss from {cut.losses[cut.losses == cut.losses].min():.4g}")
    typer.echo(f"picture {place}")
    return 0


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("landscape")(landscape)
