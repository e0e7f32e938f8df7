"""Training as it happens: a bar and a line an epoch on a terminal, plain lines elsewhere."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from thalweg.training import ChunkInfo, Hook, RunInfo

LINES = 100
"""Of a run of more epochs than this, not every one is worth a line."""


class Reading:
    """Show how far the reading of data that streams from disk is; on a terminal alone.

    Args:
        console: where to.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.bar: Progress | None = None
        self.task = TaskID(0)
        self.what = ""

    def __call__(self, what: str, done: int, total: int) -> None:
        """Show that so many units of ``total`` are done of something."""
        if not self.console.is_terminal:
            return
        if what != self.what:
            self.close()
            columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
            self.bar, self.what = Progress(*columns, console=self.console, transient=True), what
            self.task = self.bar.add_task(what, total=total)
            self.bar.start()
        assert self.bar is not None, "opened above"
        self.bar.update(self.task, completed=done)
        if done >= total:
            self.close()

    def close(self) -> None:
        """Take the bar away."""
        if self.bar is not None:
            self.bar.stop()
        self.bar, self.what = None, ""


class Live(Hook):
    """Show each epoch's loss and metric, on training and test rows side by side.

    Args:
        console: where to.
        lines: write a line an epoch; False for the bar alone.
    """

    def __init__(self, console: Console, *, lines: bool = True) -> None:
        self.console, self.lines = console, lines
        self.bar: Progress | None = None
        self.epochs, self.every = 0, 1

    def on_train_start(self, info: RunInfo) -> None:
        self.epochs = info.epochs
        self.every = max(1, info.epochs // LINES)
        if info.first_epoch > 1:
            self.console.print(f"Resumed at epoch {info.first_epoch} of {info.epochs}.", highlight=False)
        if self.console.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self.bar = Progress(*columns, console=self.console, transient=True)
            self.task = self.bar.add_task("compiling", total=info.epochs * info.steps)
            self.bar.start()

    def on_chunk_end(self, info: ChunkInfo) -> None:
        if self.bar is not None:
            done = (info.epoch - 1) * info.steps + info.step
            self.bar.update(self.task, completed=done, description=f"epoch {info.epoch}/{self.epochs}")

    def on_epoch_end(self, row: dict[str, Any]) -> None:
        if not self.lines or (row["epoch"] % self.every and row["epoch"] != self.epochs):
            return
        self.console.print(epoch_line(row, self.epochs), highlight=False, soft_wrap=True)

    def on_train_end(self) -> None:
        if self.bar is not None:
            self.bar.stop()
            self.bar = None


def epoch_line(row: dict[str, Any], epochs: int) -> str:
    """Return an epoch in words.

    Example:
        >>> epoch_line({"epoch": 3, "steps": 469, "train_loss": 0.5, "train_error": 0.1, "seconds": 1.26}, 10)
        'epoch  3/10  469 steps  train loss 0.5000  error 10.00 %  1.3 s'
    """
    width = len(str(epochs))
    parts = [f"epoch {row['epoch']:>{width}}/{epochs}", f"{row['steps']} step{'s' if row['steps'] > 1 else ''}"]
    for name in ("train", "validation", "test"):
        if f"{name}_loss" not in row:
            continue
        parts.append(f"{name} loss {row[f'{name}_loss']:.4f}")
        if f"{name}_error" in row:
            parts.append(f"error {100 * row[f'{name}_error']:.2f} %")
        if f"{name}_rmse" in row:
            parts.append(f"rmse {row[f'{name}_rmse']:.4g}")
    parts.append(f"{row['seconds']:.1f} s" if row["seconds"] >= 0.1 else f"{1000 * row['seconds']:.1f} ms")
    return "  ".join(parts)
