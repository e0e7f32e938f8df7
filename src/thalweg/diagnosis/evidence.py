"""Evidence: everything rules may read of a run, as plain numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalweg.diagnosis.records import series


@dataclass(frozen=True)
class Evidence:
    """A run on paper.

    Args:
        facts: what was measured before and after training, see `thalweg.diagnosis.facts`.
        log: a line an epoch, as the training loop writes it.
        records: a record an epoch, as instruments write it.
        settings: settings of the run, as far as they are known: ``optimizer``, ``learning_rate``, ``l2`` …
        status: ``"finished"``, ``"stopped early"``, ``"interrupted"`` or ``"diverged"``.
    """

    facts: Mapping[str, Any]
    log: Sequence[Mapping[str, Any]] = ()
    records: Sequence[Mapping[str, Any]] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    status: str = "finished"

    def __post_init__(self) -> None:
        object.__setattr__(self, "facts", _nan_in_lists(self.facts))

    def fact(self, group: str, name: str, default: Any = None) -> Any:
        """Return a fact, or the default where it is not known."""
        value = self.facts.get(group, {}).get(name)
        return default if value is None else value

    def number(self, group: str, name: str) -> float:
        """Return a fact as a number, NaN where it is not known: comparisons with it are false."""
        value = self.fact(group, name)
        return math.nan if value is None else float(value)

    @cached_property
    def epochs(self) -> int:
        """Epochs that were run."""
        return len(self.log)

    def curve(self, name: str) -> NDArray[np.float64]:
        """Return a column of the log, NaN where it is missing."""
        return np.array([row.get(name, math.nan) for row in self.log], np.float64)

    @property
    def train_loss(self) -> NDArray[np.float64]:
        """Training loss by epoch."""
        return self.curve("train_loss")

    @property
    def held_out_loss(self) -> NDArray[np.float64]:
        """Loss on held-out rows by epoch: of the validation set, else of the test set; NaN without either."""
        validation = self.curve("validation_loss")
        return validation if np.isfinite(validation).any() else self.curve("test_loss")

    @property
    def layers(self) -> list[str]:
        """Names of the dense layers, in order."""
        return list(self.fact("network", "names", []))

    @property
    def hidden(self) -> list[str]:
        """Names of the hidden layers."""
        return self.layers[:-1]

    @property
    def levels(self) -> list[int]:
        """How many dense layers stand before each of them, in order: layers side by side have the same number."""
        return list(self.fact("network", "levels", range(len(self.layers))))

    def series(self, quantity: str, layer: str | None = None) -> NDArray[np.float64]:
        """Return a measured quantity by epoch."""
        return series(self.records, quantity, layer)

    def by_layer(self, quantity: str, epochs: slice = slice(None)) -> dict[str, float]:
        """Return the median over epochs of a layer's quantity, for the layers it was measured in."""
        found = {name: self.series(quantity, name)[epochs] for name in self.layers}
        return {name: float(np.median(v[np.isfinite(v)])) for name, v in found.items() if np.isfinite(v).any()}

    def late(self, quantity: str) -> float:
        """Return a quantity of the network late in training: its median over the last quarter of the records.

        Where no instrument measured it, what was measured at the point where training ended, NaN without that.
        """
        measured = self.series(quantity)
        known = measured[-max(1, len(measured) // 4) :]
        known = known[np.isfinite(known)]
        return float(np.median(known)) if known.size else self.number("point", quantity)

    @property
    def stalled(self) -> bool:
        """Whether the training loss no longer falls: by less than 2% of all its fall in the last quarter."""
        loss = self.train_loss
        if len(loss) < 4 or not np.isfinite(loss).all():
            return False
        quarter = max(1, len(loss) // 4)
        late = np.median(loss[-2 * quarter : -quarter]) - np.median(loss[-quarter:])
        # A loss that never fell has no fall to compare with: then with its own size.
        return bool(late < 0.02 * max(loss[0] - loss.min(), 0.1 * abs(loss[0])))

    @property
    def skill(self) -> float:
        """Share of the constant answer's error that the network avoids on training rows; NaN if it gave no answer."""
        return self.number("outcome", "skill")

    @property
    def reachable(self) -> float:
        """Share that the better of two simple guesses avoids: what can be learned at least."""
        return self.number("dependence", "skill")

    @property
    def suffers(self) -> bool:
        """Whether the result is bad: not finite, no better than a constant, or worse than simple guesses."""
        # Two standard errors of the guess's own skill, which is known from a sample of rows.
        chance = 2 * math.sqrt(max(1 - self.reachable, 0.0) / max(self.number("dependence", "rows"), 1.0))
        behind = self.skill < min(0.9 * self.reachable, self.reachable - 0.05) - chance
        return self.broken or self.skill < 0.02 or behind

    @property
    def falling(self) -> float:
        """Fall of the training loss over the last quarter of the epochs, as a share of the fall over all of them."""
        loss = self.train_loss
        if len(loss) < 4 or not np.isfinite(loss).all():
            return math.nan
        quarter = max(1, len(loss) // 4)
        late = np.median(loss[-2 * quarter : -quarter]) - np.median(loss[-quarter:])
        return float(late / max(loss[0] - loss.min(), 1e-12))

    @property
    def waited(self) -> float:
        """Share of the epochs, from the first on, before the training loss had made a tenth of its fall."""
        loss = self.train_loss
        if not loss.size or not np.isfinite(loss).all():
            return math.nan
        return float(np.mean(np.cumprod(loss > loss.min() + 0.9 * (loss[0] - loss.min()))))

    @property
    def roughness(self) -> float:
        """Typical bend of the training loss from one late epoch to the next, as a share of its whole fall."""
        loss = self.train_loss[len(self.train_loss) // 3 :]
        if len(loss) < 5 or not np.isfinite(loss).all():
            return math.nan
        bends = np.abs(np.diff(loss, 2)) / 2
        return float(np.median(bends) / max(self.train_loss[0] - self.train_loss.min(), 1e-12))

    @property
    def broken(self) -> bool:
        """Whether a quantity was not finite."""
        return self.status == "diverged" or self.fact("outcome", "finite", True) is False


def _nan_in_lists(value: Any) -> Any:
    """Return facts with NaN for numbers that a list of them lacks: JSON has null for what was not finite."""
    if isinstance(value, Mapping):
        return {name: _nan_in_lists(item) for name, item in value.items()}
    if isinstance(value, list):
        return [math.nan if item is None else _nan_in_lists(item) for item in value]
    return value
