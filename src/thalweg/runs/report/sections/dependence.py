"""Partial dependence: how the average answer moves with a column, and faintly how that of single rows does."""

from __future__ import annotations

import statistics
from datetime import UTC, datetime
from typing import Any

from thalweg.runs.report.charts import chart, line
from thalweg.runs.report.html import Html, el, join, table
from thalweg.runs.report.words import number, percent, plural, shorten

_TARGETS = 3  # of several targets, those whose course is drawn
_DAY = 86_400


def dependence(explanation: dict[str, Any]) -> Html | None:
    """How the answers move with each of the most important columns."""
    told = explanation.get("dependence")
    if not told or not told["columns"]:
        return None
    shares = bool(told["probabilities"])
    several = not shares and len(told["answers"]) > 1
    groups = [[k] for k in range(min(_TARGETS, len(told["answers"])))] if several else [range(len(told["answers"]))]
    parts: list[object] = []
    for group in groups:
        names = [told["answers"][k] for k in group]
        answer = f"probability of {names[0]}" if shares and len(names) == 1 else "probability" if shares else names[0]
        window = [0.0, 1.0] if shares else _window(told["columns"], group[0])
        parts.append(el("h4", names[0]) if several else None)
        parts.append(
            el("div", [_drawn(entry, group, names, answer, window, shares) for entry in told["columns"]], class_="grid")
        )
    lines = ", faint lines those of single rows" if any(entry["lines"] for entry in told["columns"]) else ""
    return join(
        [
            el("h3", "How the answers move with a column"),
            el(
                "p",
                f"All {plural(told['rows'], 'row')} are given the same value in one column and keep the others: the "
                f"thick line is their average answer (partial dependence){lines}. Numbers go from the 5 % to the 95 % "
                "quantile. Where columns belong together, some of these rows cannot exist, and what the network says "
                "of them is a guess. Nor does any of it say what causes what.",
                class_="intro",
            ),
            *parts,
        ]
    )


def _window(entries: list[dict[str, Any]], k: int) -> list[float]:
    """One scale for all columns, so that they compare: all averages, and nine tenths of the single rows."""
    means = [value for entry in entries for value in entry["mean"][k]]
    single = [v for entry in entries if entry["lines"] for row in entry["lines"][k] for v in row]
    cut = statistics.quantiles(single, n=20) if len(single) > 1 else means
    low, high = min([*means, cut[0]]), max([*means, cut[-1]])
    margin = 0.04 * (high - low) or 1.0
    return [low - margin, high + margin]


def _drawn(entry: dict[str, Any], group: Any, names: list[str], answer: str, window: list[float], shares: bool) -> Html:
    means = [entry["mean"][k] for k in group]
    colors = ["test"] if len(names) == 1 else [f"k{i % 6 + 1}" for i in range(len(names))]
    form = percent if shares else number
    labels = ["missing" if value is None else value for value in entry["grid"]]
    told = table(
        [entry["name"], *(names if len(names) > 1 else [answer])],
        [
            [number(v) if entry["kind"] == "number" else v, *[form(mean[i]) for mean in means]]
            for i, v in enumerate(labels)
        ],
        caption=f"Average answer along {entry['name']}",
        numbers=range(1, len(names) + 1),
    )
    ends = [f"{name}: from {form(min(mean))} to {form(max(mean))}" for name, mean in zip(names, means, strict=True)]
    title, options = shorten(entry["name"], 40), {"percent": shares, "window": window}
    if entry["kind"] == "levels":
        dots = [{"name": n, "values": m, "color": c} for n, m, c in zip(names, means, colors, strict=True)]
        spec = {
            "kind": "dots",
            "titles": [answer, ""],
            "labels": [shorten(str(label), 24) for label in labels],
            "series": dots,
            **options,
        }
        return chart(title, spec, alt="; ".join(ends) + ".", table=told)
    thick = [{"name": n, "values": m, "color": c} for n, m, c in zip(names, means, colors, strict=True)]
    faint = [
        {"name": "", "values": row, "color": "test", "faint": True}
        for k in (group if entry["lines"] else ())
        for row in entry["lines"][k]
    ]
    x = [_days(value) for value in labels] if entry["kind"] == "date" else labels
    spec = line(x, [*thick, *faint], titles=(entry["name"], answer), dates=entry["kind"] == "date", **options)
    return chart(title, spec, alt="; ".join(ends) + ".", table=told)


def _days(text: str) -> float:
    """Days since 1970 of an ISO date, with or without time."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() / _DAY
