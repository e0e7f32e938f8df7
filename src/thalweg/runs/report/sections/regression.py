"""A regressor's errors: predicted against true, how the residuals spread, and the rows it was furthest off."""

from __future__ import annotations

from typing import Any

from thalweg.runs.report.charts import chart
from thalweg.runs.report.files import RunFiles
from thalweg.runs.report.html import Html, el, section, table
from thalweg.runs.report.words import MISSING, cell, count, number, percent, plural

_TARGETS = 6  # charts for the first ones; the table has them all
_COLUMNS = 16
_LISTED = 12


def regression(run: RunFiles) -> Html | None:
    """The section on predicted and true values."""
    if not run.evaluated or run.evaluated[1].get("task") != "regression" or not run.evaluated[1]["rows"]:
        return None
    name, result = run.evaluated
    targets = result["targets"]
    several = len(targets) > 1
    parts: list[object] = []
    for target in targets[:_TARGETS]:
        parts.append(el("h3", target["name"]) if several else None)
        parts.append(el("p", _reading(target), class_="intro"))
        parts.append(el("div", _against(target), el("div", _spread(target), _residuals(target)), class_="grid"))
    if len(targets) > _TARGETS:
        parts.append(el("p", f"Charts for the first {_TARGETS} of {len(targets)} targets.", class_="intro"))
    if several:
        parts.append(el("div", _measures(targets), class_="full"))
    return section(
        "Predicted against true",
        *parts,
        id="regression",
        intro=f"All {plural(result['rows'], f'{name} row')}, in the units of the target.",
    )


def _reading(target: dict[str, Any]) -> str:
    rmse, mae, base = (number(target[key]) for key in ("rmse", "mae", "baseline_rmse"))
    words = [f"Root mean squared error {rmse}, mean absolute error {mae}, against {base} for a constant guess."]
    if target["r2"] is not None:
        words.append(f"R² {number(target['r2'], 3)}.")
    if target["bias"] is not None and target["rmse"] and abs(target["bias"]) > 0.2 * target["rmse"]:
        words.append(
            f"On average it is too {'low' if target['bias'] > 0 else 'high'} by {number(abs(target['bias']), 3)}."
        )
    if target.get("deviance") is not None:
        words.append(f"Mean Poisson deviance {number(target['deviance'], 3)}.")
    if target["within_1_sd"] is not None and not target.get("coverage"):
        words.append(
            f"{percent(target['within_1_sd'])} of the true values lie within one predicted standard deviation and "
            f"{percent(target['within_2_sd'])} within two (68 % and 95 % would be right for a normal distribution)."
        )
    return " ".join(words)


def _against(target: dict[str, Any]) -> Html:
    points = target["points"]
    pairs = [
        (t, p, r) for t, p, r in zip(points["true"], points["predicted"], points["row"], strict=True) if p is not None
    ]
    ends = [v for t, p, _ in pairs for v in (t, p)]
    low, high = min(ends), max(ends)
    margin = 0.03 * (high - low) or 1.0
    spec = {
        "kind": "scatter",
        "titles": [f"true {target['name']}", f"predicted {target['name']}"],
        "range": [low - margin, high + margin],
        "series": [
            {"name": "rows", "points": [{"x": t, "y": p, "t": f"row {r}"} for t, p, r in pairs], "color": "test"},
            {
                "name": "a perfect match",
                "points": [{"x": low - margin, "y": low - margin}, {"x": high + margin, "y": high + margin}],
                "straight": True,
            },
        ],
    }
    some = table(
        ["Row", "True", "Predicted"],
        [[r, number(t), number(p)] for t, p, r in pairs[:200]],
        caption="Predicted against true, the first rows" if len(pairs) > 200 else "Predicted against true",
        numbers=[1, 2],
    )
    title = "Predicted against true" + (f" ({count(len(pairs))} rows drawn at random)" if len(pairs) >= 2000 else "")
    alt = f"True values from {number(low)} to {number(high)}; R² {number(target['r2'], 3)}."
    return chart(title, spec, alt=alt, table=some, tall=True)


def _spread(target: dict[str, Any]) -> Html | None:
    edges, counts = target["histogram"]["edges"], target["histogram"]["counts"]
    if not counts:
        return None
    spec = {
        "kind": "bars",
        "titles": ["residual (true - predicted)", "rows"],
        "zero": True,
        "range": [edges[0], edges[-1]],
        "series": [
            {
                "name": "",
                "color": "test",
                "points": [
                    {"x": (a + b) / 2, "y": n, "t": f"{number(a)} to {number(b)}"}
                    for a, b, n in zip(edges[:-1], edges[1:], counts, strict=True)
                ],
            }
        ],
    }
    numbers = table(
        ["From", "To", "Rows"],
        [[number(a), number(b), count(n)] for a, b, n in zip(edges[:-1], edges[1:], counts, strict=True)],
        caption="Residuals",
        numbers=[0, 1, 2],
    )
    alt = f"Residuals from {number(edges[0])} to {number(edges[-1])}, mean {number(target['bias'])}."
    return el("div", chart("Residuals", spec, alt=alt, table=numbers), class_="small")


def _residuals(target: dict[str, Any]) -> Html:
    points = target["points"]
    dots = [
        {"x": p, "y": t - p, "t": f"row {r}"}
        for t, p, r in zip(points["true"], points["predicted"], points["row"], strict=True)
    ]
    low, high = min(d["x"] for d in dots), max(d["x"] for d in dots)
    spec = {
        "kind": "scatter",
        "titles": ["predicted", "residual"],
        "series": [
            {"name": "", "points": dots, "color": "test"},
            {"name": "", "points": [{"x": low, "y": 0}, {"x": high, "y": 0}], "straight": True},
        ],
    }
    alt = "A trend or a funnel here would mean that the network or the noise model misses something."
    return el("div", chart("Residual against predicted", spec, alt=alt), class_="small")


def _measures(targets: list[dict[str, Any]]) -> Html:
    return table(
        ["Target", "RMSE", "Constant guess", "Mean absolute error", "R²"],
        [[t["name"], *[number(t[k]) for k in ("rmse", "baseline_rmse", "mae", "r2")]] for t in targets],
        caption="Errors of each target",
        numbers=range(1, 5),
    )


def largest_errors(run: RunFiles) -> Html | None:
    """The section on the rows with the largest errors."""
    if not run.evaluated or not run.evaluated[1].get("largest_errors"):
        return None
    name, result = run.evaluated
    listed = result["largest_errors"][:_LISTED]
    several, spread = len(result["targets"]) > 1, any(e["sd"] is not None for e in listed)
    features = (result.get("features") or [])[:_COLUMNS]
    head = ["Row", *(["Target"] if several else []), "True", "Predicted", "Residual", *(["± sd"] if spread else [])]

    def cells(error: dict[str, Any]) -> list[object]:
        true, predicted = error["true"], error["predicted"]
        residual = number(true - predicted) if None not in (true, predicted) else MISSING
        own = [error["row"], *([error["target"]] if several else []), number(true), number(predicted), residual]
        own += [number(error["sd"], 3)] if spread else []
        return [*own, *[cell(v) for v in error.get("values", [])[: len(features)]]]

    more = len(result.get("features") or []) - len(features)
    return section(
        "Largest errors",
        table([*head, *features], map(cells, listed), caption="Largest errors", numbers=range(1 + several, 60)),
        id="largest",
        intro=f"The {name} rows furthest off. Wrong entries and odd cases show up here first. Rows are "
        "counted from 0." + (f" The first {_COLUMNS} of {_COLUMNS + more} columns." if more > 0 else ""),
    )
