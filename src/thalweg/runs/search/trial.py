"""One trial: values are drawn, a network is trained with them, and the study is told how it went."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Collection, Mapping
from typing import Any

from thalweg.core.errors import ArgumentError, ThalwegError
from thalweg.data.streaming.stream import Progress, Say
from thalweg.likelihoods import Likelihood
from thalweg.optimizers import OPTIMIZERS
from thalweg.recipes.choices import check_folds, check_names
from thalweg.recipes.config import RunConfig, make_config
from thalweg.recipes.plan import Plan, train_plan
from thalweg.recipes.prepare import prepare
from thalweg.recipes.presets import leaves_networks
from thalweg.recipes.streams import check_streamed, stream_source
from thalweg.recipes.tables import encoder_settings, make_tables
from thalweg.runs.search.space import SHAPE, Space, settings_of
from thalweg.runs.search.study import Study, draw, import_optuna
from thalweg.training import Hook

REPORTS = 20
"""At most so many times a trial tells how it stands: each is a write to a file that others may be waiting for."""

OBJECTIVES = ("loss", "metric")
"""What a search wants small on the validation rows: the mean of -ln q, or the error (of numbers: rmse)."""

OF_THE_LOSS = ("likelihood", "likelihood_options", "label_smoothing", "class_weight", "standardize")
"""Settings that change what the loss means: values of it are then no more comparable."""


@dataclasses.dataclass(frozen=True, eq=False)
class Task:
    """What all trials of a search share: rows read and encoded once, settings that are fixed, and what varies.

    Args:
        given: settings of every trial; members and folds are left for the last training.
        base: the same, checked; with validation rows.
        plan: what a trial with the settings as given trains. It has no test rows.
        space: what varies.
        objective: a name in ``OBJECTIVES``.
    """

    given: dict[str, Any]
    base: RunConfig
    plan: Plan
    space: Space
    objective: str

    @property
    def monitor(self) -> str:
        """The key of an epoch's line that is to become small."""
        return monitor(self.objective, self.plan.likelihood)

    @property
    def identity(self) -> dict[str, Any]:
        """What makes two searches the same."""
        settings = self.base.model_dump(mode="json", exclude={"out", "threads", "checkpoint_seconds", "data"})
        validation = self.plan.tables.validation
        return {
            "settings": settings,
            "space": {name: str(each) for name, each in self.space.items()},
            "objective": self.objective,
            "data": [self.plan.tables.train.hash(), None if validation is None else validation.hash()],
        }

    def config(self, params: Mapping[str, Any]) -> RunConfig:
        """Return the settings of a trial."""
        return make_config({**self.given, **settings_of(params), "validation": self.base.validation})

    def last(self, given: Mapping[str, Any], params: Mapping[str, Any]) -> RunConfig:
        """Return the settings of the last training.

        It has all the rows, as there is nothing left to compare, unless the settings need some held out. The cache of
        rows that stream keeps the parts that it has.

        Args:
            given: settings, those of the last training alone among them.
            params: the best values.
        """
        config, streams = last_config({**given, **settings_of(params)}), self.plan.tables.train.whole is not None
        if config.cv or (leaves_networks(config) and not streams):
            return config.model_copy(update={"validation": 0.0})
        watched = config.patience or config.calibrate != "none" or streams
        return config.model_copy(update={"validation": self.base.validation}) if watched else config


def last_config(settings: Mapping[str, Any]) -> RunConfig:
    """Return settings as those of the last training, whose folds take the place of rows to watch."""
    config = make_config(settings)
    return make_config({**settings, "validation": 0.0}) if config.cv else config


def monitor(objective: str, likelihood: Likelihood) -> str:
    """Return the key of an epoch's line that a search wants small."""
    return f"validation_{likelihood.metric if objective == 'metric' else 'loss'}"


LATER = {"members": 1, "cv": 0}
"""Settings that the last training alone may have otherwise: trials are of one network."""

VALIDATION = 0.2
"""Share of the training rows that trials are compared on, unless the settings say another."""


def open_task(
    given: Mapping[str, Any],
    objective: str,
    asked: Collection[str],
    space: Callable[[Mapping[str, Any]], Space],
    say: Say = lambda line: None,
    progress: Progress = lambda *_: None,
) -> Task:
    """Read and encode the rows of a search, without its test rows.

    Args:
        given: settings that are fixed.
        objective: a name in ``OBJECTIVES``.
        asked: settings whose ranges were given; the default space, which may stand beside them, is not among them.
        space: what varies, by the settings as resolved and the number of ``rows``.
        say: is told in plain words what happens to data that streams from disk.
        progress: is told how far that is.

    Raises:
        ThalwegError: settings, ranges or data that cannot be used.
    """
    last = last_config(given)
    check_names(last, held_out=True)  # what it would refuse is refused before the first trial
    given = {**given, **LATER}
    base = make_config(given)
    if base.task != "rows":
        raise ArgumentError("task", "'rows' for a search", repr(base.task))
    if not base.validation:
        base = make_config({**given, "validation": VALIDATION})
    _check_before_reading(base, last, objective, asked)
    tables = dataclasses.replace(make_tables(base, say, progress), test=None, test_origin="none")
    check_folds(last.cv, sum(part.total for part in (tables.train, tables.validation) if part is not None))
    plan = prepare(base, tables)
    full = OPTIMIZERS[base.optimizer].full_batch
    usual = {**plan.settings, "rows": tables.train.total} | ({"learning_rate": None} if full else {})
    task = Task(dict(given), base, plan, space(usual), objective)
    _check_values(task)
    return task


def run_trial(task: Task, study: Study, trial: Any, hooks: tuple[Hook, ...] = ()) -> bool:
    """Train with values of a trial and tell the study how it ended; trial 0 has the settings as given.

    Returns:
        Whether it came to its end; False when it was interrupted.

    Raises:
        KeyboardInterrupt: Ctrl-C outside of training.
    """
    optuna = import_optuna()
    try:
        config = task.config(draw(trial, task.space) if trial.number else {})
        plan = prepare(config, task.plan.tables, like=task.plan)
        key = monitor(task.objective, plan.likelihood)
        trained = train_plan(plan, [_Follow(trial, key, plan.config.epochs), *hooks])
        if trained.status == "interrupted":
            study.tell(trial, None, "failed")
            return False
        trial.set_user_attr("epochs", len(trained.history))
        kept = next(row for row in trained.history if row["epoch"] == trained.epoch)
        for objective in OBJECTIVES:
            trial.set_user_attr(objective, kept[monitor(objective, plan.likelihood)])
        value = kept[key]
        if not math.isfinite(value):
            study.tell(trial, None, "failed", f"{key} is not finite")
        else:
            study.tell(trial, value, "done")
    except optuna.TrialPruned:
        study.tell(trial, None, "pruned")
    except (ThalwegError, MemoryError) as error:
        study.tell(trial, None, "failed", str(error) or "not enough memory")
    except RuntimeError as error:
        # XLA has no error of its own for this.
        if "RESOURCE_EXHAUSTED" not in str(error) and "Out of memory" not in str(error):
            study.tell(trial, None, "failed")
            raise
        study.tell(trial, None, "failed", "not enough memory")
    except BaseException:
        study.tell(trial, None, "failed")
        raise
    return True


class _Follow(Hook):
    """Tell the study how a trial stands, and end it where others were better at the same time."""

    def __init__(self, trial: Any, key: str, epochs: int) -> None:
        self.trial, self.key, self.every = trial, key, max(1, epochs // REPORTS)

    def on_epoch_end(self, row: dict[str, Any]) -> None:
        epoch, value = row["epoch"], row[self.key]
        if epoch % self.every or not math.isfinite(value):
            return
        self.trial.report(value, epoch)
        if self.trial.should_prune():
            raise import_optuna().TrialPruned


def _check_before_reading(base: RunConfig, last: RunConfig, objective: str, asked: Collection[str]) -> None:
    """Refuse what settings and names alone show to be out of place, before rows are read, and perhaps cached, for long.

    Args:
        base: the settings of every trial.
        last: those of the last training.
        objective: what is to become small.
        asked: settings whose ranges were given. None of the default space is refused.
    """
    if objective not in OBJECTIVES:
        raise ArgumentError("objective", f"one of {', '.join(OBJECTIVES)}", repr(objective))
    if objective == "loss" and (changed := sorted(set(OF_THE_LOSS) & set(asked))):
        raise ArgumentError(
            "objective",
            "metric",
            "loss",
            f"Losses under different {changed[0]} cannot be compared: --objective metric.",
        )
    if stream_source(base.data, base.stream) is None:
        return
    check_streamed(last)
    encoding = encoder_settings(base).keys() - {"likelihood"}
    if changed := sorted(encoding & set(asked)):
        raise ArgumentError(
            changed[0],
            "one value for data that streams from disk",
            "a range",
            "Each value would write all rows anew: search it on a part of them, then give the best.",
        )


def _check_values(task: Task) -> None:
    """Refuse values of a space that no run would take, before the first trial."""
    for name, each in task.space.items():
        for value in each.ends:
            try:
                config = task.config({name: value})
            except ArgumentError as error:
                where = "width and depth" if name in SHAPE else name
                raise ArgumentError(where, f"{error.expected} at both ends of its range", error.got) from None
            prepare(config, task.plan.tables, like=task.plan)
