"""Early stopping: when to end, and which epoch to keep."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from thalweg.core.validate import number


@dataclass(frozen=True)
class EarlyStopping:
    """End training when the watched quantity has not improved for ``patience`` epochs, and keep the best epoch's θ.

    Args:
        patience: epochs without improvement that are waited for.
        monitor: a key of the log's rows that should become small.
        min_delta: improvement that counts.
        larger: whether it should become large instead, as a score does.
        anneal: before it ends, training goes back to the best epoch and lets the step size fall from there, in a
            straight line to 0, over this share of the epochs up to it, or until that no longer helps; 0 for an end at
            once.
        since: lines up to this epoch do not count, as where training goes on and may watch other rows.

    Raises:
        ArgumentError: patience below 1, a negative share.

    Example:
        >>> rule = EarlyStopping(patience=2)
        >>> rule.best([{"epoch": 1, "validation_loss": 1.0}, {"epoch": 2, "validation_loss": 2.0}])
        1

    Source: Prechelt 1998, *Early Stopping – But When?*
    """

    patience: int = 10
    monitor: str = "validation_loss"
    min_delta: float = 0.0
    larger: bool = False
    anneal: float = 0.0
    since: int = 0

    def __post_init__(self) -> None:
        number("patience", self.patience, at_least=1, integer=True)
        number("anneal", self.anneal, at_least=0)

    def best(self, history: list[dict[str, Any]]) -> int:
        """Return the epoch to keep, 0 when there is none yet."""
        best_epoch, best = 0, math.inf
        for row in self._counted(history):
            value = -row[self.monitor] if self.larger else row[self.monitor]
            if value < best - self.min_delta:
                best_epoch, best = row["epoch"], value
        return best_epoch

    def ends(self, history: list[dict[str, Any]]) -> bool:
        """Return whether patience is used up."""
        best = self.best(history)
        return len([row for row in self._counted(history) if row["epoch"] > best]) >= self.patience

    def annealing(self, history: list[dict[str, Any]], epochs: int) -> int:
        """Return for how many epochs the step size is to fall from now on; 0 while it is not time.

        It is time once patience is used up, or when no more of all ``epochs`` are left than the fall takes.

        Example:
            >>> rule = EarlyStopping(patience=2, anneal=0.5)
            >>> losses = [3.0, 2.0, 1.0, 0.5, 0.6, 0.7]
            >>> history = [{"epoch": i, "validation_loss": loss} for i, loss in enumerate(losses, start=1)]
            >>> rule.annealing(history, 100), rule.annealing(history[:5], 100), rule.annealing(history[:5], 7)
            (2, 0, 2)
        """
        best = self.best(history)
        if not (self.anneal and best):
            return 0
        length, left = max(1, round(self.anneal * (best - self.since))), epochs - history[-1]["epoch"]
        return min(length, left) if self.ends(history) or left <= length else 0

    def fallen(self, history: list[dict[str, Any]], after: int, last: int) -> bool:
        """Return whether the fall of the step size is over.

        It is after its last epoch, and once its own epochs have not become better for as long as patience lasts: how
        good the epochs before it were does not count, as the first ones of a fall may be worse.

        Args:
            history: the log's rows.
            after: the epoch before the first of the fall.
            last: its last epoch.

        Example:
            >>> history = [{"epoch": i, "validation_loss": loss} for i, loss in enumerate([1, 3, 2, 2, 4], start=1)]
            >>> rule = EarlyStopping(patience=2, anneal=0.5)
            >>> rule.fallen(history[:4], after=1, last=9), rule.fallen(history, after=1, last=9)
            (False, True)
        """
        return bool(history[-1]["epoch"] >= last) or replace(self, since=after).ends(history)

    def _counted(self, history: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the lines that count. Where training went on, some may lack what is watched now."""
        return [row for row in history if row["epoch"] > self.since and row.get(self.monitor) is not None]
