"""What facts are taken of: a network about to be trained, and a sample of its training rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalweg.core.types import Params
from thalweg.data.batches import Batches
from thalweg.data.read_ahead import close
from thalweg.diagnosis.start import sampled_targets
from thalweg.likelihoods import Likelihood
from thalweg.network import Network
from thalweg.optimizers import Optimizer
from thalweg.training import RunInfo

ROWS = 1000
"""Rows that facts are taken over, spread over the set: enough for means, few enough for distances between all pairs."""


@dataclass(frozen=True)
class Subject:
    """A run about to begin.

    Args:
        network: the network.
        likelihood: gives its cost.
        optimizer: gives its updates.
        batches: the training set.
        params: θ_0.
        epochs: epochs at most.
    """

    network: Network
    likelihood: Likelihood
    optimizer: Optimizer
    batches: Batches
    params: Params
    epochs: int

    @staticmethod
    def of(info: RunInfo) -> Subject:
        """Return the subject of a run that a hook is told of."""
        return Subject(info.network, info.likelihood, info.optimizer, info.batches, info.params, info.epochs)

    @cached_property
    def x(self) -> NDArray[np.float64]:
        """Inputs of the sample (n, d)."""
        return np.asarray(self.batches.sample(self._rows), np.float64)

    @cached_property
    def y(self) -> NDArray[Any]:
        """Targets of the sample."""
        return sampled_targets(self.batches, self._rows)

    def seen(self, epoch: int) -> tuple[NDArray[np.float64], NDArray[Any]]:
        """Return rows and targets as an epoch's first minibatches pair them, at most as many as the sample has."""
        chunks = self.batches.chunks(epoch)
        try:
            chunk = next(iter(chunks))
            x = np.array(chunk.x, np.float64).reshape(-1, np.shape(chunk.x)[-1])
            y, weight = np.array(chunk.y), np.array(chunk.weight).ravel()
        finally:
            close(chunks)
        some = np.flatnonzero(weight > 0)[: self._rows]
        return x[some], y.reshape(-1, *y.shape[2:])[some]

    @property
    def _rows(self) -> int:
        return min(ROWS, self.batches.rows)
