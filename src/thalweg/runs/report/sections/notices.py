"""What a reader has to know before believing the headline: how the run ended, what the figures rest on."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

from thalweg.runs.report import facts
from thalweg.runs.report.files import RunFiles
from thalweg.runs.report.html import Html, el, join
from thalweg.runs.report.words import count, number, percent, plural

_DIVERGED = (
    "Training produced a quantity that is not finite, and stopped.",
    "What usually helps: a smaller learning rate, clipped gradients (--clip-norm 1), or standardized inputs.",
)


def notices(run: RunFiles) -> Html:
    """All notices, one below the other."""
    return join([*_ending(run), *_figures(run), *_rows(run)])


def _note(level: str, *sentences: object) -> Html:
    return el("div", [el("p", s) for s in sentences if s], class_=f"notice {level}", role="note")


def _ending(run: RunFiles) -> Iterator[Html]:
    state, message = facts.state(run), run.info.get("message")
    planned = facts.planned_epochs(run)
    progress = plural(len(run.log), "epoch") + (f" of {count(planned)}" if planned else "")
    if state == "diverged":
        yield _note("bad", *([_sentence(message)] if message else _DIVERGED))
    elif state == "interrupted":
        resume = el("code", f"thalweg train --resume {shlex.quote(str(run.folder))}")
        yield _note("warn", f"The run was interrupted after {progress}.", join(["Resume it with ", resume]))
    elif state == "running":
        yield _note("warn", f"The run was not over when this report was written: {progress} so far.")
    elif state == "failed":
        yield _note("bad", _sentence(message or "The run failed."), f"It got through {progress}.")
    elif state == "stopped early":
        held_out = "validation" if any(row.get("validation_loss") is not None for row in run.log) else "test"
        kept, own = run.info.get("best_epoch"), facts.own_epochs(run)
        back = f" The parameters of epoch {kept} were kept." if kept is not None else ""
        ended = f"Stopped early after {progress}: the {held_out} loss fell no further."
        went_back = "Training then went back to its best epoch so far, and from there the step size fell to zero."
        if own is not None:
            back = f" {_sentence(own)}."
            ended = f"Stopped early after {progress}: the {held_out} loss of no network fell any further."
            went_back = (
                "Each network then went back to its own best epoch so far, and from there its step size fell to zero."
            )
        if facts.settings(run).get("anneal"):
            ended += f" {went_back}"
        yield _note("", message or ended + back)


def _sentence(text: object) -> str:
    words = str(text)
    return words[:1].upper() + words[1:]


def _figures(run: RunFiles) -> Iterator[Html]:
    if run.damaged:
        yield _note("bad", f"Could not be read, and is missing here: {', '.join(run.damaged)}.")
    if run.evaluated is None:
        if facts.state(run) not in ("diverged", "running", "failed"):
            yield _note("warn", "No evaluation was saved with this run, so there is no error to report.")
        return
    name, result = run.evaluated
    folds, measure = run.evaluations.get("out_of_fold"), facts.metric(run)
    if name == "training" and folds:
        value = (percent if measure.share else number)(folds[measure.key])
        yield _note(
            "",
            "There was no test set, and the figures of the training rows say little about new data. What to expect "
            f"there is the out-of-fold {measure.name}, {value}: each row is judged by networks that never saw it.",
        )
    elif name == "training":
        yield _note(
            "warn",
            "There was no test set: the figures are those of the training rows, and say little about new data. "
            "Give a file or a share of the rows with --test.",
        )
    if result.get("not_finite"):
        yield _note("bad", f"For {plural(result['not_finite'], 'row')} the prediction was not finite; left out here.")
    if _no_better(result):
        yield _note("warn", "This is no better than a constant guess: the network has learned nothing that helps.")


def _rows(run: RunFiles) -> Iterator[Html]:
    shared, total = run.data.get("shared_rows"), run.data.get("test_rows")
    if shared:
        share = f" ({percent(shared / total)})" if total else ""
        yield _note(
            "warn",
            f"{plural(int(shared), 'test row')}{share} also {'occurs' if shared == 1 else 'occur'} in the training "
            "set: the error on new data is likely higher than reported here.",
        )


def _no_better(result: dict[str, Any]) -> bool:
    key = "rmse" if result.get("task") == "regression" else "error"
    value, base = result.get(key), result["baseline"].get(key)
    return bool(result.get("rows")) and value is not None and base is not None and value >= base > 0
