"""Whether a classifier's probabilities can be believed, and what calibration changed."""

from __future__ import annotations

from typing import Any

from thalweg.runs.report.charts import chart
from thalweg.runs.report.files import RunFiles
from thalweg.runs.report.html import Html, el, section, table
from thalweg.runs.report.words import count, number, percent, plural


def reliability(run: RunFiles) -> Html | None:
    """The section on whether the probabilities can be believed."""
    if not run.evaluated or not run.evaluated[1].get("reliability"):
        return None
    result = run.evaluated[1]
    bins = [b for b in result["reliability"] if b["count"]]
    if not bins:
        return None
    rows = sum(b["count"] for b in bins)
    noun = "label" if result.get("task") == "multilabel" else "row"
    claimed = sum(b["count"] * b["confidence"] for b in bins) / rows
    right = sum(b["count"] * b["accuracy"] for b in bins) / rows
    gap = claimed - right
    verdict = (
        "about as sure as it should be" if abs(gap) < 0.01 else "too sure of itself" if gap > 0 else "too cautious"
    )
    points = [
        {
            "x": b["confidence"],
            "y": b["accuracy"],
            "r": round(3 + 11 * (b["count"] / rows) ** 0.5, 1),
            "t": plural(b["count"], noun),
        }
        for b in bins
    ]
    spec = {
        "kind": "scatter",
        "titles": [
            f"probability given to the predicted {'value' if noun == 'label' else 'class'}",
            "share that was right",
        ],
        "percent": "both",
        "range": [0, 1],
        "series": [
            {"name": "bins of the probability", "points": points, "color": "test"},
            *_before(result),
            {"name": "a perfect match", "points": [{"x": 0, "y": 0}, {"x": 1, "y": 1}], "straight": True},
        ],
    }
    numbers = table(
        ["Probability", f"{noun.capitalize()}s", "Mean probability", "Share right", "95 % limits"],
        [
            [
                f"{percent(b['low'], 0)} to {percent(b['high'], 0)}",
                count(b["count"]),
                percent(b["confidence"]),
                percent(b["accuracy"]),
                _limits(b),
            ]
            for b in result["reliability"]
        ],
        caption="Reliability of the probabilities",
        numbers=[1, 2, 3, 4],
    )
    alt = "; ".join(f"claimed {percent(b['confidence'])}, right {percent(b['accuracy'])}" for b in bins) + "."
    return section(
        "Can its probabilities be believed?",
        el("div", chart("Reliability", spec, alt=alt, tall=True), el("div", numbers, class_="full"), class_="grid"),
        id="reliability",
        intro=f"On average the network claims {percent(claimed)} and is right in {percent(right)} of the cases: it is "
        f"{verdict}. Mean gap over the bins (expected calibration error): {percent(result.get('calibration_error'))}. "
        f"Larger dots hold more {noun}s.{_calibrated(result)}",
    )


def _limits(b: dict[str, Any]) -> str:
    """The limits of the share that is right; empty for an empty bin, and in files of older versions."""
    if b.get("accuracy_low") is None:
        return ""
    return f"{percent(b['accuracy_low'])} to {percent(b['accuracy_high'])}"


def _before(result: dict[str, Any]) -> list[dict[str, Any]]:
    """The bins as they were before calibration, as a series of the chart."""
    bins = [b for b in (result.get("calibration") or {}).get("before", {}).get("reliability", ()) if b["count"]]
    points = [{"x": b["confidence"], "y": b["accuracy"], "r": 4, "t": "before calibration"} for b in bins]
    return [{"name": "before calibration", "points": points, "color": "other"}] if points else []


def _calibrated(result: dict[str, Any]) -> str:
    """What calibration changed, and what its sets hold, in words."""
    known = result.get("calibration")
    if not known:
        return ""
    before = known["before"]
    words = (
        f" The network was calibrated on {plural(known['rows'], 'held-out row')} ({', '.join(known['methods'])}): "
        f"before, the gap was {percent(before.get('calibration_error'))}, the loss {number(before.get('loss'))} nat, "
        f"now {number(result.get('loss'))}."
    )
    for row in known.get("sets") or ():
        words += (
            f" Sets of stated coverage {percent(row['level'], 0)} hold the true class in {percent(row['share'])} of "
            f"the cases, with {number(row['size'], 3)} classes on average."
        )
    return words
