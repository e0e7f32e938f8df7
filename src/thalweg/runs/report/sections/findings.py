"""What the checkup found: symptom, cause, remedy, in order of weight."""

from __future__ import annotations

from thalweg.core.errors import ThalwegError
from thalweg.runs.report.files import FACTS, RunFiles
from thalweg.runs.report.html import Html, el, section

_LEVEL = {"error": "bad", "warning": "warn", "note": ""}


def findings(run: RunFiles) -> Html | None:
    """Return the section, or None for a run that was not examined."""
    if not (run.folder / FACTS).is_file():
        return None
    from thalweg.runs.diagnosis import findings_of  # it needs JAX, and a report of other runs does not

    try:
        found = findings_of(run.folder)
    except ThalwegError:
        return None
    parts = [
        el(
            "div",
            el("p", el("strong", one.cause.replace("_", " ").capitalize() + ". "), one.says),
            el("p", "Remedy: ", one.remedy, *([" ", el("code", one.flags())] if one.settings else [])),
            class_=f"notice {_LEVEL[one.severity]}",
            role="note",
        )
        for one in found
    ]
    nothing = el("p", "The checkup measured inputs, targets, loss, layers and steps, and found nothing wrong.")
    return section("Checkup", parts or nothing, id="checkup")
