"""The hook that measures: instruments traced into the training program, on a schedule, a record an epoch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import Array
from numpy.typing import NDArray

from thalweg.core.files import append_line
from thalweg.core.plain import plain
from thalweg.core.registry import lookup
from thalweg.core.types import Params
from thalweg.core.validate import number
from thalweg.diagnosis.instrument import NETWORK, Instrument, MeasuredRun, Values
from thalweg.diagnosis.records import SCHEMA, Record, series
from thalweg.diagnosis.registry import choose
from thalweg.diagnosis.step import Step
from thalweg.network import Site, dense_sites
from thalweg.training import ChunkInfo, Hook, RunInfo, StepView


@dataclass(frozen=True)
class _Measured:
    """What is traced into the program; equal for equal instruments, so that a compiled program serves again."""

    instruments: tuple[Instrument, ...]
    sites: tuple[Site, ...]

    def __call__(self, view: StepView) -> dict[str, Values]:
        step = Step(view, self.sites)
        found: dict[str, Any] = {one.name: one.measure(step) for one in self.instruments}
        return found | {"": {NETWORK: {"rows": step.rows}}}


@dataclass(frozen=True)
class _Read:
    """What instruments read of θ before and after the update."""

    instruments: tuple[Instrument, ...]
    sites: tuple[Site, ...]

    def __call__(self, params: Params, number: Array) -> dict[str, Any]:
        return {one.name: one.read(params, number, self.sites) for one in self.instruments}


@dataclass(frozen=True)
class _Due:
    """Which steps are measured: the first ones of an epoch, and every n-th."""

    every: int
    first: int
    steps: int

    def __call__(self, step: Array) -> Array:
        place = step % self.steps
        return (place % self.every == 0) | (place < self.first)


class Instruments(Hook):
    """Measure a network while it trains.

    Several hooks with schedules of their own may share a run and a file. Steps in which a hook with ``every`` above 1
    is not due run the program of a run without it.

    Args:
        instruments: names in ``INSTRUMENTS``, the groups ``"cheap"``, ``"examples"``, ``"curvature"`` and ``"all"``,
            instruments with settings of their own, or several of these.
        every: measure every n-th step of an epoch, its first one included.
        first: measure besides so many steps at the start of each epoch.
        path: append each record as a JSON line to this file, ``instruments.jsonl`` in a run folder.

    Attributes:
        history: a record an epoch, see `thalweg.diagnosis.records`.
        unsupported: instrument ↦ why it cannot measure this run, once training has started.

    Raises:
        ArgumentError: an unknown instrument, or numbers below 1.

    Example:
        >>> import numpy as np
        >>> import thalweg as tw
        >>> x = np.linspace(-1, 1, 64)[:, None]
        >>> instruments = Instruments("cheap")
        >>> model = tw.fit(tw.dense_network(1, (16,), 1), x, x**2, epochs=3, hooks=[instruments])
        >>> instruments.series("error_rms", "2").shape
        (3,)
    """

    def __init__(
        self,
        instruments: str | Instrument | Iterable[str | Instrument] = "cheap",
        *,
        every: int = 1,
        first: int = 0,
        path: Path | str | None = None,
    ) -> None:
        self.instruments = choose(instruments)
        self.every = number("every", every, at_least=1, integer=True)
        self.first = number("first", first, at_least=0, integer=True)
        self.path = None if path is None else Path(path)
        self.history: list[Record] = []
        self.unsupported: dict[str, str] = {}

    def series(self, quantity: str, layer: str | None = None) -> NDArray[np.float64]:
        """Return a quantity over the epochs, of a layer by its name or of the network; NaN where it was not finite.

        Raises:
            ArgumentError: none of the instruments measures it.
        """
        known = {name: name for one in self.instruments for name in one.quantities}
        lookup(known, quantity, "quantity")
        return series(self.history, quantity, layer)

    def on_train_start(self, info: RunInfo) -> None:
        sites = dense_sites(info.network)
        self._run = MeasuredRun(info, sites)
        reasons = {one.name: one.unsupported(self._run) for one in self.instruments}
        self.unsupported = {name: reason for name, reason in reasons.items() if reason}
        self.active = tuple(one for one in self.instruments if one.name not in self.unsupported)
        self.history = []
        self._constants = [one.prepare(self._run) for one in self.active]
        self.measure, self.read = _Measured(self.active, sites), _Read(self.active, sites)
        self.due = None if self.every == 1 else _Due(self.every, self.first, info.steps)
        self._chunks: list[Any] = []
        self._epoch, self._params = info.first_epoch, info.params

    def on_chunk_end(self, info: ChunkInfo) -> None:
        self._chunks.append(info.measured)
        self._epoch, self._params = info.epoch, info.params
        if info.step == info.steps:
            # θ is read now: the next step takes over its memory.
            self._close(complete=True)

    def on_train_end(self) -> None:
        if self._chunks:
            self._close(complete=False)

    def _close(self, *, complete: bool) -> None:
        values = jax.tree.map(lambda *parts: np.concatenate(parts), *self._chunks)
        self._chunks = []
        record = self._record(values, self._params) | {"complete": complete}
        self.history.append(record)
        if self.path is not None:
            append_line(self.path, record)

    def _record(self, values: dict[str, Values], params: Params) -> Record:
        rows = values[""][NETWORK]["rows"]
        record: Record = {"schema_version": SCHEMA, "epoch": self._epoch, "steps": len(rows), "rows": float(rows.sum())}
        if not self.history and self.unsupported:
            record["unsupported"] = self.unsupported
        # A value that is not finite, or far out of range, is an answer too: it becomes null.
        with np.errstate(all="ignore"):
            parts = [one.summarize(values[one.name], self._run, params) for one in self.active]
        record[NETWORK], record["layers"] = {}, {site.name: {} for site in self._run.sites}
        for part in (*self._constants, *parts):
            for place, quantities in part.items():
                (record[NETWORK] if place == NETWORK else record["layers"][place]).update(quantities)
        plain_record: Record = plain(record)
        return plain_record
