"""``thalweg explain RUN [DATA]``: which columns the answers depend on, and whether more rows would help."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from thalweg.cli.evaluate import RunArgument, Target, own_target

Rows = Annotated[
    str | None,
    typer.Argument(metavar="[DATA]", help="Labelled rows; by default the run's own test rows.", show_default=False),
]
Repeats = Annotated[int, typer.Option("--repeats", metavar="N", help="How often each column is shuffled.")]
Most = Annotated[int, typer.Option("--rows", metavar="N", help="Rows to shuffle, at most.")]
Columns = Annotated[
    str | None,
    typer.Option(
        "--columns",
        metavar="COL,COL,…",
        help="Columns along which to follow the answers; by default the most important ones.",
        show_default=False,
    ),
]
Learning = Annotated[
    bool,
    typer.Option(
        "--learning-curve",
        help="Train on ever more of the rows as well, to see whether more would help; takes about as long as training.",
    ),
]


def explain(
    run: RunArgument,
    data: Rows = None,
    repeats: Repeats = 10,
    rows: Most = 5000,
    columns: Columns = None,
    learning_curve: Learning = False,
    target: Target = None,
) -> int:
    """Tell what the answers of RUN depend on: shuffle each column, follow the answers along it, write the report."""
    from thalweg.cli.engine import keep_compiled

    keep_compiled()
    from thalweg.core.validate import number
    from thalweg.deploy import load
    from thalweg.runs.explain.effort import Effort
    from thalweg.runs.explain.run import Explainer

    effort = Effort(
        rows=number("rows", rows, at_least=2, integer=True),
        repeats=number("repeats", repeats, at_least=1, integer=True),
    )
    if data is not None and target is None:
        target = own_target(load(run), data)
    explainer = Explainer(run, data, target)
    counts = explainer.sizes() if learning_curve else []
    named = [] if columns is None else [name.strip() for name in columns.split(",")]
    with _bar("shuffling", explainer.predictions(effort)) as (bar, task):
        found = explainer.explain(effort, named, lambda done: bar.advance(task, done))
    typer.echo("\n".join(importance_lines(found)))
    state = 0 if not counts else _learn(explainer, counts)
    if explainer.config is not None:
        typer.echo(f"report  {shlex.quote(str(run / 'report.html'))}")
    return state


def _learn(explainer: Any, counts: Sequence[int]) -> int:
    """Train on ever more rows: the cost first, a line for each size, 130 when interrupted."""
    from thalweg.training import Hook

    share, seconds = explainer.cost(counts)
    trained = ", ".join(map(str, counts[:-1]))
    many = "trainings" if len(counts) > 2 else "training"
    typer.echo(
        f"learning curve: {len(counts) - 1} {many} on {trained} rows, about {share:.1f} times the run's own "
        f"({seconds:.0f} s), and compiling; Ctrl-C keeps the sizes that are done"
    )
    epochs = explainer.config.epochs
    with _bar("training", sum(counts[:-1]) * epochs) as (bar, task):

        class Advance(Hook):
            def __init__(self, rows: int) -> None:
                self.rows = rows

            def on_train_start(self, info: Any) -> None:
                bar.update(
                    task, description=f"{self.rows} rows", completed=sum(n for n in counts if n < self.rows) * epochs
                )

            def on_epoch_end(self, row: dict[str, Any]) -> None:
                bar.advance(task, self.rows)

        points = explainer.learn(counts, lambda rows: [Advance(rows)])
    typer.echo("\n".join(learning_lines(points)))
    if len(points) < len(counts):
        typer.echo(f"Interrupted: {len(points)} of {len(counts)} sizes are done and saved.")
        return 130
    return 0


def importance_lines(found: dict[str, Any]) -> list[str]:
    """Return the importance of the columns as lines of text."""
    told = found["importance"]
    share = told["metric"] == "error"
    unit = "error, %" if share else "rmse"
    factor = 100 if share else 1
    width = max([6, *(len(entry["name"]) for entry in told["columns"])])
    lines = [
        f"{told['rows']} rows ({found['part']}), each column shuffled {told['repeats']} times; what that adds:",
        f"{'column':<{width}}  {'loss':>10}  {'±':>8}  {unit:>10}  {'±':>8}",
    ]
    for entry in told["columns"]:
        loss, metric = entry["loss"], entry["metric"]
        lines.append(
            f"{entry['name']:<{width}}  {loss['mean']:>10.4g}  {loss['se']:>8.2g}  "
            f"{factor * metric['mean']:>10.4g}  {factor * metric['se']:>8.2g}"
        )
    lines += [
        f"{pair['columns'][0]} and {pair['columns'][1]} tell much the same (correlation {pair['correlation']:.2f}): "
        "shuffled alone, either seems to matter less than it does"
        for pair in told["related"][:5]
    ]
    return lines


def learning_lines(points: Sequence[dict[str, Any]]) -> list[str]:
    """Return a learning curve as lines of text."""
    if not points:
        return []
    name = "error" if "error" in points[0]["test"] else "rmse"
    factor, unit = (100, ", %") if name == "error" else (1, "")
    lines = [f"{'rows':>8}  {'training ' + name + unit:>18}  {'test ' + name + unit:>14}  {'test loss':>10}"]
    return lines + [
        f"{point['rows']:>8}  {factor * point['train'][name]:>18.4g}  {factor * point['test'][name]:>14.4g}  "
        f"{point['test']['loss']:>10.4g}"
        for point in points
    ]


def _bar(what: str, total: int) -> Any:
    """A progress bar on a terminal, nothing elsewhere: enter it to get the bar and its task."""
    from contextlib import contextmanager

    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    @contextmanager
    def shown() -> Any:
        console = Console()
        columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
            yield bar, bar.add_task(what, total=total)

    return shown()


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("explain")(explain)
