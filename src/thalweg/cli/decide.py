"""``thalweg decide RUN DATA --cost COST -o FILE``: the action of least expected cost for every row."""

from __future__ import annotations

from typing import Annotated

import typer

from thalweg.cli.evaluate import DataArgument, RunArgument
from thalweg.cli.predict import Output, open_model, rows_for

CostOption = Annotated[
    str,
    typer.Option(
        "--cost",
        metavar="COST",
        help="CSV file of costs (rows: true class, columns: action), or 0-1, squared, absolute, pinball=0.9, "
        "under=5,over=1.",
    ),
]
Reject = Annotated[
    float | None,
    typer.Option(
        "--reject", metavar="PRICE", help="Hand a row over at this price where every action is expected to cost more."
    ),
]
Budget = Annotated[
    int | None,
    typer.Option(
        "--budget", metavar="K", help="Hand over (or flag) at most K rows: those where it saves most expected cost."
    ),
]
Flag = Annotated[
    str | None, typer.Option("--flag", metavar="ACTION", help="Action that --budget rations; by default rejection.")
]
Seed = Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Seed of the bootstrap and of draws.")]


def decide(
    run: RunArgument,
    data: DataArgument,
    output: Output,
    cost: CostOption = "0-1",
    reject: Reject = None,
    budget: Budget = None,
    flag: Flag = None,
    seed: Seed = 0,
) -> int:
    """Take the action of least expected cost for every row of DATA; where it has the target, tell the realized cost."""
    from thalweg.data.write import write_columns

    model = open_model(run, data, output)
    table = rows_for(model, run, data, output)
    from thalweg.runs.decide import checked_flag, comparison_lines, cost_of, decision_columns, judge_decisions

    settings = checked_flag(flag, budget)
    decisions = model.decide(table, cost_of(cost), reject=reject, seed=seed, **settings)
    found = judge_decisions(model, table, decisions, seed)
    write_columns(output, decision_columns(model, decisions))
    handed = f", {100 * decisions.rejected.mean():.1f} % of them rejected" if decisions.rejected.any() else ""
    typer.echo(f"{len(table)} decisions in {output}{handed}")
    for line in comparison_lines(found) if found is not None else ():
        typer.echo(line)
    return 0


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("decide")(decide)
