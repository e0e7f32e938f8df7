"""``thalweg search DATA``: look for better settings, and train with the best."""

from __future__ import annotations

import shlex
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer

from thalweg.cli.flags import SettingsCommand, with_settings
from thalweg.cli.train import Config, Data, result_lines
from thalweg.core.errors import ArgumentError
from thalweg.recipes.config import RunConfig, read_config

if TYPE_CHECKING:
    from rich.console import Console

    from thalweg.runs.search import SearchResult, Trial

PANEL = "Search"
SHOWN = 5
"""Trials of the table on the terminal; the page has all."""

Trials = Annotated[
    int,
    typer.Option("--trials", metavar="N", help="Trials in all, those of earlier calls counted.", rich_help_panel=PANEL),
]
SpaceFile = Annotated[
    Path | None,
    typer.Option(
        "--space", metavar="FILE", help="TOML file of ranges, in place of the default ones.", rich_help_panel=PANEL
    ),
]
Vary = Annotated[
    list[str] | None,
    typer.Option(
        "--search",
        metavar="NAME=RANGE",
        help="A setting to search, beside or in place of a default one: learning_rate=1e-4:1e-1:log, depth=1:3, "
        "activation=relu,gelu, hidden=64,64/256. May be given several times.",
        show_default=False,
        rich_help_panel=PANEL,
    ),
]
Objective = Annotated[
    str,
    typer.Option(
        "--objective",
        metavar="loss|metric",
        help="What is to become small on the validation rows: loss, or metric (error; of numbers rmse).",
        rich_help_panel=PANEL,
    ),
]
Pruner = Annotated[
    str,
    typer.Option(
        "--pruner", metavar="NAME", help="When a trial ends early: median, halving or none.", rich_help_panel=PANEL
    ),
]
Storage = Annotated[
    str | None,
    typer.Option(
        "--storage",
        metavar="FILE",
        help="SQLite file or database URL of the trials; by default study.db in the folder of the search.",
        show_default=False,
        rich_help_panel=PANEL,
    ),
]
Jobs = Annotated[
    int,
    typer.Option("--jobs", metavar="N", help="Processes, which share the processors.", rich_help_panel=PANEL),
]
Timeout = Annotated[
    float | None,
    typer.Option("--timeout", metavar="SECONDS", help="Begin no further trial after this time.", rich_help_panel=PANEL),
]


def search(
    data: Data = None,
    config: Config = None,
    trials: Trials = 50,
    space: SpaceFile = None,
    vary: Vary = None,
    objective: Objective = "loss",
    pruner: Pruner = "median",
    storage: Storage = None,
    jobs: Jobs = 1,
    timeout: Timeout = None,
    **settings: Any,
) -> int:
    """Look for settings that do better on held-out rows of DATA, then train with the best; flags given are fixed."""
    given = (read_config(config) if config is not None else {}) | settings
    if data is not None:
        given["data"] = data
    if "data" not in given:
        raise ArgumentError("DATA", "a file or a bundled name", "nothing", "See: thalweg datasets")
    from rich.console import Console

    from thalweg.cli.engine import keep_compiled

    keep_compiled()
    from thalweg.cli.progress import Live, Reading
    from thalweg.runs.search import search as run_search
    from thalweg.runs.search.space import parse_all, read_space

    console = Console(highlight=False, soft_wrap=True)

    def say(line: str) -> None:
        console.print(line, markup=False)

    with closing(Reading(console)) as reading, _Trials(console, trials) as told:
        found = run_search(
            trials=trials,
            space=None if space is None else read_space(space),
            vary=parse_all(vary or ()),
            objective=objective,
            pruner=pruner,
            storage=storage,
            jobs=jobs,
            timeout=timeout,
            say=told.say,
            told=told,
            progress=reading,
            hooks=(Live(console),),
            **given,
        )
    return _tell(console, found, say)


class _Trials:
    """A line for each trial that ends, and a bar on a terminal."""

    def __init__(self, console: Console, total: int) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self.console, self.known, self.best = console, set[int](), float("inf")
        self.bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self.task = self.bar.add_task("trials", total=total)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def say(self, line: str) -> None:
        """Print a line, with the bar out of the way until a trial ends."""
        self.bar.stop()
        self.console.print(line, markup=False)

    def __call__(self, trials: list[Trial]) -> None:
        first = not self.known
        for trial in trials:
            if trial.number in self.known or trial.state == "running":
                continue
            self.known.add(trial.number)
            if trial.state == "done" and trial.value is not None:
                better = trial.value < self.best
                self.best = min(self.best, trial.value)
            else:
                better = False
            if not (first and len(trials) > SHOWN):  # those of earlier calls are in the table
                self.console.print(trial_line(trial, best=better), markup=False)
        self.bar.start()
        told = f"trials, best {self.best:.5g}" if self.known and self.best < float("inf") else "trials"
        self.bar.update(self.task, completed=sum(t.counts and t.state != "running" for t in trials), description=told)


def trial_line(trial: Trial, *, best: bool = False) -> str:
    """Return a trial in words.

    Example:
        >>> from thalweg.runs.search import Trial
        >>> trial_line(Trial(3, "done", 0.25, {"dropout": 0.1}, 10, 1.5, None), best=True)
        'trial  3  0.25 (best so far)  dropout 0.1  10 epochs, 1.5 s'
    """
    value = "" if trial.value is None else f"{trial.value:.5g} "
    state = "(best so far)" if best else "" if trial.state == "done" else trial.state
    time = f"{trial.epochs} epochs, {trial.seconds or 0:.1f} s"
    parts = [f"trial {trial.number:>2}", f"{value}{state}".strip(), drawn(trial), trial.message or time]
    return "  ".join(part for part in parts if part)


def drawn(trial: Trial) -> str:
    """Return the values of a trial in words."""
    from thalweg.runs.search.page import show

    return ", ".join(f"{name} {show(value)}" for name, value in trial.params.items()) or "settings as given"


def _tell(console: Console, found: SearchResult, say: Any) -> int:
    from rich.table import Table

    table = Table("trial", "loss", found.metric, "settings", "epochs", "seconds", box=None, pad_edge=False)
    done = sorted((t for t in found.trials if t.state == "done"), key=lambda t: (t.value, t.number))
    for trial in [*done[:SHOWN], *(t for t in done[SHOWN:] if not t.params)]:
        numbers = [f"{value:.5g}" for value in (trial.loss, trial.metric) if value is not None]
        table.add_row(f"{trial.number}", *numbers, drawn(trial), f"{trial.epochs}", f"{trial.seconds or 0:.1f}")
    say("")
    console.print(table)
    if found.importances:
        shares = ", ".join(f"{name} {100 * share:.0f} %" for name, share in found.importances.items())
        say(f"what mattered: {shares}")
    if found.trained is not None:
        for line in result_lines(found.trained):
            say(line)
    if found.run is not None:
        folder = shlex.quote(str(found.run))
        say(f"run     {found.run}")
        say(f"next    thalweg predict {folder} NEW_DATA -o predictions.csv")
    say(f"search  {found.report}")
    if found.state == "interrupted":
        say("Interrupted; every finished trial is kept. Go on with the same command.")
        return 130
    if found.state == "left to others":
        say("Other processes still work on this search; the last one trains with the best settings.")
    return 0


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    names = [name for name in RunConfig.model_fields if name != "data"]
    app.command("search", cls=SettingsCommand)(with_settings(search, names))
