"""Several labels: which of them are found, and which are cried wolf."""

from __future__ import annotations

from typing import Any

from thalweg.runs.report.files import RunFiles
from thalweg.runs.report.html import Html, el, section, table
from thalweg.runs.report.words import number, percent, plural


def labels(run: RunFiles) -> Html | None:
    """The section on labels."""
    if not run.evaluated or run.evaluated[1].get("task") != "multilabel" or not run.evaluated[1]["rows"]:
        return None
    name, result = run.evaluated
    rows, per_label = result["rows"], result["per_label"]
    right = 1 - result["rows_wrong"] / rows
    worst = max(per_label, key=lambda label: label["error"])
    body = [
        [
            label["label"],
            percent(label["support"] / rows),
            percent(label["predicted"] / rows),
            percent(label["error"]),
            percent(label["baseline_error"]),
            percent(label["precision"]),
            percent(label["recall"]),
            number(label["f1"], 3),
        ]
        for label in per_label
    ]
    head = ["Label", "Rows with it", "Predicted", "Wrong", "Constant guess", "Precision", "Recall", "F1"]
    return section(
        "Which labels are found",
        el("div", table(head, body, caption="Each label", numbers=range(1, 8)), class_="full"),
        id="labels",
        intro=f"All labels are right in {percent(right)} of the {plural(rows, f'{name} row')}; always saying the more "
        f"frequent value of each gets that in {percent(1 - result['baseline']['rows_wrong'] / rows)}. Most often "
        f"wrong: “{worst['label']}”, in {plural(round(worst['error'] * rows), 'row')}. A label is predicted where its "
        "probability is above one half; recall is the share of its rows that are found, precision the share of "
        f"predictions that are right.{_silent(per_label)}",
    )


def _silent(per_label: list[dict[str, Any]]) -> str:
    """What to do about labels that are never predicted."""
    never = [f"“{label['label']}”" for label in per_label if label["support"] and not label["predicted"]]
    if not never:
        return ""
    return (
        f" Never predicted: {', '.join(never)}. Their probabilities may be right all the same; weights for their ones "
        "(--likelihood-options positive_weights=…) make the network predict them."
    )
