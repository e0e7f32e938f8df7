"""A classifier's mistakes: which classes, and which rows."""

from __future__ import annotations

import re
from typing import Any

from thalweg.runs.report.files import RunFiles
from thalweg.runs.report.html import Html, details, el, section, table
from thalweg.runs.report.words import cell, count, number, percent, plural, rows_noun, shorten, times

_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_COLUMNS = 16
_BESIDE = 12  # classes whose matrix leaves room for a table at its side


def is_base64(text: object) -> bool:
    """Return whether a picture from a file can be put into the page as it is."""
    return isinstance(text, str) and _BASE64.fullmatch(text) is not None


def confusion(run: RunFiles) -> Html | None:
    """The section on classes."""
    if not run.evaluated or run.evaluated[1].get("task") != "classification" or not run.evaluated[1]["rows"]:
        return None
    name, result = run.evaluated
    pairs, matrix = result["confused_pairs"], result.get("confusion")
    if pairs:
        top = pairs[0]
        intro = (
            f"The most frequent mistake: “{top['true']}” taken for “{top['predicted']}”, {times(top['count'])} "
            f"({percent(top['share'])} of that class)."
        )
    else:
        intro = f"Every one of the {plural(result['rows'], f'{name} {rows_noun(result)}')} was put into its class."
    if off := result.get("distance"):
        intro += (
            f" The classes have an order: predictions are {number(off['mean'], 3)} classes off on average, the middle "
            f"class would be {number(off['baseline'], 3)}; {percent(off['within_one'])} are at most one class off."
        )
    per_class = _per_class(result["per_class"])
    folded = details(f"The {len(pairs)} most confused pairs", _pairs(pairs)) if pairs else None
    if matrix is None:
        words = f"With {count(len(result['classes']))} classes a matrix cannot be read; the most confused pairs are:"
        shown: list[object] = [
            el("p", words),
            el("div", _pairs(pairs), class_="full"),
            details(f"Each of the {count(len(result['per_class']))} classes", per_class),
        ]
    elif len(matrix) <= _BESIDE:
        shown = [
            el("div", _matrix(result["classes"], matrix), el("div", per_class, class_="full"), class_="split"),
            folded if len(matrix) > 4 else None,
        ]
    else:
        shown = [
            _matrix(result["classes"], matrix),
            folded,
            el("h3", "Each class"),
            el("div", per_class, class_="full"),
        ]
    return section(
        "Which classes are confused",
        *shown,
        id="confusion",
        intro=intro,
    )


def _matrix(names: list[str], matrix: list[list[int]]) -> Html:
    support = [sum(row) for row in matrix]
    dense = len(names) > 12
    off = [matrix[t][p] / support[t] for t in range(len(names)) for p in range(len(names)) if p != t and support[t]]
    worst = max([*off, 1e-9])

    def square(t: int, p: int) -> Html:
        n = matrix[t][p]
        share = n / support[t] if support[t] else 0.0
        if n == 0:
            return el("td", "0", class_="zero")
        # square root: the rare mistakes are the ones to be seen
        strength = 0.12 + 0.5 * share if t == p else 0.1 + 0.5 * (share / worst) ** 0.5
        text = f"{names[t]} taken for {names[p]}: {n} ({percent(share)})"
        return el(
            "td",
            count(n),
            None if dense else el("small", percent(share)),
            class_="hit" if t == p else "miss",
            style=f"--h:{strength:.3f}",
            title=text,
        )

    long = max(len(name) for name in names) > 4 and len(names) > 4
    head = el(
        "tr",
        el("th", "true ↓", el("br"), "pred. →", class_="axis", scope="col"),
        [el("th", el("span", shorten(name)), scope="col", title=name) for name in names],
    )
    body = [
        el("tr", el("th", shorten(name), scope="row", title=name), [square(t, p) for p in range(len(names))])
        for t, name in enumerate(names)
    ]
    caption = "Confusion matrix: a row for each true class, a column for each predicted class; counts" + (
        "" if dense else " and shares of the row"
    )
    grid = el("table", el("caption", caption, class_="sr"), el("thead", head), el("tbody", body))
    kinds = ["matrix", "scroll", *(["long"] if long else []), *(["dense"] if dense else [])]
    return el("div", grid, class_=" ".join(kinds), tabindex="0", role="group", aria_label="Confusion matrix")


def _pairs(pairs: list[dict[str, Any]]) -> Html:
    return table(
        ["True class", "Taken for", "Rows", "Share of the true class"],
        [[p["true"], p["predicted"], count(p["count"]), _bar(p["share"])] for p in pairs],
        caption="Most confused pairs of classes",
        numbers=[2],
    )


def _per_class(rows: list[dict[str, Any]]) -> Html:
    return table(
        ["Class", "Rows", "Predicted", "Precision", "Recall", "F1"],
        [
            [
                r["class"],
                count(r["support"]),
                count(r["predicted"]),
                percent(r["precision"]),
                percent(r["recall"]),
                number(r["f1"], 3),
            ]
            for r in rows
        ],
        caption="Precision, recall and F1 of each class",
        numbers=range(1, 6),
    )


def _bar(share: float) -> list[object]:
    return [el("span", class_="bar", style=f"width:{90 * share:.0f}px", aria_hidden="true"), f" {percent(share)}"]


def mistakes(run: RunFiles) -> Html | None:
    """The section on the mistakes that the network was surest of."""
    if not run.evaluated or not run.evaluated[1].get("confident_mistakes"):
        return None
    name, result = run.evaluated
    wrong = result["confident_mistakes"]
    several = len(wrong) > 1
    noun = "label" if result.get("task") == "multilabel" else rows_noun(result)
    intro = (
        f"{'The' if several else 'The one'} {name} {noun}{'s' if several else ''} that the "
        "network got wrong with the highest probability. Wrong labels and odd examples show up here first. "
        f"{'Images' if result.get('picture') else 'Rows'} are counted from 0."
    )
    shown = _pictures(name, wrong) if result.get("picture") else _rows(result, wrong)
    return section("Most confident mistakes", shown, id="mistakes", intro=intro)


def _pictures(name: str, wrong: list[dict[str, Any]]) -> Html:
    figures = []
    for m in wrong:
        png = str(m.get("png") or "")
        if not is_base64(png):
            continue
        alt = f"{name} image {m['row']}: {m['true']}, taken for {m['predicted']} with {percent(m['confidence'])}"
        figures.append(
            el(
                "figure",
                el("img", src=f"data:image/png;base64,{png}", alt=alt, title=alt),
                el(
                    "figcaption",
                    f"{m['true']} taken for ",
                    el("b", m["predicted"]),
                    el("small", f"sure to {percent(m['confidence'])}"),
                    el("small", f"image {m['row']}"),
                ),
            )
        )
    return el("div", figures, class_="pictures")


def _rows(result: dict[str, Any], wrong: list[dict[str, Any]]) -> Html:
    features = result.get("features") or []
    shown = features[:_COLUMNS]
    note = (
        el("p", f"The first {_COLUMNS} of {count(len(features))} columns.", class_="intro")
        if features[_COLUMNS:]
        else None
    )
    values = table(
        ["Row", "True", "Predicted", "Probability", "Of the true class", *shown],
        [
            [
                m["row"],
                m["true"],
                m["predicted"],
                percent(m["confidence"]),
                percent(m["probability_true"]),
                *[cell(v) for v in m.get("values", [])[: len(shown)]],
            ]
            for m in wrong
        ],
        caption="Most confident mistakes",
        numbers=[3, 4, *range(5, 5 + len(shown))],
    )
    return el("div", note, values)
