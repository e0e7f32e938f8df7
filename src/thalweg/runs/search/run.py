"""A search from settings to a table of trials and a run with the best of them."""

from __future__ import annotations

import dataclasses
import json
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from thalweg.core.errors import ArgumentError, StorageError, ThalwegError
from thalweg.core.files import storage_errors
from thalweg.core.locks import take_lock
from thalweg.core.registry import lookup
from thalweg.core.validate import number
from thalweg.data.streaming.stream import Progress
from thalweg.recipes.config import RunConfig, make_config
from thalweg.runs.record import check_free, read_status
from thalweg.runs.run import Run, Say, resume, train_run, use_threads
from thalweg.runs.search.crew import Crew
from thalweg.runs.search.result import SearchResult, collect, write_result
from thalweg.runs.search.space import Space, parse, plain, resolve
from thalweg.runs.search.study import FILE, LOCK, PRUNERS, Study, Trial, import_optuna, worker
from thalweg.runs.search.trial import Task, open_task, run_trial
from thalweg.training import Hook

OURS = {FILE, LOCK, "search.json", "trials.csv", "search.html"}

Told = Callable[[list[Trial]], None]


@dataclass(frozen=True)
class Request:
    """What is asked of a search, as plain values that a process can hand to another.

    Attributes:
        given: settings that are fixed, ``data`` among them.
        trials: how many in all, those of earlier calls counted.
        out: folder of the search.
        storage: an SQLite file or a database's URL; None for a file in the folder.
        space: ranges in place of the default ones, None for those.
        vary: ranges that are added, or replace those of their names.
        objective: what is to become small: ``"loss"`` or ``"metric"``, on validation rows.
        pruner: rule that ends a trial early.
        timeout: seconds after which no further trial begins; None for no limit.
        place: number of the process among those that work on it.
        threads: processors of each process.
    """

    given: dict[str, Any]
    trials: int
    out: str
    storage: str | None = None
    space: dict[str, Any] | None = None
    vary: dict[str, Any] = field(default_factory=dict)
    objective: str = "loss"
    pruner: str = "median"
    timeout: float | None = None
    place: int = 0
    threads: int | None = None


def search(
    data: str,
    *,
    trials: int = 50,
    space: Mapping[str, Any] | None = None,
    vary: Mapping[str, Any] | None = None,
    objective: str = "loss",
    pruner: str = "median",
    storage: str | None = None,
    jobs: int = 1,
    timeout: float | None = None,
    say: Say = lambda line: None,
    told: Told = lambda trials: None,
    progress: Progress = lambda *_: None,
    hooks: tuple[Hook, ...] = (),
    **settings: Any,
) -> SearchResult:
    """Search settings that make the loss on validation rows small, and train once more with the best ones.

    Trial 0 has the settings as given; further ones are drawn by tree-structured Parzen estimators. Test rows are held
    out before and seen by the last training alone. The same call again goes on where the last one ended, and several
    processes may work on one search at a time.

    Args:
        data: file, or name of a bundled set.
        trials: how many in all, those of earlier calls counted.
        space: ranges by setting, in place of the default `SPACE`: ``"1e-4:1e-1:log"``, ``[64, 128]``, or a table of
            ``low``, ``high`` and ``scale``.
        vary: ranges that are added to the default ones, or replace those of their names.
        objective: ``"loss"``, the mean of -ln q, or ``"metric"``, the error (of numbers: rmse).
        pruner: ``"median"``, ``"halving"`` or ``"none"``.
        storage: an SQLite file or a database's URL; by default a file in the folder of the search.
        jobs: processes, which share the processors.
        timeout: seconds after which no further trial begins.
        say: is told in plain words what happens.
        told: is told the trials whenever one has ended.
        progress: is told how far the reading of data that streams from disk is.
        hooks: follow the last training.
        settings: of every trial, as of ``thalweg train``; ``out`` is the folder of the search, by default
            ``runs/search-DATA``.

    Returns:
        Trials, the best of them, and its run.

    Raises:
        ThalwegError: settings, ranges or data that cannot be used, or a folder that holds another search.

    Example:
        >>> import tempfile
        >>> found = search("wine", trials=3, epochs=2, out=tempfile.mkdtemp(), vary={"width": [4, 8]})
        >>> len(found.trials), found.best is not None, found.run is not None
        (3, True, True)

    Source: Bergstra et al., *Algorithms for Hyper-Parameter Optimization* (2011); Akiba et al., *Optuna* (2019).
    """
    import_optuna()
    number("trials", trials, at_least=1, integer=True)
    number("jobs", jobs, at_least=1, integer=True)
    lookup(PRUNERS, pruner, "pruner")
    if timeout is not None:
        number("timeout", timeout, above=0)
    given = {"data": data, **settings}
    out = Path(str(given.pop("out", None) or _place(data)))
    request = Request(
        given,
        int(trials),
        str(out),
        storage,
        None if space is None else {name: plain(entry) for name, entry in space.items()},
        {name: plain(entry) for name, entry in (vary or {}).items()},
        objective,
        pruner,
        timeout,
        threads=make_config(given).threads,
    )
    with use_threads(request.threads if jobs == 1 else None):
        return _search(request, int(jobs), say, told, progress, hooks)


def _search(
    request: Request, jobs: int, say: Say, told: Told, progress: Progress, hooks: tuple[Hook, ...]
) -> SearchResult:
    began = time.perf_counter()
    out = Path(request.out)
    _check_folder(out)
    task = task_of(request, say, progress)
    study = open_study(request, task)
    study.bury()
    _announce(task, study, request, say)
    told(study.trials())
    try:
        if jobs == 1:
            with worker(out) as name:
                ended = work(request, task, study, name, told)
        else:
            ended = Crew(request, jobs).work(lambda: told(study.trials()))
    except KeyboardInterrupt:
        ended = False
    found = collect(task, study, out, "finished" if ended else "interrupted", time.perf_counter() - began)
    if not any(trial.state == "done" for trial in found.trials) and ended:
        raise _hopeless(found.trials)
    if ended and found.best is not None:
        found = _finish(request, task, found, say, hooks)
    write_result(found)
    return found


def work(request: Request, task: Task, study: Study, name: str, told: Told = lambda trials: None) -> bool:
    """Run trials until as many as asked for have begun, or time is up.

    Returns:
        False when a trial was interrupted.
    """
    study.sample_from(task.base.seed, request.place)
    began = time.monotonic()
    while request.timeout is None or time.monotonic() - began < request.timeout:
        trial = study.ask(request.trials, name)
        if trial is None:
            break
        if not run_trial(task, study, trial):
            return False
        told(study.trials())
    return True


def task_of(request: Request, say: Say = lambda line: None, progress: Progress = lambda *_: None) -> Task:
    """Read the rows and resolve the ranges of a search.

    Args:
        request: what is asked.
        say: is told in plain words what happens to data that streams from disk.
        progress: is told how far that is.

    Raises:
        ThalwegError: what cannot be used.
    """

    def read(entries: Mapping[str, Any]) -> Space:
        return {name: parse(name, entry) for name, entry in entries.items()}

    own, added = None if request.space is None else read(request.space), read(request.vary)

    def space(usual: Mapping[str, Any]) -> Space:
        return resolve(request.given, own, added, usual)

    asked = {**(own or {}), **added}
    return open_task(request.given, request.objective, asked, space, say, progress)


def open_study(request: Request, task: Task) -> Study:
    """Open the study of a search, or make it.

    Raises:
        ArgumentError: the folder or storage holds another search.
        StorageError: it cannot be used.
    """
    out = Path(request.out)
    with storage_errors("create the folder of the search", out):
        out.mkdir(parents=True, exist_ok=True)
    study = Study(out, request.storage, request.pruner, _settled(task.plan.config))
    study.agree(task.identity)
    return study


def _settled(config: RunConfig) -> int:
    """Return the epochs after which trials can be compared.

    The first third of a course of falling step sizes tells nothing: large ones look bad until they fall. Where the step
    size stays until progress ends, all of a trial tells, once it is under way.
    """
    return (config.patience or 1) if config.anneal else config.epochs // 3


def _check_folder(out: Path) -> None:
    """Refuse a place that holds something else than a search."""
    if not out.exists() or (out / FILE).is_file() or (out / "search.json").is_file():
        return
    if out.is_dir() and {entry.name for entry in out.iterdir()} <= {LOCK}:
        return
    check_free(out)


def _place(data: str) -> Path:
    name = re.sub(r"[^\w.-]+", "-", Path(data).stem or "data")
    return Path("runs") / f"search-{name}"


def _announce(task: Task, study: Study, request: Request, say: Say) -> None:
    tables = task.plan.tables
    known = sum(trial.counts for trial in study.trials())
    assert tables.validation is not None, "a search has validation rows"
    say(f"{tables.train.name}: {tables.train.total} training rows, {tables.validation.total} to compare trials on")
    say("searched: " + "; ".join(f"{name} {each}" for name, each in task.space.items()))
    goes_on = f"; {known} of {request.trials} trials are there already" if known else ""
    say(f"folder {request.out}{goes_on}")


def _hopeless(trials: list[Trial]) -> ThalwegError:
    last = next((trial.message for trial in reversed(trials) if trial.message), "none was finished")
    return ArgumentError("search", "a trial that comes to its end", f"{len(trials)} that failed", f"The last: {last}")


def _finish(request: Request, task: Task, found: SearchResult, say: Say, hooks: tuple[Hook, ...]) -> SearchResult:
    """Train with the best settings, unless other processes still look for better ones."""
    assert found.best is not None, "checked by the caller"
    if any(trial.state == "running" for trial in found.trials):
        return dataclasses.replace(found, state="left to others")
    out = Path(request.out)
    lock = take_lock(out / ".best")
    if lock is None:
        return dataclasses.replace(found, state="left to others")
    with lock:
        run = _refit(request, task, found.best, out / f"trial-{found.best.number}", say, hooks)
    with suppress(OSError):
        (out / ".best").unlink()
    if isinstance(run, Run) and run.state == "interrupted":
        return dataclasses.replace(found, state="interrupted")
    return dataclasses.replace(found, run=out / f"trial-{found.best.number}", trained=run)


def _refit(request: Request, task: Task, best: Trial, path: Path, say: Say, hooks: tuple[Hook, ...]) -> Run | None:
    if path.exists():
        with suppress(StorageError, ThalwegError):
            state = read_status(path).get("state")
            if state in {"finished", "stopped early"}:
                say(f"the best trial, {best.number}, is trained already")
                return None
            if state == "interrupted":
                return resume(path, {}, hooks=hooks, say=say)
    say(f"training with the settings of trial {best.number}")
    config = task.last(request.given, best.params)
    return train_run(config.model_copy(update={"out": str(path)}), hooks=hooks, say=say)


def main(text: str) -> int:
    """Work on a search in a process of its own.

    Args:
        text: the request as JSON.

    Returns:
        The exit code: 0, or 130 when interrupted.
    """
    request = Request(**json.loads(text))
    with use_threads(request.threads, request.place * (request.threads or 0)):
        task = task_of(request)
        study = open_study(request, task)
        with worker(Path(request.out)) as name:
            return 0 if work(request, task, study, name) else 130
