"""Predicted masks: how well they overlap the true ones, and how they look."""

from __future__ import annotations

from typing import Any

from thalweg.runs.report.files import RunFiles
from thalweg.runs.report.html import Html, el, section, table
from thalweg.runs.report.sections.classes import is_base64
from thalweg.runs.report.words import MISSING, number, percent, plural


def masks(run: RunFiles) -> Html | None:
    """The section on masks."""
    result = run.evaluated[1].get("segmentation") if run.evaluated else None
    if not result:
        return None
    pixels = f"{number(result['tolerance'])} pixels"
    region = "slice" if result["dimensions"] == 2 else "volume"
    many = plural(result["compared"], region)
    note = (
        "Dice is twice the overlap of a class over the sum of both areas, Jaccard the overlap over the area of both "
        f"together. Boundaries are compared in {many}: the share that lies within {pixels} of the other (F1), "
        "the mean distance, and the distance that 95 % stay below."
    )
    return section(
        "How well the masks overlap",
        el("div", _classes(result), class_="full"),
        el("p", note, class_="intro"),
        _slices(result["slices"]),
        id="masks",
        intro=f"Over the classes the mean Dice index is {number(result['mean_dice'], 3)} and the mean Jaccard index "
        f"{number(result['mean_jaccard'], 3)}; 1 is a perfect match.",
    )


def _classes(result: dict[str, Any]) -> Html:
    keys = ("dice", "jaccard", "boundary_f1", "boundary_distance", "hausdorff_95")
    return table(
        ["Class", "Dice", "Jaccard", "Boundary F1", "Mean distance", "95 % distance"],
        [
            [row["class"], *(MISSING if row[key] is None else number(row[key], 3) for key in keys)]
            for row in result["per_class"]
        ],
        caption="Overlap and boundary errors of each class",
        numbers=range(1, 6),
    )


def _slices(slices: list[dict[str, Any]]) -> Html | None:
    figures = []
    for words, drawn in zip(_WHICH.get(len(slices), ()), slices, strict=False):
        if not (is_base64(drawn["overlay"]) and is_base64(drawn["errors"])):
            continue
        caption = f"{drawn['slice']}{words}: {percent(drawn['error'])} wrong, mean Dice {number(drawn['dice'], 3)}"
        for key, alt in (("overlay", "boundaries over the image"), ("errors", "wrong pixels")):
            image = el("img", src=f"data:image/png;base64,{drawn[key]}", alt=f"{drawn['slice']}, {alt}")
            text = [caption[0].upper() + caption[1:]] if key == "overlay" else ["The same: wrong pixels in red"]
            figures.append(el("figure", image, el("figcaption", text)))
    if not figures:
        return None
    legend = el(
        "p",
        "Boundaries: ",
        el("span", "true", class_="key true"),
        el("span", "predicted", class_="key predicted"),
        el("span", "both", class_="key both"),
        class_="legend",
    )
    return el("div", legend, el("div", figures, class_="masks"))


_WHICH = {1: ("",), 2: (", the worst", ", the best"), 3: (", the worst", ", the middle one", ", the best")}
