"""``thalweg train DATA``: train, test, and leave a run folder."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thalweg.cli.flags import SettingsCommand, with_settings
from thalweg.cli.masks import overlap_lines
from thalweg.core.errors import ArgumentError
from thalweg.recipes.config import RunConfig, make_config, read_config

if TYPE_CHECKING:
    from thalweg.runs.run import Run

Data = Annotated[
    str | None,
    typer.Argument(metavar="[DATA]", help="File, folder of images, or name of a bundled set.", show_default=False),
]
Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="TOML file of settings; flags win over it.", rich_help_panel="Run"),
]
Resume = Annotated[
    Path | None,
    typer.Option("--resume", metavar="RUN", help="Continue an interrupted run.", rich_help_panel="Run"),
]


def train(data: Data = None, config: Config = None, resume: Resume = None, **settings: Any) -> int:
    """Train a network on DATA, test it, and leave a folder with the model and a report."""
    given = (read_config(config) if config is not None else {}) | settings
    if data is not None:
        given["data"] = data
    if resume is not None:
        return run_live(lambda **live: _resume(resume, given, **live))
    if "data" not in given:
        raise ArgumentError("DATA", "a file, a folder, or a bundled name", "nothing", "See: thalweg datasets")
    checked = make_config(given)
    return run_live(lambda **live: start(checked, **live))


def run_live(work: Callable[..., Run]) -> int:
    """Run with progress on the terminal and tell what was left where.

    Returns:
        The exit code: 0, or 130 when interrupted.
    """
    from rich.console import Console

    from thalweg.cli.engine import keep_compiled

    keep_compiled()
    from thalweg.cli.progress import Live, Reading

    console = Console(highlight=False, soft_wrap=True)

    def say(line: str) -> None:
        console.print(line, markup=False)

    reading = Reading(console)
    try:
        done = work(hooks=[Live(console)], say=say, progress=reading)
    finally:
        reading.close()
    from thalweg.runs.diagnosis import checkup_lines
    from thalweg.runs.record import resume_command

    if done.state == "interrupted":
        say(f"Interrupted after {len(done.history)} epochs; everything is saved. Continue with:")
        say(f"  {resume_command(done.path)}")
        return 130
    folder = shlex.quote(str(done.path))
    for line in [*result_lines(done), *checkup_lines(done.path)]:
        say(line)
    say(f"model   {done.path / 'model'}")
    say(f"report  {done.report}")
    say(f"next    thalweg predict {folder} NEW_DATA -o {_answers(done)}")
    say(f"        thalweg evaluate {folder} LABELED_DATA")
    return 0


def result_lines(done: Run) -> list[str]:
    """Return how the run ended, in words."""
    result = done.evaluation
    noun = "pixels" if "segmentation" in result else "rows"
    rows = f"{'test' if done.history and 'test_loss' in done.history[-1] else 'training'} {noun}"
    if whole := result.get("whole"):  # the evaluation is of a sample of these
        result = result | whole | {"mistakes": round(whole.get("error", 0) * whole["rows"])}
    epochs = len(done.history)
    early = f" (stopped early, after {epochs} epochs)" if done.state == "stopped early" else ""
    if result["task"] == "multilabel":
        measure = f"{100 * result['error']:.2f} % of the labels wrong on {result['rows']} {rows}"
    elif "error" in result:
        measure = f"{100 * result['error']:.2f} % wrong: {result['mistakes']} of {result['rows']} {rows}"
    else:
        measure = f"root mean squared error {result['rmse']:.5g} on {result['rows']} {rows}"
    lines = [f"{measure}; trained for {done.seconds:.1f} s{early}"]
    if done.best_epoch is not None and done.best_epoch < epochs:  # the figures above are not those of the last epoch
        lines.append(f"kept    epoch {done.best_epoch} of {epochs}, the best on the rows for early stopping")
    if done.out_of_fold is not None:
        lines.append(_out_of_fold_line(done.out_of_fold, result["task"]))
    return lines + (overlap_lines(result["segmentation"]) if "segmentation" in result else [])


def _out_of_fold_line(score: dict[str, Any], task: str) -> str:
    from thalweg.runs.out_of_fold import FILE

    if "error" in score:
        of = "of the labels of" if task == "multilabel" else "of"
        measure = f"error {100 * score['error']:.2f} % {of}"
    else:
        measure = f"root mean squared error {score['rmse']:.5g} on"
    return f"out-of-fold {measure} {score['rows']} training rows, each judged by networks that never saw it ({FILE})"


def _answers(done: Run) -> str:
    return "masks.npz" if "segmentation" in done.evaluation else "predictions.csv"


def start(config: RunConfig, **live: Any) -> Run:
    """Train in a new run folder."""
    from thalweg.runs.run import train_run

    return train_run(config, **live)


def _resume(path: Path, changes: dict[str, Any], **live: Any) -> Run:
    from thalweg.runs.run import resume

    return resume(path, changes, **live)


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    names = [name for name in RunConfig.model_fields if name != "data"]
    app.command("train", cls=SettingsCommand)(with_settings(train, names))
