"""Whether the intervals of predicted numbers can be believed: coverage, and where true values fall."""

from __future__ import annotations

from typing import Any

from thalweg.runs.report.charts import chart
from thalweg.runs.report.files import RunFiles
from thalweg.runs.report.html import Html, el, section, table
from thalweg.runs.report.words import number, percent, plural

_TARGETS = 6  # charts for the first ones


def uncertainty(run: RunFiles) -> Html | None:
    """The section on central intervals and the probability integral transform."""
    if not run.evaluated or run.evaluated[1].get("task") != "regression":
        return None
    result = run.evaluated[1]
    targets = [target for target in result["targets"] if target.get("coverage")]
    if not targets:
        return None
    parts: list[object] = []
    for target in targets[:_TARGETS]:
        parts.append(el("h3", target["name"]) if len(targets) > 1 else None)
        parts.append(el("p", _reading(target, counts=result.get("kind") == "counts"), class_="intro"))
        parts.append(el("div", _coverage(target), _pit(target), class_="grid"))
    loss = ""
    if result.get("loss") is not None:
        loss = f" Mean -ln q(y|x) of the true values, in the units of the target: {number(result['loss'])} nat."
    return section(
        "Can its intervals be believed?",
        *parts,
        id="uncertainty",
        intro="For every row the network predicts a distribution. A central 90 % interval leaves out 5 % of it on "
        f"either side and should hold 90 % of the true values.{loss}{_calibrated(result)}",
    )


def _calibrated(result: dict[str, Any]) -> str:
    """What calibration changed, in words."""
    known = result.get("calibration")
    if not known:
        return ""
    words = f" Calibrated on {plural(known['rows'], 'held-out row')} ({', '.join(known['methods'])})."
    for target in known["before"].get("targets") or ():
        former = next((row for row in target["coverage"] if row["level"] == 0.9), None)
        if former:
            words += f" Before, the 90 % interval of {target['name']} held {percent(former['share'])}."
    return words


def _reading(target: dict[str, Any], *, counts: bool) -> str:
    wanted = next((row for row in target["coverage"] if row["level"] == 0.9), target["coverage"][-1])
    level, share = wanted["level"], wanted["share"]
    words = [
        f"The central {percent(level, 0)} interval holds {percent(share)} of the true values.",
        f"It is {number(wanted['width'], 3)} wide on average.",
    ]
    if wanted["share_low"] <= level <= wanted["share_high"]:
        words.append("That is as it should be, within chance.")
    elif share < level:
        words.append("Too few: the distributions are too narrow, or in the wrong place.")
    elif counts:
        words.append(
            "Whole numbers come in steps, so that an interval may hold more than it claims; the picture of F(y) is "
            "the one to judge by."
        )
    else:
        words.append("More than needed: the distributions are wider than they have to be.")
    return " ".join(words)


def _coverage(target: dict[str, Any]) -> Html:
    rows = target["coverage"]
    spec = {
        "kind": "scatter",
        "titles": ["probability claimed", "share of true values inside"],
        "percent": "both",
        "range": [0, 1],
        "series": [
            {
                "name": "central intervals",
                "color": "test",
                "points": [{"x": row["level"], "y": row["share"], "r": 5, "t": "central interval"} for row in rows],
            },
            {"name": "a perfect match", "points": [{"x": 0, "y": 0}, {"x": 1, "y": 1}], "straight": True},
        ],
    }
    numbers = table(
        ["Claimed", "Inside", "95 % limits", "Mean width"],
        [
            [
                percent(row["level"], 0),
                percent(row["share"]),
                f"{percent(row['share_low'])} to {percent(row['share_high'])}",
                number(row["width"]),
            ]
            for row in rows
        ],
        caption="Coverage of central intervals",
        numbers=range(4),
    )
    alt = "; ".join(f"claimed {percent(row['level'], 0)}, inside {percent(row['share'])}" for row in rows) + "."
    figure = chart("Coverage of central intervals", spec, alt=alt, tall=True)
    return el("div", figure, el("div", numbers, class_="full"))


def _pit(target: dict[str, Any]) -> Html | None:
    shares = target.get("pit")
    if not shares:
        return None
    bins = len(shares)
    spec = {
        "kind": "bars",
        "titles": ["place of the true value in its distribution, F(y)", "share of rows"],
        "percent": True,
        "zero": True,
        "range": [0, 1],
        "series": [
            {
                "name": "rows",
                "color": "test",
                "points": [
                    {"x": (i + 0.5) / bins, "y": share, "t": f"{percent(i / bins, 0)} to {percent((i + 1) / bins, 0)}"}
                    for i, share in enumerate(shares)
                ],
            },
            {
                "name": "right distributions",
                "straight": True,
                "points": [{"x": 0, "y": 1 / bins}, {"x": 1, "y": 1 / bins}],
            },
        ],
    }
    alt = f"Shares from {percent(min(shares))} to {percent(max(shares))}; flat at {percent(1 / bins)} would be right."
    figure = chart("Where true values fall (PIT)", spec, alt=alt, tall=True)
    words = (
        "Flat is right. A valley in the middle: distributions too narrow; a hill: too wide; a slope: predictions too "
        "low or too high."
    )
    return el("div", figure, el("p", words, class_="intro"))
