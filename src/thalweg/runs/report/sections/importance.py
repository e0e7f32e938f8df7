"""Permutation importance: bars of what shuffling each column adds to the loss and the error."""

from __future__ import annotations

from typing import Any

from thalweg.runs.report.charts import chart
from thalweg.runs.report.html import Html, details, el, join, table
from thalweg.runs.report.words import count, number, percent, plural, shorten

_BARS = 20  # columns in a chart; the table below has them all
_PAIRS = 6
_PARTS = ("mean", "se", "sd")


def importance(explanation: dict[str, Any]) -> Html | None:
    """How much shuffling each column costs."""
    told = explanation.get("importance")
    if not told or not told["columns"]:
        return None
    share = told["metric"] == "error"
    form = percent if share else number
    measure = "share wrong" if share else "root mean squared error"
    shown = told["columns"][:_BARS]
    rest = len(told["columns"]) - len(shown)
    charts = [
        _bars("Loss added", shown, "loss", "loss added (nat a row)" if told.get("proper") else "loss added"),
        _bars("Error added" if share else "RMSE added", shown, "metric", f"{measure} added", percent=share),
    ]
    numbers = table(
        ["Column", "Loss added", "± (rows)", "± (repeats)", f"{measure.capitalize()} added", "± (rows)", "± (repeats)"],
        [
            [
                entry["name"],
                *[number(entry["loss"][key], 3) for key in _PARTS],
                *[form(entry["metric"][key]) if share else number(entry["metric"][key], 3) for key in _PARTS],
            ]
            for entry in told["columns"]
        ],
        caption="Importance of the columns",
        numbers=range(1, 7),
    )
    rows = plural(told["rows"], f"{explanation.get('part', 'test')} row")
    intro = (
        f"Each column in turn was shuffled over {rows}, {plural(told['repeats'], 'time')}, so that it tells "
        "nothing any more (permutation importance). What that adds to the loss and to the error is what the network "
        "owes to the column. Whiskers span two standard errors that come from the rows."
    )
    if explanation.get("part") == "training":
        intro += " These are rows it was trained on: they show what it uses, not what helps on new ones."
    return join(
        [
            el("p", intro, class_="intro"),
            el("p", _reading(told, form), class_="intro"),
            el("div", charts, class_="grid"),
            el("p", f"The first {_BARS} of {count(_BARS + rest)} columns.", class_="intro") if rest else None,
            _related(told),
            details("Numbers behind these charts", numbers),
        ]
    )


def _reading(told: dict[str, Any], form: Any) -> str:
    best, before = told["columns"][0], told["before"]["metric"]
    after = before + best["metric"]["mean"]
    name = "share wrong" if told["metric"] == "error" else "RMSE"
    words = f"Without {best['name']}, the {name} goes from {form(before)} to {form(after)}."
    idle = [entry["name"] for entry in told["columns"] if entry["loss"]["mean"] < 2 * entry["loss"]["se"]]
    if idle:
        words += f" No difference that these rows can show: {_some(idle)}."
    if told.get("unused"):
        words += f" Left out, or of one value in these rows: {_some(told['unused'])}."
    return words


def _some(names: list[str], most: int = 8) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _related(told: dict[str, Any]) -> Html | None:
    pairs = told.get("related") or []
    if not pairs:
        return None
    listed = [
        f"{a} and {b} ({number(pair['correlation'], 2)})" for pair in pairs[:_PAIRS] for a, b in [pair["columns"]]
    ]
    more = f" and {len(pairs) - _PAIRS} more pairs" if len(pairs) > _PAIRS else ""
    return el(
        "p",
        f"Columns that tell much the same (correlation): {'; '.join(listed)}{more}. When one of them is shuffled, the "
        "other still tells, so that each seems to matter less than both do together.",
        class_="intro",
    )


def _bars(title: str, entries: list[dict[str, Any]], measure: str, axis: str, **options: Any) -> Html:
    values = [entry[measure]["mean"] for entry in entries]
    spread = [2 * entry[measure]["se"] for entry in entries]
    low = min(0.0, *(value - s for value, s in zip(values, spread, strict=True)))
    high = max(0.0, *(value + s for value, s in zip(values, spread, strict=True)))
    spec = {
        "kind": "ranks",
        "titles": [axis, ""],
        "labels": [shorten(entry["name"], 24) for entry in entries],
        "series": [{"name": "", "values": values, "spread": spread, "color": "test"}],
        "window": [low - 0.02 * (high - low), high + 0.02 * (high - low) or 1.0],
        **options,
    }
    form = percent if options.get("percent") else number
    alt = "; ".join(f"{e['name']} {form(v)}" for e, v in list(zip(entries, values, strict=True))[:5]) + "."
    return chart(title, spec, alt=alt, tall=len(entries) > 8)
