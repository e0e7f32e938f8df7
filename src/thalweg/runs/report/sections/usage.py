"""How to run it again, and how to use the model."""

from __future__ import annotations

import shlex
from typing import Any

from thalweg.runs.report import facts
from thalweg.runs.report.files import RunFiles
from thalweg.runs.report.html import Html, el, section


def usage(run: RunFiles) -> Html:
    """The section with commands and Python lines."""
    parts: list[object] = [el("h3", "Train it again"), el("pre", command(run))]
    if run.info.get("versions") or run.info.get("machine"):
        parts.append(
            el(
                "p",
                "The same seed, machine and versions give the same weights bit for bit; on another machine they agree "
                "up to rounding.",
                class_="intro",
            )
        )
    if run.model:
        parts += [
            el("h3", "Use the model"),
            el("pre", commands(run)),
            el("p", "The same from Python:", class_="intro"),
            el("pre", python(run)),
        ]
    return section("Reproduce and use", *parts, id="use")


def command(run: RunFiles) -> str:
    """The command line that made the run, quoted for a shell."""
    words = run.info.get("command")
    if isinstance(words, list) and words:
        return shlex.join(str(word) for word in words)
    if isinstance(words, str) and words:
        return words
    return f"thalweg train --config {shlex.quote(str(run.folder / 'config.toml'))}"


def commands(run: RunFiles) -> str:
    """The command lines that use the model."""
    folder = shlex.quote(str(run.folder))
    new, answers, labeled = ("new.npz", "masks.npz", "labeled.npz") if _segments(run) else _TABLES
    return f"thalweg predict {folder} {new} -o {answers}\nthalweg evaluate {folder} {labeled}"


_TABLES = ("new.csv", "predictions.csv", "labeled.csv")


def _segments(run: RunFiles) -> bool:
    return "windows" in run.model


def python(run: RunFiles) -> str:
    """Python lines that load the model and predict."""
    task = run.evaluated[1].get("task") if run.evaluated else None
    classifier = facts.metric(run).share
    folder: Any = str(run.folder / "model")
    lines = ["import thalweg as tw", "", f"model = tw.load({folder!r})"]
    if _segments(run):
        lines.append("masks = model.predict(images)  # (height, width), (slices, height, width) or more volumes")
        lines.append("p = model.predict_proba(images)  # a probability for each label at the end")
        return "\n".join(lines)
    inputs = facts.summary(run).get("inputs")
    shape = f"an array (rows, {inputs})" if inputs else "an array"
    lines.append(f"y = model.predict(x)  # x: {shape}, or a data frame with the columns of the training table")
    if classifier:
        each = "label" if task == "multilabel" else "class"
        lines.append(f"p = model.predict_proba(x)  # a probability for each {each}, in the order of model.classes")
    else:
        lines.append("i = model.predict_interval(x, coverage=0.9)  # lower and upper end of the central interval")
        lines.append("d = model.predict_dist(x)  # a distribution for each row: d.mean, d.variance")
    return "\n".join(lines)
