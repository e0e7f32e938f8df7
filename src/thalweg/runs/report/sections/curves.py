"""Learning curves: loss and error of both sets side by side, step size and time per epoch."""

from __future__ import annotations

from typing import Any

from thalweg.runs.report import facts
from thalweg.runs.report.charts import chart, line, thin
from thalweg.runs.report.files import RunFiles
from thalweg.runs.report.html import Html, details, el, section, table
from thalweg.runs.report.words import count, duration, number, percent

_TABLE_ROWS = 200
_FAR = 200  # between the largest and the smallest loss: only a logarithmic scale shows both
_RISE = 1.03  # test loss above its minimum by more than this is called a rise


def curves(run: RunFiles) -> Html | None:
    """The section on how training went."""
    if not run.log:
        return None
    measure = facts.metric(run)
    epochs = [row["epoch"] for row in run.log]
    best = facts.best_epoch(run)
    marked = "kept" if run.info.get("best_epoch") is not None else "lowest test loss"
    if facts.own_epochs(run):
        marked = "median of the kept"
    numbers = _table(run, measure)
    if len(run.log) == 1:
        return section("How training went", el("div", numbers, class_="full"), id="curves", intro=reading(run))
    show = percent if measure.share else number

    def pair(key: str) -> list[dict[str, Any]]:
        sets = (("training", "train", "train"), ("validation", "validation", "other"), ("test", "test", "test"))
        series = [{"name": n, "values": _column(run, f"{s}_{key}"), "color": color} for n, s, color in sets]
        return [s for s in series if any(v is not None for v in s["values"])]

    def ends(key: str, form: Any) -> str:
        parts = []
        for series in pair(key):
            known = [v for v in series["values"] if v is not None]
            parts.append(f"{series['name']} from {form(known[0])} to {form(known[-1])}")
        return "; ".join(parts) + f" over {len(epochs)} epochs."

    charts = []
    if pair("loss"):
        spec = line(
            epochs,
            pair("loss"),
            titles=("epoch", "loss (nat per example)"),
            mark=best,
            marked=marked,
            **_scale(run),
        )
        charts.append(chart("Loss", spec, alt=ends("loss", number)))
    if pair(measure.key):
        spec = line(
            epochs,
            pair(measure.key),
            titles=("epoch", "share wrong" if measure.share else measure.name),
            mark=best,
            marked=marked,
            percent=measure.share,
            zero=True,
            log=True,
        )
        charts.append(chart(measure.name.capitalize(), spec, alt=ends(measure.key, show)))
    small = []
    for column, title, unit in (
        ("learning_rate", "Learning rate", "step size"),
        ("seconds", "Time per epoch", "seconds"),
    ):
        values = _column(run, column)
        known = [v for v in values if v is not None]
        if known:
            series = [{"name": "", "values": values, "color": "other"}]
            # the first epoch holds the compilation, which may dwarf the others
            far = min(known) > 0 and max(known) > _FAR / 10 * min(known) and column == "seconds"
            spec = line(epochs, series, titles=("epoch", unit), zero=True, log=min(known) > 0, logged=far)
            form = duration if column == "seconds" else number
            small.append(chart(title, spec, alt=f"Between {form(min(known))} and {form(max(known))}."))
    return section(
        "How training went",
        el("div", charts, class_="grid curves"),
        el("div", small, class_="grid small") if small else None,
        details("The numbers of every epoch", numbers),
        id="curves",
        intro=reading(run),
    )


def reading(run: RunFiles) -> str:
    """The curves in words: where the two sets part, and whether more epochs would pay."""
    measure = facts.metric(run)
    show = percent if measure.share else number
    kept, networks = facts.kept_row(run), facts.networks(run)
    name = "error" if measure.share else "RMSE"
    words, where, learner = [], "", "network learned its"
    if networks > 1:
        words.append(f"Figures of an epoch are means over the {networks} networks; together they usually do better.")
        where, learner = ", on average over the networks", "networks learned their"
    train, test = kept.get(f"train_{measure.key}"), kept.get(f"test_{measure.key}")
    if train is not None and test is not None:
        words.append(
            f"In epoch {kept['epoch']}{where}, the training {name} is {show(train)} and the test {name} {show(test)}."
        )
    rows = [r for r in run.log if r.get("test_loss") is not None and r.get("train_loss") is not None]
    if len(rows) >= 3:
        low = min(rows, key=lambda r: float(r["test_loss"]))
        last = rows[-1]
        rose = last["test_loss"] - low["test_loss"] > (_RISE - 1) * max(abs(low["test_loss"]), 1e-9)
        if rose and last["train_loss"] < low["train_loss"]:
            words.append(
                f"The test loss was lowest in epoch {low['epoch']} ({number(low['test_loss'])}) and rose to "
                f"{number(last['test_loss'])} while the training loss went on falling: from there on the "
                f"{learner} training rows by heart (overfitting)."
            )
            if run.info.get("best_epoch") is None:
                words.append(
                    "Early stopping (--validation 0.1 --patience 10), dropout or weight decay help against it."
                )
        elif low is last and last["test_loss"] < 0.98 * rows[-2]["test_loss"]:
            words.append("The test loss was still falling in the last epoch: more epochs may help.")
        else:
            words.append("The test loss shows no overfitting to speak of.")
    if train is not None and test is not None:
        words.append("Training figures are averages over an epoch in which the parameters still changed.")
    return " ".join(words)


def _column(run: RunFiles, key: str) -> list[Any]:
    return [row.get(key) if isinstance(row.get(key), (int, float)) else None for row in run.log]


def _scale(run: RunFiles) -> dict[str, bool]:
    """A logarithmic scale where there is a logarithm (a density's loss may be negative), at once for a long way."""
    values = [v for key in ("train_loss", "validation_loss", "test_loss") for v in _column(run, key) if v is not None]
    positive = bool(values) and min(values) > 0
    return {"log": positive, "logged": positive and max(values) > _FAR * min(values)}


def _table(run: RunFiles, measure: facts.Metric) -> Html:
    show = percent if measure.share else number
    name = "error" if measure.share else "RMSE"
    best = facts.best_epoch(run)
    kept = thin(len(run.log), _TABLE_ROWS, [i for i, row in enumerate(run.log) if row["epoch"] == best])
    columns: list[tuple[str, str, Any]] = [
        ("Training loss", "train_loss", number),
        ("Validation loss", "validation_loss", number),
        ("Test loss", "test_loss", number),
        (f"Training {name}", f"train_{measure.key}", show),
        (f"Validation {name}", f"validation_{measure.key}", show),
        (f"Test {name}", f"test_{measure.key}", show),
        ("Learning rate", "learning_rate", number),
        ("Time", "seconds", duration),
    ]
    columns = [column for column in columns if any(v is not None for v in _column(run, column[1]))]
    return table(
        ["Epoch", "Steps", *[title for title, _, _ in columns]],
        [
            [row["epoch"], count(row.get("steps")), *[form(row.get(key)) for _, key, form in columns]]
            for row in (run.log[i] for i in kept)
        ],
        caption="Every epoch" if len(kept) == len(run.log) else f"{len(kept)} of {len(run.log)} epochs",
        numbers=range(1, 10),
    )
