"""Remedies tried: a run's findings applied, alone and together, and kept where held-out rows get better answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from thalweg.core.errors import ArgumentError, ModelError
from thalweg.core.files import write_json
from thalweg.diagnosis import Finding
from thalweg.recipes.config import RunConfig, make_config
from thalweg.recipes.prepare import prepare
from thalweg.runs.attempts import Attempt, Attempts, Causes, InterruptedAttempts
from thalweg.runs.diagnosis import again, findings_of
from thalweg.runs.record import check_free, read_status, run_config
from thalweg.runs.run import Run, Say, train_run
from thalweg.training import Hook

REPAIR = "repair.json"

HELD_OUT = 0.2
"""Share of the training rows that remedies are compared on, where the run itself held none out."""

LINKS = {"single_unit_softmax", "double_softmax", "output_target_mismatch", "loss_activation_mismatch"}
"""Causes in how a given network ends, whose remedy is a network that ends in its linear layer."""

MOST = 4
"""Remedies tried alone, the weightiest ones."""


@dataclass(frozen=True, eq=False)
class Repair:
    """What became of a run.

    Attributes:
        attempts: the run as it was, then every attempt.
        best: the one that is kept; None where the repair was interrupted.
        run: trained with its settings; None where nothing was better.
        left: remedies that no setting expresses, in words.
    """

    attempts: list[Attempt]
    best: Attempt | None
    run: Run | None
    left: list[str]


def repair(
    path: Path,
    out: Path | None = None,
    *,
    hooks: Sequence[Hook] = (),
    say: Say = lambda line: None,
    tell: Callable[[Attempt], None] = lambda attempt: None,
) -> Repair:
    """Try the remedies of a run's findings and train a new run with what helps; the run itself is not touched.

    The weightiest remedies are tried alone, then each that helps beside the best of them, and those that help there all
    together. Attempts that differ only in numbers (step size, penalties, dropout, starting weights, patience) are
    trained at once, see `thalweg.recipes.together`. All are compared on the same rows held out of training: the run's
    validation rows, or a fifth of its training rows, on which the run as it was is trained again too. Test rows decide
    nothing. A repair that is interrupted goes on where it was when it is called again.

    Args:
        path: run folder with a checkup.
        out: folder of the new run; by default beside the old one, with ``-repaired`` at its end. Beside it stands a
            folder with ``.attempts`` at its end until the repair is done.
        hooks: follow every training.
        say: is told in plain words what happens.
        tell: is told every attempt once it has figures.

    Raises:
        ArgumentError: a run of several networks.
        ModelError: no run folder, one without a checkup, or one of images with masks.
        StorageError: the place is taken or cannot be written.
        DivergedError: the new run diverged on all the training rows.
    """
    config, findings = run_config(path), findings_of(path)
    if config.task != "rows":
        raise ModelError(f"{path} is a run on images with masks; repair works on rows.")
    if config.networks > 1:
        raise ArgumentError("RUN", "a run of a single network", f"{config.networks} networks", again(read_status(path)))
    out = out or path.with_name(f"{path.name}-repaired")
    check_free(out)
    remedies, left = _remedies(config, findings)
    base = make_config(config.model_dump() | {"validation": config.validation or HELD_OUT, "out": None})
    folder = out.with_name(f"{out.name}.attempts")
    with Attempts(folder, base, remedies, prepare(base), hooks, say, tell) as attempt:
        try:
            best = _search(attempt, list(remedies)[:MOST])
        except InterruptedAttempts:
            return Repair(list(attempt.done.values()), None, None, left)
        tried, run = list(attempt.done.values()), None
        if best.causes:
            say(f"kept: {best.name}")
            settings = config.model_dump() | best.settings | {"out": str(out)}
            if "patience" in best.settings:  # it needs rows to watch
                settings["validation"] = base.validation
            run = train_run(make_config(settings), hooks=hooks, say=say)
            content = {"of": str(path), "kept": list(best.causes), "settings": best.settings}
            write_json(out / REPAIR, content | {"attempts": [vars(one) for one in tried]})
        attempt.forget()
    return Repair(tried, best, run, left)


def _search(attempt: Attempts, causes: list[str]) -> Attempt:
    """Return the best attempt: of the run as it was, remedies alone, and those that help beside the best of them."""
    before, *alone = attempt([(), *((cause,) for cause in causes)])
    helped = sorted(
        (one for one in alone if one.better_than(before)),
        key=lambda one: (np.inf if one.metric is None else one.metric, one.loss or 0.0),
    )
    if not helped:
        return before
    best = helped[0]
    further = [one for one in helped[1:] if _changes_anything(best, one)]
    pairs = [(*best.causes, *one.causes) for one in further]
    everything: Causes = (*best.causes, *(cause for one in further for cause in one.causes))
    both = attempt(pairs + [everything] * (len(pairs) > 1))
    found = [best, *both]
    better = [one for one, pair in zip(further, both, strict=False) if pair.better_than(best)]
    if 1 < len(better) < len(further):
        found += attempt([(*best.causes, *(cause for one in better for cause in one.causes))])
    for one in found:
        if one.better_than(best):
            best = one
    return best


def _remedies(config: RunConfig, findings: list[Finding]) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Return settings by cause, those alone that change the run; and the remedies that are words only."""
    found: dict[str, dict[str, Any]] = {}
    left = []
    for finding in findings:
        changes = {k: v for k, v in finding.settings.items() if getattr(config, k) != v}
        if config.start is not None:
            changes = _anew(changes, finding.cause)
        try:
            make_config(config.model_dump() | changes)
        except ArgumentError:
            changes = {}
        if changes and changes not in found.values():
            found[finding.cause] = changes
        elif not finding.settings and not changes:
            left.append(f"{finding.cause.replace('_', ' ')}: {finding.remedy}")
    return found, left


def _anew(changes: dict[str, Any], cause: str) -> dict[str, Any]:
    """Return changes to a run that starts from a network: what is another network starts anew, from the settings."""
    if cause in LINKS:
        return {"start": None, "likelihood": "auto", "likelihood_options": {}}
    extra: dict[str, Any] = {name: RunConfig.model_fields[name].json_schema_extra or {} for name in changes}
    other = any(one.get("panel") in {"Network", "Likelihood"} for one in extra.values())
    return changes | {"start": None} if other else changes


def _changes_anything(one: Attempt, other: Attempt) -> bool:
    return any(one.settings.get(name) != value for name, value in other.settings.items())
