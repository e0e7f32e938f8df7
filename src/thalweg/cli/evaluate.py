"""``thalweg evaluate RUN DATA``: test a trained model on labelled data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="Run folder or model folder.", show_default=False)]
DataArgument = Annotated[str, typer.Argument(metavar="DATA", help="File, folder or bundled name.", show_default=False)]
Target = Annotated[
    str | None, typer.Option("--target", metavar="COL", help="Target column; by default that of training.")
]


def evaluate(run: RunArgument, data: DataArgument, target: Target = None) -> int:
    """Test the model of RUN on labelled DATA; of a set with test rows, on those."""
    from thalweg.cli.engine import keep_compiled

    keep_compiled()
    from thalweg.data.read import read
    from thalweg.data.split import official_test
    from thalweg.deploy import load
    from thalweg.runs.judge import judge

    model = load(run)
    if model.encoder is None:
        from thalweg.core.errors import ModelError

        raise ModelError(f"{run} has no encoder: evaluate it from Python, with thalweg.load and Model.evaluate.")
    table = official_test(read(data, target=target or _own_target(model, data)))
    for line in lines(judge(model, table)):
        typer.echo(line)
    return 0


def lines(result: dict[str, Any]) -> list[str]:
    """Return an evaluation as lines of text."""
    if result["task"] == "regression":
        head = [f"{result['rows']} rows, root mean squared error {result['rmse']:.5g}"]
        head += [f"a constant guess: {result['baseline']['rmse']:.5g}"] if result["baseline"]["rmse"] else []
        return head + [
            f"{target['name']}: rmse {target['rmse']:.5g}, mean absolute error {target['mae']:.5g}, "
            f"R² {'undefined' if target['r2'] is None else format(target['r2'], '.4f')}"
            for target in result["targets"]
        ]
    head = [
        f"{result['rows']} rows, {100 * result['error']:.2f} % wrong ({result['mistakes']})",
        f"mean -ln p(true class) {result['loss']:.4f} nat",
        f"always {result['baseline']['guess']!r}: {100 * result['baseline']['error']:.2f} % wrong",
    ]
    width = max(len("class"), *(len(row["class"]) for row in result["per_class"]))
    table = [f"{'class':<{width}}  {'rows':>7}  precision  recall"]
    for row in result["per_class"]:
        precision, recall = ("-" if row[key] is None else f"{100 * row[key]:.1f} %" for key in ("precision", "recall"))
        table.append(f"{row['class']:<{width}}  {row['support']:>7}  {precision:>9}  {recall:>6}")
    return [*head, *table]


def _own_target(model: Any, data: str) -> str | None:
    """The target's name in training, unless the data is a bundled set, which knows its own."""
    from thalweg.data.bundled import DATASETS

    name: str | None = model.encoder.target_name
    return None if data in DATASETS or not Path(data).is_file() else name


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("evaluate")(evaluate)
