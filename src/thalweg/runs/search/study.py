"""The trials of a search, kept by Optuna where several processes can reach them."""

from __future__ import annotations

import json
import os
import platform
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thalweg.core.errors import ArgumentError, StorageError
from thalweg.core.files import storage_errors
from thalweg.core.locks import exclusive, is_held, take_lock
from thalweg.runs.search.space import Interval, Space, is_whole

NAME, FILE, LOCK = "thalweg", "study.db", ".lock"
IDENTITY = "thalweg"
"""Key of what a study is about: settings, space, objective, data."""


def import_optuna() -> Any:
    """Return Optuna, quiet.

    Raises:
        ArgumentError: it is not installed; says how.
    """
    try:
        import optuna
    except ImportError:
        raise ArgumentError(
            "search", "Optuna", "an installation without it", "Get it by: pip install 'thalweg[sweep]'"
        ) from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


PRUNERS: dict[str, Callable[[int], Any]] = {
    "median": lambda settled: import_optuna().pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=settled),
    "halving": lambda settled: import_optuna().pruners.SuccessiveHalvingPruner(min_resource=max(1, settled // 3)),
    "none": lambda settled: import_optuna().pruners.NopPruner(),
}
"""Rules that end a trial early, by name; given the epochs after which trials can be compared."""


@dataclass(frozen=True)
class Trial:
    """One set of values and what came of it.

    Attributes:
        number: from 0; trial 0 has the settings as given.
        state: ``"done"``, ``"pruned"``, ``"failed"``, ``"interrupted"`` or ``"running"``.
        value: what the search wants small; of a pruned trial the last known.
        loss, metric: both of what it may be, of a finished trial.
        params: the values drawn.
        epochs: passes over the training rows.
        seconds: time it took.
        message: why it failed.
    """

    number: int
    state: str
    value: float | None
    params: dict[str, Any]
    epochs: int
    seconds: float | None
    message: str | None
    loss: float | None = None
    metric: float | None = None

    @property
    def counts(self) -> bool:
        """Whether it is one of the trials that were asked for."""
        return self.state != "interrupted"


class Study:
    """An Optuna study in a folder, or wherever ``storage`` says.

    Args:
        folder: of the search; its locks are here.
        storage: path of an SQLite file, or a database's URL; None for a file in the folder.
        pruner: a name in ``PRUNERS``.
        settled: epochs after which trials can be compared.

    Raises:
        StorageError: it cannot be opened.
        ArgumentError: no such pruner, or Optuna is missing.
    """

    def __init__(self, folder: Path, storage: str | None, pruner: str, settled: int) -> None:
        optuna = import_optuna()
        self.folder, self._optuna = folder, optuna
        self._states = {
            optuna.trial.TrialState.COMPLETE: "done",
            optuna.trial.TrialState.PRUNED: "pruned",
            optuna.trial.TrialState.FAIL: "failed",
            optuna.trial.TrialState.RUNNING: "running",
            optuna.trial.TrialState.WAITING: "running",
        }
        with exclusive(folder / LOCK), _told(storage or str(folder / FILE)):
            self.study = optuna.create_study(
                storage=_storage(optuna, folder, storage),
                study_name=NAME,
                pruner=PRUNERS[pruner](settled),
                load_if_exists=True,
            )

    def agree(self, identity: Mapping[str, Any]) -> None:
        """Write down what the study is about, or check it against what was written.

        Raises:
            ArgumentError: it is a search of other data, settings or ranges; names the first difference.
        """
        with exclusive(self.folder / LOCK), _told(str(self.folder)):
            known = self.study.user_attrs.get(IDENTITY)
            if known is None:
                self.study.set_user_attr(IDENTITY, json.dumps(identity))
                return
        for part, mine in identity.items():
            theirs = json.loads(known).get(part)
            if theirs == json.loads(json.dumps(mine)):
                continue
            name, old, new = _first_difference(part, theirs, mine)
            raise ArgumentError(
                name, f"{old} as in the search of {self.folder}", new, "Choose another --out for another search."
            )

    def sample_from(self, seed: int, place: int) -> None:
        """Choose how values are drawn: by tree-structured Parzen estimators, after ten trials at random.

        Args:
            seed: of the search.
            place: of the process among those that work on it, so that no two draw the same.
        """
        samplers = self._optuna.samplers
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", self._optuna.exceptions.ExperimentalWarning)
            # Trials that are there already shift the seed: a search that goes on must not repeat its first draws.
            self.study.sampler = samplers.TPESampler(
                seed=(seed + 7919 * place + len(self.study.trials)) % 2**32,
                multivariate=True,
                group=True,
                constant_liar=True,
            )

    def ask(self, most: int, worker: str) -> Any:
        """Return a new trial, or None when as many as asked for are done or running."""
        with exclusive(self.folder / LOCK), _told(str(self.folder)):
            if sum(trial.counts for trial in self.trials()) >= most:
                return None
            trial = self.study.ask()
            trial.set_user_attr("worker", worker)
            return trial

    def tell(self, trial: Any, value: float | None, state: str, message: str | None = None) -> None:
        """Say how a trial ended: with a value, ``"pruned"``, or ``"failed"``; without a message it was interrupted."""
        states = self._optuna.trial.TrialState
        with _told(str(self.folder)):
            if message is not None:
                trial.set_user_attr("message", message)
            ended = {"done": states.COMPLETE, "pruned": states.PRUNED, "failed": states.FAIL}[state]
            self.study.tell(trial, value if state == "done" else None, state=ended)

    def trials(self) -> list[Trial]:
        """Return all trials in their order."""
        return [self._trial(found) for found in self.study.get_trials(deepcopy=False)]

    def bury(self) -> None:
        """Mark trials as interrupted whose process has died."""
        for found in self.study.get_trials(deepcopy=False):
            host, _, worker = found.user_attrs.get("worker", "").partition(":")
            dead = host == platform.node() and not is_held(self.folder / worker)
            if self._states[found.state] == "running" and dead:
                with suppress(ValueError):  # another process was first
                    self.study.tell(found.number, state=self._optuna.trial.TrialState.FAIL)

    def importances(self, names: Mapping[str, Any]) -> dict[str, float]:
        """Return the share of each setting in how values differ, the largest first; none where too few are known.

        Source: Hutter, Hoos, Leyton-Brown, *An Efficient Approach for Assessing Hyperparameter Importance* (2014).
        """
        done = [t for t in self.trials() if t.state == "done" and set(names) <= set(t.params)]
        if len(done) < ENOUGH or len({trial.value for trial in done}) < 2:
            return {}
        found = self._optuna.importance.get_param_importances(
            self.study,
            evaluator=self._optuna.importance.FanovaImportanceEvaluator(seed=0),
            params=[name for name in names if len({trial.params[name] for trial in done}) > 1],
        )
        return {name: float(share) for name, share in found.items()}

    def _trial(self, found: Any) -> Trial:
        state = self._states[found.state]
        message = found.user_attrs.get("message")
        if state == "failed" and message is None:
            state = "interrupted"
        reported = found.intermediate_values
        value = found.value if state == "done" else reported[max(reported)] if reported else None
        seconds = None if found.duration is None else found.duration.total_seconds()
        epochs = found.user_attrs.get("epochs") or max(reported, default=0)
        both = {name: found.user_attrs.get(name) for name in ("loss", "metric")}
        return Trial(found.number, state, value, dict(found.params), epochs, seconds, message, **both)


ENOUGH = 8
"""Finished trials from which on the importance of settings is told."""


def draw(trial: Any, space: Space) -> dict[str, Any]:
    """Return a value for each setting of a space, from an Optuna trial."""
    values: dict[str, Any] = {}
    for name, each in space.items():
        if not isinstance(each, Interval):
            values[name] = trial.suggest_categorical(name, each.values)
        elif is_whole(name):
            step = {} if each.step is None else {"step": int(each.step)}
            values[name] = trial.suggest_int(name, int(each.low), int(each.high), log=each.log, **step)
        else:
            values[name] = trial.suggest_float(name, each.low, each.high, log=each.log, step=each.step)
    return values


@contextmanager
def worker(folder: Path) -> Iterator[str]:
    """Yield the name of this process, whose trials count as running for as long as the block lasts."""
    file = folder / f".worker-{os.getpid()}"
    lock = take_lock(file)
    try:
        yield f"{platform.node()}:{file.name}"
    finally:
        if lock is not None:
            lock.close()
        file.unlink(missing_ok=True)


def _storage(optuna: Any, folder: Path, storage: str | None) -> Any:
    if storage is not None and "://" in storage:
        return storage
    path = Path(storage) if storage is not None else folder / FILE
    with storage_errors("write", path), path.open("ab"):
        pass
    # Several processes take turns in writing a file, and wait for each other.
    return optuna.storages.RDBStorage(f"sqlite:///{path.absolute()}", engine_kwargs={"connect_args": {"timeout": 60}})


@contextmanager
def _told(place: str) -> Iterator[None]:
    """Turn what a database says into one sentence."""
    optuna = import_optuna()
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError, RuntimeError) as error:
        cause = getattr(error, "orig", None) or error.__cause__ or error
        reason = str(getattr(cause, "orig", None) or cause).splitlines()[0]
        raise StorageError(f"Cannot use {place} as the storage of a search: {reason}.") from error


def _first_difference(part: str, old: Any, new: Any) -> tuple[str, str, str]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in [*old, *new]:
            if old.get(name) != json.loads(json.dumps(new.get(name))):
                return name, f"{old.get(name, 'nothing')}", f"{new.get(name, 'nothing')}"
    return part, "the rows" if part == "data" else f"{old}", "other rows" if part == "data" else f"{new}"
