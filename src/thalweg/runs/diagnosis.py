"""The checkup of a run: what it leaves in the run folder, and the findings that can be read from it at any time."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

from thalweg.core.errors import ModelError
from thalweg.core.files import storage_errors
from thalweg.diagnosis import Checkup, Evidence, Finding, judge, read_records
from thalweg.diagnosis.facts import Subject, facts_after, facts_before
from thalweg.diagnosis.records import FILE as RECORDS
from thalweg.recipes.config import RunConfig
from thalweg.recipes.ensemble import Ensemble
from thalweg.recipes.plan import Plan
from thalweg.runs.probe import probe_facts
from thalweg.runs.record import RunFolder, read_log, read_status
from thalweg.runs.report.files import FACTS
from thalweg.runs.seeds import seeds_of_members, seeds_of_runs
from thalweg.runs.suspects import write_suspects
from thalweg.training import Trained
from thalweg.training.loop import keys_of
from thalweg.training.state import initial_params

SCHEMA = 1
EVALUATION = "evaluation.json"

SCHEDULES = {"cheap": ("cheap", 8, 4), "full": ("all", 16, 8)}
"""By kind of checkup: which instruments, at every how many steps of an epoch, and at how many first ones besides.

Small steps, as of the recipe for tables, feel a cheap measurement too: at every step it is a tenth of one.
"""


def checkup_of(config: RunConfig, folder: RunFolder, settings: dict[str, Any]) -> list[Checkup]:
    """Return the hooks that examine a run as its settings ask; members, which train together, are not examined.

    Args:
        config: ``diagnose`` is ``"none"``, ``"cheap"`` or ``"full"``.
        folder: of the run.
        settings: as resolved.
    """
    if config.diagnose == "none" or config.networks > 1:
        return []
    kind, every, first = SCHEDULES[config.diagnose]
    return [Checkup(kind, every=every, first=first, path=folder.path / RECORDS, settings=settings)]


def write_facts(folder: RunFolder, hooks: list[Checkup], plan: Plan, trained: Trained | None, model: Any) -> None:
    """Write what the checkup measured before and after training; findings are read from it, see `evidence_of`.

    Args:
        folder: of the run.
        hooks: the checkup; none for networks that train together, whose steps are not measured.
        plan: what was trained.
        trained: what training left, None where it diverged.
        model: made of it.
    """
    facts = hooks[0].facts if hooks else {}
    if plan.config.diagnose == "none" or plan.config.task != "rows":
        trained = None
    if trained is not None:
        if isinstance(trained, Ensemble):
            facts = _facts_of_members(plan, trained)
        facts = facts | {
            "suspects": write_suspects(folder.path, model, plan.tables, trained),
            "seeds": seeds_of_members(trained, model.likelihood.metric, plan.config.cv),
        }
    if facts:
        folder.write_json(FACTS, {"schema_version": SCHEMA, "facts": facts})


def _facts_of_members(plan: Plan, trained: Ensemble) -> dict[str, Any]:
    """Return facts of data, loss, the first member's start, and what all members together answer."""
    params = initial_params(plan.network, plan.likelihood, plan.train, keys_of(plan.config.seed)[0])
    parts = (plan.optimizer, plan.train, params, plan.config.epochs)
    facts = facts_before(Subject(plan.network, plan.likelihood, *parts))
    together = Subject(trained.network, trained.likelihood, *parts)
    return facts | facts_after(together, trained.params, trained.state, max(1, len(trained.history)))


def evidence_of(path: Path) -> Evidence:
    """Return everything a run folder holds that rules may read.

    Raises:
        ModelError: no run folder, one that was not examined (says what to run again and how long it took), or a damaged
            one.
    """
    status = read_status(path)
    settings = status.get("settings", {})
    if not (path / FACTS).is_file() or not ((path / RECORDS).is_file() or _several(settings)):
        raise ModelError(f"{path} holds no records of a checkup. {again(status)}")
    with storage_errors("read", path / FACTS):
        text = (path / FACTS).read_bytes()
    try:
        facts = json.loads(text)["facts"]
    except (ValueError, KeyError, TypeError):
        raise ModelError(f"{path / FACTS} is damaged: no facts can be read from it. {again(status)}") from None
    records = read_records(path / RECORDS) if (path / RECORDS).is_file() else []
    return Evidence(_with_constant(facts, path), read_log(path), records, settings, status["state"])


def findings_of(path: Path) -> list[Finding]:
    """Return what is wrong with a run, the weightiest finding first; see `evidence_of` for what it raises."""
    return judge(evidence_of(path))


def looked_closer(path: Path, evidence: Evidence, *, probe: bool | None = None) -> Evidence:
    """Return the evidence with what is not in the run folder: the runs beside it, and a probe of the network.

    Args:
        path: run folder.
        evidence: what the folder holds.
        probe: whether to measure the loss where training ended and to fit one minibatch, which takes some seconds; by
            default where the result is bad.
    """
    facts = dict(evidence.facts)
    if not facts.get("seeds"):
        facts["seeds"] = seeds_of_runs(path)
    if evidence.suffers if probe is None else probe:
        facts |= probe_facts(path)
    return replace(evidence, facts=_with_constant(facts, path))


def not_measured(path: Path, evidence: Evidence) -> list[str]:
    """Return what the checkup could not measure, and how to measure more, as lines of text; empty if it has all."""
    told: dict[str, list[str]] = {}
    for record in evidence.records[:1]:
        for name, reason in record.get("unsupported", {}).items():
            told.setdefault(reason, []).append(name)
    lines = [f"Not measured: {', '.join(names)} ({reason})." for reason, names in told.items()]
    status = read_status(path)
    if not evidence.records:
        lines.append(f"Not measured: layers and steps, as the networks trained together. {again(status)}")
    elif evidence.settings.get("diagnose") == "cheap":
        lines.append(f"Not measured while it trained: single examples and curvature. {again(status, 'full')}")
    return lines


def _with_constant(facts: dict[str, Any], path: Path) -> dict[str, Any]:
    """Add what a constant answer reaches on the test rows to the results of seeds, which are compared with it."""
    seeds = facts.get("seeds")
    if not seeds or "constant" in seeds or not (path / EVALUATION).is_file():
        return facts
    try:
        judged = json.loads((path / EVALUATION).read_text(encoding="utf-8"))["test"]
        constant = judged["baseline"]["error"] if "baseline" in judged else judged["targets"][0]["baseline_rmse"]
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return facts
    return facts | {"seeds": seeds | {"constant": constant}}


def _several(settings: dict[str, Any]) -> bool:
    return bool(settings.get("members", 1) > 1 or settings.get("cv"))


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


def checkup_lines(path: Path) -> list[str]:
    """Return what a run that has just ended should say of itself: its weightiest problem, and how many more there are.

    Empty for a run with none, and for one that was not examined. Notes are for `finding_lines` alone.
    """
    try:
        bad = [finding for finding in findings_of(path) if finding.severity in ("error", "warning")]
    except ModelError:
        return []
    if not bad:
        return []
    first, command = bad[0], f"thalweg diagnose {shlex.quote(str(path))}"
    more = f"{len(bad) - 1} more: {command}" if len(bad) > 1 else f"more of it: {command}"
    return [f"checkup {first.severity}: {first.cause.replace('_', ' ')}. {first.says}", f"        {more}"]


def again(status: dict[str, Any], kind: str = "cheap") -> str:
    """Return how to train a run again, as one network, with a checkup of a kind; and how long it took."""
    seconds = status.get("seconds", {}).get("total")
    took = f" It took {seconds:.0f} s." if isinstance(seconds, (int, float)) else ""
    settings = status.get("settings", {})
    given = _without(status.get("command", ["thalweg", "train", "DATA"]), {"--members", "--cv", "--diagnose"})
    command = shlex.join([*given, "--diagnose", kind])
    return f"Train {'one network alone' if _several(settings) else 'it again'}: {command} --out NEW.{took}"


def _without(words: list[str], flags: set[str]) -> list[str]:
    """Return a command line without some flags and their values."""
    places = {place + step for place, word in enumerate(words) if word in flags for step in (0, 1)}
    return [word for place, word in enumerate(words) if place not in places]
