"""The learning curve: loss and error of networks trained on more and more of the rows."""

from __future__ import annotations

from typing import Any

from thalweg.runs.report.charts import chart, line
from thalweg.runs.report.html import Html, details, el, join, table
from thalweg.runs.report.words import count, number, percent


def learning(explanation: dict[str, Any]) -> Html | None:
    """Whether more rows would help."""
    told = explanation.get("learning")
    if not told or not told["points"]:
        return None
    points = told["points"]
    share = "error" in points[0]["test"]
    metric, form = ("error", percent) if share else ("rmse", number)
    rows = [point["rows"] for point in points]

    def curve(title: str, key: str, axis: str, **options: Any) -> Html:
        series = [
            {"name": name, "values": [point[part][key] for point in points], "color": part}
            for name, part in ((str(told.get("part", "test")), "test"), ("training", "train"))
        ]
        spec = line(rows, series, titles=("training rows", axis), steps=True, **options)
        tested = series[0]["values"]
        show = form if key == metric else number
        return chart(
            title, spec, alt=f"On {count(rows[0])} rows {show(tested[0])}, on {count(rows[-1])} {show(tested[-1])}."
        )

    numbers = table(
        [
            "Training rows",
            "Training loss",
            "Test loss",
            f"Training {'error' if share else 'RMSE'}",
            f"Test {'error' if share else 'RMSE'}",
        ],
        [
            [
                count(point["rows"]),
                number(point["train"]["loss"]),
                number(point["test"]["loss"]),
                form(point["train"][metric]),
                form(point["test"][metric]),
            ]
            for point in points
        ],
        caption="Learning curve",
        numbers=range(5),
    )
    return join(
        [
            el("h3", "Would more rows help?"),
            el("p", _gain(points, metric, form), class_="intro"),
            el(
                "div",
                curve("Loss on ever more rows", "loss", "loss (nat a row)"),
                curve(
                    f"{'Error' if share else 'RMSE'} on ever more rows",
                    metric,
                    "share wrong" if share else "root mean squared error",
                    percent=share,
                    zero=True,
                ),
                class_="grid",
            ),
            details("Numbers behind these charts", numbers),
        ]
    )


def _gain(points: list[dict[str, Any]], metric: str, form: Any) -> str:
    words = (
        f"The same settings were trained on {', '.join(count(point['rows']) for point in points)} rows, for as many "
        "epochs (learning curve)."
    )
    if len(points) < 2:
        return words
    (before, after), name = points[-2:], "error" if metric == "error" else "RMSE"
    old, new = before["test"][metric], after["test"][metric]
    words += (
        f" From {count(before['rows'])} to {count(after['rows'])} rows the {name} went from {form(old)} to {form(new)}"
    )
    if new == 0:
        return words + ": these test rows can show no more."
    if new < 0.97 * old:
        return words + ": more rows are likely to help further."
    gap = after["test"]["loss"] - after["train"]["loss"]
    if gap > 0.1 * abs(after["train"]["loss"]):
        return words + ": more rows alone hardly help any more, and the gap to training asks for regularization."
    return words + ": more rows hardly help any more; a larger or longer trained network may."
