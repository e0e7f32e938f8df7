"""Remedies tried: a run's findings applied, alone and together, and kept where held-out rows get better answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from thalweg.core.errors import ArgumentError, DivergedError, ModelError, ThalwegError
from thalweg.core.files import write_json
from thalweg.diagnosis import Finding
from thalweg.recipes.config import RunConfig, make_config
from thalweg.recipes.plan import Plan, train_plan
from thalweg.recipes.prepare import prepare
from thalweg.runs.diagnosis import findings_of
from thalweg.runs.record import check_free, run_config
from thalweg.runs.run import Run, Say, train_run

REPAIR = "repair.json"

HELD_OUT = 0.2
"""Share of the training rows that remedies are compared on, where the run itself held none out."""

MOST = 4
"""Remedies tried alone, the weightiest ones."""


@dataclass(frozen=True)
class Attempt:
    """A run with some settings changed.

    Attributes:
        causes: the findings whose remedies were applied; none for the run as it was.
        settings: what was changed.
        metric: share of wrong answers or rmse on the held-out rows; None where training diverged.
        loss: mean loss on them in the units of the target.
        message: why there are no figures.
    """

    causes: tuple[str, ...]
    settings: dict[str, Any]
    metric: float | None
    loss: float | None
    message: str = ""

    @property
    def name(self) -> str:
        """What it is called in tables."""
        return " + ".join(self.causes).replace("_", " ") or "as it was"

    def better_than(self, other: Attempt, *, by_loss: bool) -> bool:
        """Whether held-out rows get better answers: by loss, or by the metric where losses do not compare."""
        mine, theirs = (self.loss, other.loss) if by_loss else (self.metric, other.metric)
        return mine is not None and (theirs is None or mine < theirs)


@dataclass(frozen=True, eq=False)
class Repair:
    """What became of a run.

    Attributes:
        attempts: the run as it was, then every attempt.
        best: the one that is kept.
        run: trained with its settings; None where nothing was better.
        left: remedies that no setting expresses, in words.
    """

    attempts: list[Attempt]
    best: Attempt
    run: Run | None
    left: list[str]


def repair(
    path: Path, out: Path | None = None, *, say: Say = lambda line: None, tell: Callable[[Attempt], None] | None = None
) -> Repair:
    """Try the remedies of a run's findings and train a new run with what helps; the run itself is not touched.

    The weightiest remedies are tried alone. Those that help are put together, the best first, and each is kept only if
    it still helps. All are compared on the same rows held out of training: the run's validation rows, or a fifth of its
    training rows, on which the run as it was is trained again too. Test rows decide nothing.

    Args:
        path: run folder with a checkup.
        out: folder of the new run; by default beside the old one, with ``-repaired`` at its end.
        say: is told in plain words what happens.
        tell: is told every attempt once it has figures.

    Raises:
        ModelError: no run folder, one without a checkup, or one of images with masks.
        StorageError: the place is taken or cannot be written.
        DivergedError: the new run diverged on all the training rows.
    """
    config, findings = run_config(path), findings_of(path)
    if config.task != "rows":
        raise ModelError(f"{path} is a run on images with masks; repair works on rows.")
    out = out or path.with_name(f"{path.name}-repaired")
    check_free(out)
    remedies, left = _remedies(config, findings)
    base = make_config(config.model_dump() | {"validation": config.validation or HELD_OUT, "out": None})
    plan = prepare(base)
    tell = tell or (lambda attempt: None)

    def attempt(causes: tuple[str, ...]) -> Attempt:
        changes = {name: value for cause in causes for name, value in remedies[cause].items()}
        tried = _try(base, changes, causes, plan)
        tell(tried)
        return tried

    before = attempt(())
    attempts = [before, *_search(before, attempt, remedies)]
    best = attempts[0]
    for tried in attempts[1:]:
        if tried.better_than(best, by_loss=_comparable(best, tried)):
            best = tried
    run = None
    if best.causes:
        say(f"kept: {best.name}")
        settings = config.model_dump() | best.settings | {"out": str(out)}
        if "patience" in best.settings:  # it needs rows to watch
            settings["validation"] = base.validation
        run = train_run(make_config(settings), say=say)
        content = {"of": str(path), "kept": list(best.causes), "settings": best.settings}
        write_json(out / REPAIR, content | {"attempts": [vars(one) for one in attempts]})
    return Repair(attempts, best, run, left)


def _search(
    before: Attempt, attempt: Callable[[tuple[str, ...]], Attempt], remedies: dict[str, dict[str, Any]]
) -> Iterator[Attempt]:
    """Yield attempts: remedies alone, then those that helped put together one by one, as long as it helps."""
    alone = []
    for cause in list(remedies)[:MOST]:
        tried = attempt((cause,))
        yield tried
        if tried.better_than(before, by_loss=_comparable(before, tried)):
            alone.append(tried)
    alone.sort(key=lambda one: (np.inf if one.metric is None else one.metric, one.loss or 0.0))
    together = alone[0] if alone else before
    for further in alone[1:]:
        if _changes_anything(together, further):
            tried = attempt((*together.causes, *further.causes))
            yield tried
            if tried.better_than(together, by_loss=_comparable(together, tried)):
                together = tried


def _remedies(config: RunConfig, findings: list[Finding]) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Return settings by cause, those alone that change the run; and the remedies that are words only."""
    found: dict[str, dict[str, Any]] = {}
    left = []
    for finding in findings:
        changes = {k: v for k, v in finding.settings.items() if getattr(config, k) != v}
        try:
            make_config(config.model_dump() | changes)
        except ArgumentError:
            changes = {}
        if changes and changes not in found.values():
            found[finding.cause] = changes
        elif not finding.settings:
            left.append(f"{finding.cause.replace('_', ' ')}: {finding.remedy}")
    return found, left


def _try(base: RunConfig, changes: dict[str, Any], causes: tuple[str, ...], like: Plan) -> Attempt:
    try:
        config = make_config(base.model_dump() | changes)
        plan = prepare(config, like.tables, like=like)
        model = plan.model(train_plan(plan))
        rows = plan.tables.validation
        assert rows is not None, "remedies are compared on held-out rows"
        found = model.evaluate(rows, rows.target_array())
        return Attempt(causes, changes, found[model.likelihood.metric], found["loss"])
    except DivergedError as error:
        return Attempt(causes, changes, None, None, str(error))
    except ThalwegError as error:
        return Attempt(causes, changes, None, None, f"cannot be tried: {error}")


def _comparable(one: Attempt, other: Attempt) -> bool:
    """Whether losses compare: the likelihood is the same."""
    return one.settings.get("likelihood") == other.settings.get("likelihood")


def _changes_anything(one: Attempt, other: Attempt) -> bool:
    return any(one.settings.get(name) != value for name, value in other.settings.items())
