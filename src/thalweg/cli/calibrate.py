"""``thalweg calibrate RUN [DATA]``: mend probabilities, deviations or intervals on held-out rows."""

from __future__ import annotations

from typing import Annotated

import typer

from thalweg.cli.evaluate import RunArgument, Target

HeldOut = Annotated[
    str | None,
    typer.Argument(
        metavar="[DATA]",
        help="File of rows held out of training; by default the run's own validation rows.",
        show_default=False,
    ),
]
Method = Annotated[
    str,
    typer.Option("--method", metavar="NAME", help="temperature or isotonic (classes), scale (numbers), or conformal."),
]
Score = Annotated[
    str | None,
    typer.Option(
        "--score",
        metavar="NAME",
        help="Of conformal: absolute, normalized or quantile for numbers, lac or aps for classes.",
        show_default=False,
    ),
]


def calibrate(
    run: RunArgument, data: HeldOut = None, method: Method = "temperature", score: Score = None, target: Target = None
) -> int:
    """Calibrate the model of RUN; its answers, decisions and report use it from then on."""
    from thalweg.cli.engine import keep_compiled

    keep_compiled()
    from thalweg.runs.calibrate import calibrate_run, calibration_lines

    for line in calibration_lines(*calibrate_run(run, data, method, target=target, score=score)):
        typer.echo(line)
    return 0


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("calibrate")(calibrate)
