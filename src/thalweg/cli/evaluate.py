"""``thalweg evaluate RUN DATA``: test a trained model on labelled data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from thalweg.cli.masks import evaluate_masks

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
    from thalweg.data.streaming.pieces import large_source
    from thalweg.deploy import Segmenter, load
    from thalweg.runs.judge import judge

    model = load(run)
    if isinstance(model, Segmenter):
        typer.echo("\n".join(evaluate_masks(model, data, target)))
        return 0
    if model.encoder is None:
        from thalweg.core.errors import ModelError

        raise ModelError(f"{run} has no encoder: evaluate it from Python, with thalweg.load and Model.evaluate.")
    named = target or own_target(model, data)
    source = large_source(data)
    if source is None:
        result = judge(model, official_test(read(data, target=named)))
    else:
        from thalweg.runs.judge_large import judge_large

        result = judge_large(model, source, named or model.encoder.target_name)
    for line in whole_lines(result) + lines(result):
        typer.echo(line)
    return 0


def whole_lines(result: dict[str, Any]) -> list[str]:
    """Return the totals of a set of which the evaluation shows a sample; nothing when it shows all rows."""
    whole = result.get("whole")
    if whole is None or whole["rows"] == result["rows"]:
        return []
    kind = "labels wrong" if result["task"] == "multilabel" else "wrong"
    measure = (
        f"{100 * whole['error']:.2f} % {kind}" if "error" in whole else f"root mean squared error {whole['rmse']:.5g}"
    )
    return [f"{whole['rows']} rows, {measure}", f"of these, {result['rows']} drawn at random:"]


def lines(result: dict[str, Any]) -> list[str]:
    """Return an evaluation as lines of text."""
    return {"regression": _numbers, "multilabel": _labels, "classification": _classes}[result["task"]](result)


def _numbers(result: dict[str, Any]) -> list[str]:
    head = [f"{result['rows']} rows, root mean squared error {result['rmse']:.5g}"]
    head += [f"a constant guess: {result['baseline']['rmse']:.5g}"] if result["baseline"]["rmse"] else []
    head += [f"mean -ln q(y|x) {result['loss']:.4f} nat"] if result["loss"] is not None else []
    for target in result["targets"]:
        words = f"{target['name']}: rmse {target['rmse']:.5g}, mean absolute error {target['mae']:.5g}"
        words += f", R² {'undefined' if target['r2'] is None else format(target['r2'], '.4f')}"
        if target.get("deviance") is not None:
            words += f", Poisson deviance {target['deviance']:.5g}"
        head.append(words)
        held = [row for row in target["coverage"] if row["level"] == 0.9]
        head += [
            f"{target['name']}: its central 90 % interval holds {100 * row['share']:.1f} % of the values, "
            f"mean width {row['width']:.5g}"
            for row in held
        ]
    return head


def _labels(result: dict[str, Any]) -> list[str]:
    base = result["baseline"]
    return [
        f"{result['rows']} rows, {100 * result['error']:.2f} % of their labels wrong ({result['mistakes']})",
        f"{result['rows_wrong']} rows have a wrong label",
        f"mean -ln p(true labels) {result['loss']:.4f} nat",
        f"always the more frequent value: {100 * base['error']:.2f} % wrong",
        *_scores("label", result["per_label"]),
    ]


def _classes(result: dict[str, Any]) -> list[str]:
    head = [
        f"{result['rows']} rows, {100 * result['error']:.2f} % wrong ({result['mistakes']})",
        f"mean -ln p(true class) {result['loss']:.4f} nat",
        f"always {result['baseline']['guess']!r}: {100 * result['baseline']['error']:.2f} % wrong",
    ]
    if off := result.get("distance"):
        head.append(
            f"on average {off['mean']:.3f} classes off (the middle class: {off['baseline']:.3f}), "
            f"{100 * off['within_one']:.1f} % at most one"
        )
    return [*head, *_scores("class", result["per_class"])]


def _scores(kind: str, rows: list[dict[str, Any]]) -> list[str]:
    """A table of precision and recall."""
    width = max(len(kind), *(len(row[kind]) for row in rows))
    table = [f"{kind:<{width}}  {'rows':>7}  precision  recall"]
    for row in rows:
        precision, recall = ("-" if row[key] is None else f"{100 * row[key]:.1f} %" for key in ("precision", "recall"))
        table.append(f"{row[kind]:<{width}}  {row['support']:>7}  {precision:>9}  {recall:>6}")
    return table


def own_target(model: Any, data: str) -> str | None:
    """The target's name in training, unless the data is a bundled set, which knows its own."""
    from thalweg.data.bundled import DATASETS

    name: str | None = model.encoder.target_name
    return None if data in DATASETS or not Path(data).is_file() else name


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("evaluate")(evaluate)
