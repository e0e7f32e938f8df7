"""Charts: a canvas that the page's script fills, its numbers as data beside it, and a text for who cannot see it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from thalweg.runs.report.html import Html, data, details, el

POINTS = 1500  # more than the pixels of a wide screen


def chart(title: str, spec: dict[str, Any], *, alt: str, table: Html | None = None, tall: bool = False) -> Html:
    """Return a figure that holds one chart.

    Args:
        title: what it shows.
        spec: what assets/report.js draws: ``kind`` ("line", "scatter", "bars"; "ranks" and "dots" of named rows),
            ``x``/``y`` titles, ``series``.
        alt: the chart in one sentence.
        table: the numbers, folded away below the chart.
        tall: a square rather than a wide chart.
    """
    switch = (
        el("button", "log scale", type="button", class_="switch", data_log="", aria_pressed="false")
        if spec.get("log")
        else None
    )
    return el(
        "figure",
        el("figcaption", el("span", title), switch),
        el("div", el("canvas", role="img", aria_label=f"{title}. {alt}"), class_="canvas tall" if tall else "canvas"),
        data(spec),
        details("Numbers behind this chart", table) if table else None,
        class_="chart",
    )


def line(
    x: Sequence[Any], series: Sequence[dict[str, Any]], *, titles: tuple[str, str], mark: Any = None, **options: Any
) -> dict[str, Any]:
    """Describe curves, over epochs for instance; long ones are thinned, their last point and the marked one kept.

    Args:
        x: epochs, or other numbers in ascending order.
        series: {"name", "values", "color": "test" | "train" | "other" | "k1" … "k6"}; values may hold None. With
            ``faint`` a thin line without a name.
        titles: of the two axes.
        mark: epoch to mark by a vertical line.
        options: ``log`` (offer a logarithmic scale), ``percent`` (values are shares), ``zero`` (scale starts at 0),
            ``window`` (lowest and highest value), ``dates`` (x counts days since 1970), ``steps`` (x grows by factors).
    """
    kept = thin(len(x), POINTS, [i for i, epoch in enumerate(x) if epoch == mark])
    return {
        "kind": "line",
        "titles": titles,
        "mark": mark,
        "x": [x[i] for i in kept],
        "series": [{**s, "values": [s["values"][i] for i in kept]} for s in series],
        **options,
    }


def thin(count: int, limit: int, always: Sequence[int] = ()) -> list[int]:
    """Indices of at most about ``limit`` of ``count`` things, evenly spread, the first, the last and ``always`` kept.

    Example:
        >>> thin(10, 4), thin(10, 4, [5]), thin(3, 4)
        ([0, 3, 6, 9], [0, 3, 5, 6, 9], [0, 1, 2])
    """
    step = max(1, -(-count // limit))
    return sorted({*range(0, count, step), *always, *([count - 1] if count else [])})
