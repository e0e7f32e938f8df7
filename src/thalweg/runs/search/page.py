"""The page of a search: how the best value fell, what mattered, and every trial."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any

from thalweg.runs.report.charts import chart
from thalweg.runs.report.html import Html, el, section, table
from thalweg.runs.report.page import document
from thalweg.runs.report.words import MISSING, duration, number, percent, plural

if TYPE_CHECKING:
    from thalweg.runs.search.result import SearchResult
    from thalweg.runs.search.study import Trial


def search_page(found: SearchResult) -> str:
    """Return the page as one HTML file that asks nothing of the network."""
    from thalweg import __version__

    sections = [_history(found), _importances(found), _trials(found), _ranges(found)]
    body = el(
        "div",
        el(
            "header",
            el("div", el("b", "thalweg"), el("span", f"search {found.data}"), class_="brand"),
            el("h1", _headline(found)),
            el("p", _lead(found), class_="lead"),
            class_="top",
        ),
        el("main", [part for part in sections if part is not None]),
        el(
            "footer",
            f"Written by thalweg {__version__} from the trials of {found.path}. Charts: Chart.js (MIT license).",
        ),
        class_="page",
    )
    return document(f"{_headline(found)} – {found.path.name}", body, __version__)


def _headline(found: SearchResult) -> str:
    if found.best is None:
        return f"{plural(len(found.trials), 'trial')}, none finished"
    return f"{_name(found).capitalize()} {number(found.best.value)} in trial {found.best.number} of {len(found.trials)}"


def _lead(found: SearchResult) -> str | None:
    """The best trial beside the settings as given."""
    first = next((trial for trial in found.trials if not trial.params and trial.state == "done"), None)
    if first is None or found.best is None:
        return None
    if first is found.best:
        return "No trial did better than the settings as given."
    show_metric = percent if found.metric == "error" else number

    def both(trial: Trial) -> str:
        return f"loss {number(trial.loss)}, {found.metric} {show_metric(trial.metric)}"

    return f"The settings as given: {both(first)}. The best trial: {both(found.best)}, on the same validation rows."


def _name(found: SearchResult) -> str:
    return found.monitor.replace("_", " ")


def _history(found: SearchResult) -> Html | None:
    done = [trial for trial in found.trials if trial.value is not None and trial.state in {"done", "pruned"}]
    finished = [trial for trial in done if trial.state == "done"]
    if not finished:
        return None
    best = list(accumulate((trial.value for trial in finished if trial.value is not None), min))
    ordered = sorted(trial.value for trial in finished if trial.value is not None)
    # One that went astray must not press the others together.
    top = ordered[min(len(ordered) - 1, int(0.9 * len(ordered)))]
    shown = [trial for trial in done if trial.value is not None and trial.value <= top + 0.5 * (top - ordered[0])]
    spec: dict[str, Any] = {
        "kind": "scatter",
        "titles": ("trial", _name(found)),
        "series": [
            {
                "name": words,
                "color": color,
                "points": [
                    {"x": trial.number, "y": trial.value, "t": f"trial {trial.number}"}
                    for trial in shown
                    if trial.state == state
                ],
            }
            for words, color, state in (("finished", "test", "done"), ("ended early", "other", "pruned"))
        ]
        + [
            {
                "name": "best so far",
                "straight": True,
                "points": [{"x": trial.number, "y": value} for trial, value in zip(finished, best, strict=True)],
            }
        ],
    }
    left = len(done) - len(shown)
    outside = f" {plural(left, 'trial')} with larger values are left out." if left else ""
    return section(
        "How the search went",
        chart("Trials", spec, alt=f"The best value fell from {number(best[0])} to {number(best[-1])}.{outside}"),
        id="history",
        intro=f"Each point is a trial; the dashed line is the best value so far.{outside} {_counts(found)}",
    )


def _counts(found: SearchResult) -> str:
    words = {"done": "finished", "pruned": "ended early", "failed": "failed", "interrupted": "interrupted"}
    counts = {word: sum(t.state == state for t in found.trials) for state, word in words.items()}
    return ", ".join(f"{n} {word}" for word, n in counts.items() if n) + "."


def _importances(found: SearchResult) -> Html | None:
    if not found.importances:
        return None
    return section(
        "What mattered",
        table(
            ["Setting", "Share"],
            [[name, percent(share)] for name, share in found.importances.items()],
            caption="Share of each setting in how the values differ",
            numbers=[1],
        ),
        id="importances",
        intro="The share of each setting in how the values of finished trials differ, within these ranges (functional "
        "analysis of variance over a forest). From few trials it is a rough guide.",
    )


def _trials(found: SearchResult) -> Html:
    def row(trial: Trial) -> list[object]:
        drawn = [show(trial.params.get(name)) for name in found.space] if trial.params else ["as given"]
        drawn += [MISSING] * (len(found.space) - len(drawn))
        loss = number(trial.value if trial.loss is None and found.monitor.endswith("_loss") else trial.loss)
        metric = (percent if found.metric == "error" else number)(trial.metric)
        seconds = MISSING if trial.seconds is None else duration(trial.seconds)
        state = trial.state if trial.message is None else f"{trial.state}: {trial.message}"
        return [trial.number, loss, metric, *drawn, trial.epochs, seconds, state]

    ordered = sorted(found.trials, key=lambda t: (t.state != "done", t.value is None, t.value or 0.0))
    return section(
        "Trials, the best first",
        table(
            ["Trial", "Loss", found.metric.capitalize(), *found.space, "Epochs", "Time", "State"],
            [row(trial) for trial in ordered],
            caption="All trials",
            numbers=range(len(found.space) + 5),
        ),
        id="trials",
    )


def _ranges(found: SearchResult) -> Html:
    return section(
        "What was searched",
        table(["Setting", "Range"], list(found.space.items()), caption="Ranges"),
        el("h3", "Settings of trial 0, and of all where nothing was drawn"),
        table(["Setting", "Value"], [[name, f"{value}"] for name, value in found.settings.items()], caption="Settings"),
        id="ranges",
    )


def show(value: Any) -> str:
    """Return a drawn value for reading.

    Example:
        >>> show(0.00123456), show("relu"), show(None)
        ('0.001235', 'relu', '–')
    """
    return number(value) if isinstance(value, float) else MISSING if value is None else str(value)
