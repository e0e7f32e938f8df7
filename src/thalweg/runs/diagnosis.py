"""The checkup of a run: what it leaves in the run folder, and the findings that can be read from it at any time."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

from thalweg.core.errors import ModelError
from thalweg.core.files import storage_errors
from thalweg.diagnosis import Checkup, Evidence, Finding, judge, read_records
from thalweg.diagnosis.records import FILE as RECORDS
from thalweg.recipes.config import RunConfig
from thalweg.runs.record import RunFolder, read_log, read_status
from thalweg.runs.report.files import FACTS

SCHEMA = 1

FULL_EVERY = 16
"""Steps from one to the next that the full checkup measures all of."""


def checkup_of(config: RunConfig, folder: RunFolder, settings: dict[str, Any]) -> list[Checkup]:
    """Return the hooks that examine a run as its settings ask; members, which train together, are not examined.

    Args:
        config: ``diagnose`` is ``"none"``, ``"cheap"`` or ``"full"``.
        folder: of the run.
        settings: as resolved.
    """
    if config.diagnose == "none" or config.members > 1 or config.cv:
        return []
    kind, every = ("all", FULL_EVERY) if config.diagnose == "full" else ("cheap", 1)
    return [Checkup(kind, every=every, first=8, path=folder.path / RECORDS, settings=settings)]


def write_facts(folder: RunFolder, hooks: list[Checkup]) -> None:
    """Write what the checkup measured before and after training; findings are read from it, see `evidence_of`."""
    for hook in hooks:
        folder.write_json(FACTS, {"schema_version": SCHEMA, "facts": hook.facts})


def evidence_of(path: Path) -> Evidence:
    """Return everything a run folder holds that rules may read.

    Raises:
        ModelError: no run folder, one that was not examined (says what to run again and how long it took), or a damaged
            one.
    """
    status = read_status(path)
    if not (path / FACTS).is_file() or not (path / RECORDS).is_file():
        raise ModelError(f"{path} holds no records of a checkup. {_again(status)}")
    with storage_errors("read", path / FACTS):
        text = (path / FACTS).read_bytes()
    try:
        facts = json.loads(text)["facts"]
    except (ValueError, KeyError, TypeError):
        raise ModelError(f"{path / FACTS} is damaged: no facts can be read from it. {_again(status)}") from None
    return Evidence(facts, read_log(path), read_records(path / RECORDS), status.get("settings", {}), status["state"])


def findings_of(path: Path) -> list[Finding]:
    """Return what is wrong with a run, the weightiest finding first; see `evidence_of` for what it raises."""
    return judge(evidence_of(path))


def finding_lines(findings: list[Finding]) -> list[str]:
    """Return findings as lines of text.

    Example:
        >>> finding_lines([])
        ['No findings: nothing that the rules know of is wrong with this run.']
    """
    if not findings:
        return ["No findings: nothing that the rules know of is wrong with this run."]
    lines = []
    for number, one in enumerate(findings, 1):
        place = [f"layer {one.layer}"] * (one.layer is not None) + [f"epoch {one.epoch}"] * (one.epoch is not None)
        about = ", ".join([f"weight {one.weight:.2f}", f"confidence {one.confidence:.0%}", *place])
        lines.append(f"{number}. {one.severity}: {one.cause.replace('_', ' ')} ({about})")
        lines.append(f"   {one.says}")
        lines.append(f"   Remedy: {one.remedy}" + (f" {one.flags()}" if one.settings else ""))
    return lines


def _again(status: dict[str, Any]) -> str:
    seconds = status.get("seconds", {}).get("total")
    took = f" It took {seconds:.0f} s." if isinstance(seconds, (int, float)) else ""
    settings = status.get("settings", {})
    alone = settings.get("members", 1) > 1 or settings.get("cv")
    given = _without(status.get("command", ["thalweg", "train", "DATA"]), {"--members", "--cv", "--diagnose"})
    command = shlex.join([*given, "--diagnose", "cheap"])
    return f"Train {'one network alone' if alone else 'it again'}: {command} --out NEW.{took}"


def _without(words: list[str], flags: set[str]) -> list[str]:
    """Return a command line without some flags and their values."""
    places = {place + step for place, word in enumerate(words) if word in flags for step in (0, 1)}
    return [word for place, word in enumerate(words) if place not in places]
