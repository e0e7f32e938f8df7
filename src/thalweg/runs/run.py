"""One run from settings to a folder with a model and a report."""

from __future__ import annotations

import math
import os
import shlex
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from thalweg.core.errors import ArgumentError, DataWarning, DivergedError, StorageError, StorageWarning
from thalweg.data.describe import in_short
from thalweg.data.streaming.stream import Progress
from thalweg.deploy import Model, Segmenter
from thalweg.diagnosis import Checkup
from thalweg.likelihoods import Likelihood, Members
from thalweg.network import dense_sites
from thalweg.recipes.config import RunConfig, changed_settings, make_config
from thalweg.recipes.ensemble import Ensemble
from thalweg.recipes.plan import Plan, train_plan
from thalweg.recipes.prepare import prepare
from thalweg.runs import facts
from thalweg.runs.diagnosis import checkup_lines, checkup_of, write_facts
from thalweg.runs.explain.run import EXPLANATION, explain_after
from thalweg.runs.judge import judge
from thalweg.runs.judge_masks import judge_masks
from thalweg.runs.out_of_fold import write_out_of_fold
from thalweg.runs.record import RunFolder, check_free, create_run, read_log, resume_command, resume_run
from thalweg.runs.report import write_report
from thalweg.training import Checkpoints, Hook, RunInfo, Trained, evaluate

MEASURES = ("error", "rmse")
"""What a run is told by in a list of runs."""

Say = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Run:
    """A run that has ended.

    Attributes:
        path: its folder.
        state: ``"finished"``, ``"stopped early"`` or ``"interrupted"``.
        model: the trained network.
        history: a dictionary an epoch.
        evaluation: what the model does on the test rows, or on training rows when there are no others.
        report: path of ``report.html``.
        seconds: of training.
        best_epoch: the epoch whose weights are kept, where early stopping chose it for the one network.
        out_of_fold: with folds their score, see `thalweg.runs.out_of_fold`.
    """

    path: Path
    state: str
    model: Model
    history: list[dict[str, Any]]
    evaluation: dict[str, Any]
    report: Path
    seconds: float
    best_epoch: int | None = None
    out_of_fold: dict[str, Any] | None = None


def train_run(
    config: RunConfig,
    *,
    hooks: Sequence[Hook] = (),
    say: Say = lambda line: None,
    progress: Progress = lambda *_: None,
    brought: frozenset[str] = frozenset(),
) -> Run:
    """Train as ``config`` says and leave a run folder.

    Args:
        config: all settings.
        hooks: follow the training.
        say: is told in plain words what happens.
        progress: is told how far the reading of data that streams from disk is.
        brought: names of what is in the run folder before.

    Returns:
        The run, its folder complete.

    Raises:
        ThalwegError: settings, data or places that cannot be used; no folder is left then.
        DivergedError: training left finite numbers; the folder says where.

    Example:
        >>> import tempfile
        >>> out = tempfile.mkdtemp()
        >>> run = train_run(make_config({"data": "wine", "hidden": 16, "epochs": 5, "out": out}))
        >>> run.state, len(run.history), {"model", "report.html"} <= {path.name for path in run.path.iterdir()}
        ('finished', 5, True)
    """
    started = time.perf_counter()
    if config.out is not None:
        check_free(Path(config.out), brought)  # before the data is read, which may take long
    with use_threads(config.threads):
        plan = prepare(config, say=say, progress=progress)
        folder = create_run(plan.config, brought)
        try:
            folder.status(**_opening(plan.config, plan))
        except BaseException:
            folder.remove()
            raise
        try:
            return _train(folder, plan, hooks, say, started)
        except ArgumentError:  # a setting that only the rows, or the network, show to be out of place
            if not read_log(folder.path):
                folder.remove()
            raise


def resume(
    path: Path | str,
    changes: dict[str, Any],
    *,
    hooks: Sequence[Hook] = (),
    say: Say = lambda line: None,
    progress: Progress = lambda *_: None,
) -> Run:
    """Continue an interrupted or killed run, to the weights it would have reached undisturbed.

    Args:
        path: the run folder.
        changes: settings given beside it; they have to be those of the run.
        hooks: follow the training.
        say: is told in plain words what happens.
        progress: is told how far the reading of data that streams from disk is.

    Raises:
        ArgumentError: a setting, or the data, is not that of the run.
        ModelError: no run folder, damaged, or finished.
        StorageError: in use by another process, or read-only.
    """
    started = time.perf_counter()
    folder, config = resume_run(path)
    if "out" in changes and Path(changes["out"]).resolve() == folder.path.resolve():
        changes = {name: value for name, value in changes.items() if name != "out"}
    with use_threads(config.threads):
        try:
            _check_unchanged(config, make_config(config.model_dump() | changes))
            plan = prepare(config, say=say, progress=progress)
            _check_same_data(folder, config, plan)
            folder.status(state="running")
        except BaseException:
            folder.close()
            raise
        if not folder.checkpoint.is_dir():
            say("no checkpoint yet: training starts from the beginning")
        return _train(folder, plan, hooks, say, started)


def _check_unchanged(old: RunConfig, new: RunConfig) -> None:
    for name in changed_settings(old, new):
        raise ArgumentError(
            name,
            f"{getattr(old, name)!r} as in the run to resume",
            repr(getattr(new, name)),
            "Settings cannot change on the way; start a new run instead.",
        )


def _check_same_data(folder: RunFolder, config: RunConfig, plan: Plan) -> None:
    known = folder.read_status().get("data")
    if isinstance(known, dict) and known.get("hash") != plan.tables.train.hash():
        raise ArgumentError("data", "the rows the run began with", f"other contents of {config.data}")


@contextmanager
def use_threads(threads: int | None, place: int | None = None) -> Iterator[None]:
    """Hold this process to so many processors, which XLA takes as its number of threads, for as long as a block lasts.

    Args:
        threads: how many; None for all.
        place: the first of them; by default one that depends on the process, so that runs side by side do not share
            the first ones.
    """
    if threads is None or not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    allowed = sorted(before)
    start = (os.getpid() if place is None else place) % len(allowed)
    os.sched_setaffinity(0, (allowed[start:] + allowed[:start])[:threads])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _train(folder: RunFolder, plan: Plan, hooks: Sequence[Hook], say: Say, started: float) -> Run:
    try:
        _announce(plan, folder, say)
        checkpoints = Checkpoints(folder.checkpoint, plan.config.checkpoint_seconds)
        checkup = checkup_of(plan.config, folder, plan.settings)
        try:
            trained = train_plan(plan, [_Record(folder), *checkup, *hooks], checkpoints)
        except DivergedError as error:
            history = error.trained.history if isinstance(error.trained, Trained) else []
            _ending(folder, history, started, state="diverged", message=str(error))
            write_facts(folder, checkup, plan, None, None)
            for line in checkup_lines(folder.path):
                say(line)
            _reported(folder.path)
            raise
        return _finish(folder, plan, trained, started, checkup)
    except KeyboardInterrupt:  # outside of the steps, which end in order: while things are compiled, judged or written
        with suppress(StorageError):
            _ending(folder, read_log(folder.path), started, state="interrupted")
        say(f"What is done is in {folder.path}. Continue with:")
        say(f"  {resume_command(folder.path)}")
        raise
    except StorageError as error:
        with suppress(StorageError):  # the place that failed may be this one
            folder.status(state="failed", message=str(error))
        raise
    finally:
        folder.close()


def _finish(folder: RunFolder, plan: Plan, trained: Trained, started: float, checkup: list[Checkup]) -> Run:
    tables = plan.tables
    model = plan.model(trained)
    model.save(folder.model)
    write_facts(folder, checkup, plan, trained, model)
    evaluation = _judged(plan, model)
    held_out = write_out_of_fold(folder.path, model, trained, tables.train)
    folder.write_json("evaluation.json", {"training" if tables.test is None else "test": evaluation} | held_out)
    if plan.config.task == "rows" and (told := explain_after(model, tables, len(trained.history))) is not None:
        folder.write_json(EXPLANATION, told)
    best_epoch = trained.epoch if plan.stopping else None
    seconds = _ending(
        folder,
        trained.history,
        started,
        state=trained.status,
        best_epoch=best_epoch,
        result={key: value for key, value in (evaluation | evaluation.get("whole", {})).items() if key in MEASURES},
        tested=tables.test is not None,
    )
    report = _reported(folder.path)
    kept = None if isinstance(trained, Ensemble) else best_epoch  # each network of an ensemble keeps its own
    history, folds = trained.history, held_out.get("out_of_fold")
    return Run(folder.path, trained.status, model, history, evaluation, report, seconds, kept, folds)


def _reported(path: Path) -> Path:
    """Write the report; where that fails, the run is whole without it, and a warning says how to write it again."""
    try:
        return write_report(path)
    except StorageError as error:
        again = f"thalweg report {shlex.quote(str(path))}"
        warnings.warn(
            f"{error} All else of the run is saved. Write the report again with: {again}", StorageWarning, stacklevel=2
        )
        return path / "report.html"


def _judged(plan: Plan, model: Model) -> dict[str, Any]:
    """Return what the model does on the test rows, or on the training rows when there are no others."""
    part = plan.tables.test or plan.tables.train
    if isinstance(model, Segmenter):
        return judge_masks(model, part.volumes, part.numbers, majority=int(np.bincount(plan.train.y).argmax()))
    result = judge(model, part, plan.tables.train)
    if part.whole is None or model.calibration.way is not None:
        return result
    # The table is a sample; the measure of all rows is that of their batches.
    batches = plan.train if plan.tables.test is None else plan.test
    assert batches is not None, "there are test rows"
    found = evaluate(model.network, model.likelihood, model.params, model.state, batches, model.target_scale()[1])
    del found["loss"]
    return result | {"whole": {"rows": part.total} | found}


class _Record(Hook):
    """Write a line of the log an epoch; a resumed run drops the lines that its checkpoint knows nothing of."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder

    def on_train_start(self, info: RunInfo) -> None:
        self.folder.truncate_log(info.first_epoch - 1)

    def on_epoch_end(self, row: dict[str, Any]) -> None:
        self.folder.log(row)


def _opening(config: RunConfig, plan: Plan) -> dict[str, Any]:
    return {
        # A preset has filled in all it does: what equals a default here was asked for, and must not be filled in again.
        "command": command(config.model_copy(update={"preset": "plain"})),
        "started": datetime.now().astimezone().isoformat(timespec="seconds"),
        "settings": plan.settings,
        "data": plan.facts or facts.data(plan.tables, plan),
        "summary": facts.network(plan),
        "versions": facts.versions(),
        "machine": facts.machine(),
    }


def _ending(folder: RunFolder, history: list[dict[str, Any]], started: float, **changes: Any) -> float:
    seconds = math.fsum(row["seconds"] for row in history)
    times = {"train": seconds, "total": time.perf_counter() - started}
    folder.status(epochs=len(history), seconds=times, **changes)
    return seconds


def _announce(plan: Plan, folder: RunFolder, say: Say) -> None:
    tables = plan.tables
    if tables.shared and tables.test is not None:
        warnings.warn(
            f"{tables.shared} of the {len(tables.test)} test rows also occur in the training set; the test error is "
            "likely lower than that on new data.",
            DataWarning,
            stacklevel=2,
        )
    say(plan.opening or _rows_line(plan))
    if not plan.opening and plan.encoder.columns:
        say(in_short(plan.encoder))
    say(f"{_networks(plan)}, {_likelihood(plan.likelihood)}")
    if plan.step_size is not None:
        say(f"step size {plan.step_size.told}, found by trying {len(plan.step_size.rates)} of them")
    steps = f"{plan.train.steps} minibatch{'es' if plan.train.steps > 1 else ''}"
    say(f"{steps} of {plan.train.batch_size} {'pixels' if plan.opening else 'rows'} an epoch; run folder {folder.path}")
    if (networks := plan.config.networks) > 1:
        say(f"lines of an epoch are means over the {networks} networks; together they usually do better")


def _networks(plan: Plan) -> str:
    networks, parameters = plan.config.networks, facts.network(plan)["parameters"]
    if networks == 1:
        return f"{shape(plan)}, {parameters} parameters"
    folds = f", each without one of {plan.config.cv} folds of the rows" if plan.config.cv else ""
    return f"{networks} networks {shape(plan)}{folds}, {parameters // networks} parameters each, {parameters} in all"


def _likelihood(likelihood: Likelihood) -> str:
    if isinstance(likelihood, Members):
        return f"{likelihood.base.name} likelihood, mixture of {likelihood.members} members"
    return f"{likelihood.name} likelihood"


def _rows_line(plan: Plan) -> str:
    tables = plan.tables
    rows = f"{tables.train.total} training rows"
    if tables.validation is not None:
        rows += f", {tables.validation.total} for early stopping"
    rows += ", no test rows" if tables.test is None else f", {tables.test.total} test rows ({tables.test_origin})"
    return f"{tables.train.name}: {rows}, {plan.encoder.feature_width} inputs, target {_target(plan)}"


def shape(plan: Plan) -> str:
    """Return the widths of the network, such as ``784-512-10``."""
    widths = {site.level: site.product.units for site in dense_sites(plan.network)}
    return "-".join(map(str, [plan.network.inputs, *widths.values()]))


def _target(plan: Plan) -> str:
    targets = plan.encoder.outputs
    if targets.classes is not None:
        order = f": {' < '.join(map(str, targets.classes))}" if targets.kind == "ordered" else ""
        return f"{plan.encoder.target_name or 'y'} ({len(targets.classes)} classes{order})"
    return f"{', '.join(targets.names)} ({targets.kind})"


def _option(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ":".join(map(_option, value)) if isinstance(value, tuple) else str(value)


def command(config: RunConfig) -> list[str]:
    """Return the command line that gives the same settings.

    Example:
        >>> " ".join(command(make_config({"data": "iris", "hidden": "32,16", "residual": True, "epochs": 3})))
        'thalweg train iris --hidden 32,16 --residual --epochs 3'
    """
    words = ["thalweg", "train", config.data]
    for name, field in RunConfig.model_fields.items():
        value = getattr(config, name)
        # Beside a preset a default that was asked for is said: the preset would fill in another value.
        told = config.preset != "plain" and name in config.model_fields_set and value not in (None, {})
        if name in {"data", "out"} or (value == field.default and not told):
            continue
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
        elif isinstance(value, tuple):
            words += [f"--{flag}", ",".join(map(str, value)) or "none"]
        elif isinstance(value, dict):
            words += [f"--{flag}", ",".join(f"{key}={_option(item)}" for key, item in value.items())]
        else:
            words += [f"--{flag}", str(value)]
    return words
