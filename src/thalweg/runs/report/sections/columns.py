"""What the answers depend on: importance of the columns, the course of the answers along them, the learning curve."""

from __future__ import annotations

import shlex

from thalweg.runs.report.files import RunFiles
from thalweg.runs.report.html import Html, el, section
from thalweg.runs.report.sections.dependence import dependence
from thalweg.runs.report.sections.importance import importance
from thalweg.runs.report.sections.learning import learning


def columns(run: RunFiles) -> Html | None:
    """The section on what the answers depend on."""
    told = run.explanation
    parts = [part for part in (importance(told), dependence(told), learning(told)) if part is not None]
    if told.get("left_out"):
        command = f"thalweg explain {shlex.quote(str(run.folder))}"
        parts.append(el("p", f"{told['left_out']} To find out: ", el("code", command), class_="intro"))
    return section("What the answers depend on", *parts, id="columns") if parts else None
