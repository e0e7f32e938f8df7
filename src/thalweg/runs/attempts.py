"""Attempts at a better run: settings tried on the same held-out rows, together where shapes allow, and kept on disk."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

from thalweg.core.errors import StorageError, ThalwegError
from thalweg.core.files import storage_errors, write_json
from thalweg.core.locks import take_lock
from thalweg.recipes.config import RunConfig, make_config
from thalweg.recipes.plan import Plan
from thalweg.recipes.prepare import prepare
from thalweg.recipes.together import groups, train_together
from thalweg.training import Checkpoints, Hook, Trained

DONE = "attempts.json"

Causes = tuple[str, ...]


class InterruptedAttempts(Exception):  # noqa: N818 (no error: what is done is kept)
    """Ctrl-C came while attempts were trained."""


@dataclass(frozen=True)
class Attempt:
    """A run with some settings changed.

    Attributes:
        causes: the findings whose remedies were applied; none for the run as it was.
        settings: what was changed.
        metric: share of wrong answers or rmse on the held-out rows; None where training diverged.
        loss: mean loss on them in the units of the target.
        message: why there are no figures.
        measure: what ``metric`` is: ``"error"`` or ``"rmse"``.
    """

    causes: Causes
    settings: dict[str, Any]
    metric: float | None
    loss: float | None
    message: str = ""
    measure: str = "error"

    @property
    def name(self) -> str:
        """What it is called in tables."""
        return name_of(self.causes)

    def better_than(self, other: Attempt) -> bool:
        """Whether held-out rows get better answers: by loss, or by the metric where losses do not compare."""
        by_loss = self.settings.get("likelihood") == other.settings.get("likelihood")
        mine, theirs = (self.loss, other.loss) if by_loss else (self.metric, other.metric)
        return mine is not None and (theirs is None or mine < theirs)


def name_of(causes: Causes) -> str:
    """Return what an attempt is called.

    Example:
        >>> name_of(("dead_relu", "unscaled_data")), name_of(())
        ('dead relu + unscaled data', 'as it was')
    """
    return " + ".join(causes).replace("_", " ") or "as it was"


class Attempts:
    """Remedies at work on the rows of one run; what is done is kept in a folder until `forget`.

    Args:
        folder: where, made at the first attempt.
        base: settings of the run as it was, with rows held out.
        remedies: cause ↦ settings that change.
        plan: the run as it was.
        hooks: follow every training.
        say: is told what is trained together.
        tell: is told every attempt once it has figures.

    Raises:
        StorageError: another process works in the folder, or it cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        base: RunConfig,
        remedies: dict[str, dict[str, Any]],
        plan: Plan,
        hooks: Sequence[Hook],
        say: Callable[[str], None],
        tell: Callable[[Attempt], None],
    ) -> None:
        self.folder, self.base, self.remedies, self.plan = folder, base, remedies, plan
        self.hooks, self.say, self.tell = hooks, say, tell
        with storage_errors("create the folder", folder):
            folder.mkdir(parents=True, exist_ok=True)
        self._lock: IO[str] | None = take_lock(folder / ".lock")
        if self._lock is None:
            raise StorageError(f"Another process repairs the same run: {folder} is in use.")
        told = json.dumps([base.model_dump(exclude={"out"}), remedies, plan.tables.train.hash()], default=list)
        self.of = hashlib.sha256(told.encode()).hexdigest()
        self.done = self._read()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def forget(self) -> None:
        """Take the folder away."""
        self.__exit__()
        shutil.rmtree(self.folder, ignore_errors=True)

    def settings(self, causes: Causes) -> dict[str, Any]:
        """Return what the remedies of some causes change."""
        return {name: value for cause in causes for name, value in self.remedies[cause].items()}

    def __call__(self, wanted: Sequence[Causes]) -> list[Attempt]:
        """Return attempts with the remedies of each of some sets of causes, in their order.

        Raises:
            InterruptedAttempts: Ctrl-C; all is kept.
            StorageError: the folder cannot be written.
        """
        plans: dict[Causes, Plan] = {}
        for causes in wanted:
            if causes in self.done:
                self.tell(self.done[causes])
                continue
            try:
                config = make_config(self.base.model_dump() | self.settings(causes))
                plans[causes] = prepare(config, self.plan.tables, like=self.plan) if causes else self.plan
            except ThalwegError as error:
                self._enter([self._failed(causes, f"cannot be tried: {error}")])
        names = list(plans)
        for group in groups(list(plans.values())):
            self._train({names[place]: plans[names[place]] for place in group})
        return [self.done[causes] for causes in wanted]

    def _train(self, plans: dict[Causes, Plan]) -> None:
        self.say(f"training {' | '.join(map(name_of, plans))}")
        name = hashlib.sha256(json.dumps(list(plans)).encode()).hexdigest()[:12]
        place = self.folder / f"checkpoint-{name}"
        checkpoints = Checkpoints(place, self.base.checkpoint_seconds)
        found: list[Any]
        try:
            found = train_together(list(plans.values()), self.hooks, checkpoints)
        except StorageError:
            raise
        except ThalwegError as error:
            found = [f"cannot be tried: {error}"] * len(plans)
        if any(isinstance(one, Trained) and one.status == "interrupted" for one in found):
            raise InterruptedAttempts
        self._enter([self._judged(*each, one) for each, one in zip(plans.items(), found, strict=True)])
        shutil.rmtree(place, ignore_errors=True)

    def _judged(self, causes: Causes, plan: Plan, trained: Trained | str) -> Attempt:
        if isinstance(trained, str):
            return self._failed(causes, trained)
        rows = plan.tables.validation
        assert rows is not None, "remedies are compared on held-out rows"
        try:
            model = plan.model(trained)
            found = model.evaluate(rows, rows.target_array())
        except ThalwegError as error:
            return self._failed(causes, f"cannot be tried: {error}")
        measure = model.likelihood.metric
        return Attempt(causes, self.settings(causes), found[measure], found["loss"], measure=measure)

    def _failed(self, causes: Causes, message: str) -> Attempt:
        return Attempt(causes, self.settings(causes), None, None, message)

    def _enter(self, attempts: list[Attempt]) -> None:
        self.done |= {one.causes: one for one in attempts}
        # Settings follow from the causes.
        kept = [{k: v for k, v in vars(a).items() if k != "settings"} for a in self.done.values()]
        write_json(self.folder / DONE, {"of": self.of, "attempts": kept})
        for one in attempts:
            self.tell(one)

    def _read(self) -> dict[Causes, Attempt]:
        """Return what an interrupted repair of the same run did; of another one, or a damaged file, nothing."""
        try:
            told = json.loads((self.folder / DONE).read_bytes())
            rows = told["attempts"] if told["of"] == self.of else []
            found = [(tuple(row.pop("causes")), row) for row in rows]
            return {causes: Attempt(causes, self.settings(causes), **row) for causes, row in found}
        except (OSError, ValueError, KeyError, TypeError):
            return {}
