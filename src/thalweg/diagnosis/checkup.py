"""The hook that examines a run: facts before and after, instruments between, findings at the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from thalweg.diagnosis.evidence import Evidence
from thalweg.diagnosis.facts import Subject, facts_after, facts_before
from thalweg.diagnosis.finding import Finding
from thalweg.diagnosis.hook import Instruments
from thalweg.diagnosis.instrument import Instrument
from thalweg.diagnosis.verdict import judge
from thalweg.training import ChunkInfo, RunInfo


class Checkup(Instruments):
    """Examine a network while it trains, and say what is wrong with it.

    Args:
        instruments: as for `Instruments`.
        every: measure every n-th step of an epoch.
        first: measure besides so many steps at the start of each epoch.
        path: append each record to this file.
        settings: settings of the run, which remedies change: ``learning_rate``, ``l2`` …

    Attributes:
        facts: what was measured before and after training.
        last: θ and running statistics after the last whole epoch.

    Example:
        >>> import numpy as np
        >>> import thalweg as tw
        >>> x = np.linspace(-1, 1, 64)[:, None]
        >>> checkup = Checkup()
        >>> model = tw.fit(tw.Network(1, (tw.Dense(8), tw.Dense(1))), x, x**2, hooks=[checkup])
        >>> checkup.findings()[0].cause
        'no_hidden_activation'
    """

    def __init__(
        self,
        instruments: str | Instrument | Iterable[str | Instrument] = "cheap",
        *,
        every: int = 1,
        first: int = 0,
        path: Path | str | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(instruments, every=every, first=first, path=path)
        self.settings = dict(settings or {})
        self.facts: dict[str, Any] = {}
        self._log: list[dict[str, Any]] = []
        self._ended = False

    def evidence(self, status: str = "finished") -> Evidence:
        """Return everything measured so far."""
        status = status if self._ended else "diverged"
        return Evidence(self.facts, self._log, self.history, self.settings, status)

    def findings(self, status: str = "finished") -> list[Finding]:
        """Return what is wrong, the weightiest finding first.

        Args:
            status: how training ended; ``"diverged"`` is known without being told.
        """
        return judge(self.evidence(status))

    def on_train_start(self, info: RunInfo) -> None:
        super().on_train_start(info)
        self._subject = Subject.of(info)
        self.facts, self._log, self._ended = facts_before(self._subject), [], False
        self.last: tuple[Any, Any] = (info.params, info.network.init_state())

    def on_chunk_end(self, info: ChunkInfo) -> None:
        super().on_chunk_end(info)
        if info.step == info.steps:
            self.last = jax.tree.map(np.array, (info.params, info.state))

    def on_epoch_end(self, row: dict[str, Any]) -> None:
        super().on_epoch_end(row)
        self._log.append(row)
        self._ended = True

    def on_epoch_start(self, epoch: int) -> None:
        super().on_epoch_start(epoch)
        self._ended = False

    def on_train_end(self) -> None:
        super().on_train_end()
        self.facts |= facts_after(self._subject, *self.last, max(1, len(self._log)))
