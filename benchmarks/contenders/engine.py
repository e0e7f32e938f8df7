"""thalweg, by the training loop that its commands use."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

import thalweg
from benchmarks.contenders.gate import Gate
from benchmarks.nets import LEARNING_RATE, Weights, Work
from thalweg.data.batches import ArrayBatches
from thalweg.likelihoods import make_likelihood
from thalweg.network import dense_network
from thalweg.optimizers import make_optimizer
from thalweg.training import Hook, Trained, train

EPOCHS = 100_000
"""More than will be asked for."""


class _Held(Hook):
    """Makes training wait at the start of every epoch."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def on_epoch_start(self, epoch: int) -> None:
        self._gate.started()

    def on_epoch_end(self, row: dict[str, Any]) -> None:
        self._gate.ended()


class _Engine:
    version = f"thalweg {thalweg.__version__} on JAX {jax.__version__}"

    def __init__(self, work: Work, x: NDArray[Any], y: NDArray[Any], start: Weights) -> None:
        self._network = dense_network(work.widths[0], work.widths[1:-1], work.widths[-1])
        self._likelihood = make_likelihood("gaussian" if work.task == "regression" else "categorical")
        self._batches = ArrayBatches(x, y, work.batch)
        self._optimizer = make_optimizer(
            "adam", learning_rate=LEARNING_RATE, total_steps=EPOCHS * work.steps, steps_per_epoch=work.steps
        )
        layers = iter(start)
        empty = self._network.init(jax.random.key(0))
        self._params = jax.device_put(
            tuple(dict(zip(("weight", "bias"), next(layers), strict=True)) if layer else layer for layer in empty)
        )
        self._gate = Gate(lambda: self._train(EPOCHS, _Held(self._gate)))

    def warm_up(self, epochs: int) -> Weights:
        trained = self._train(epochs)
        self._params = trained.params
        return [(np.asarray(layer["weight"]), np.asarray(layer["bias"])) for layer in trained.params if layer]

    def epoch(self) -> None:
        self._gate.epoch()

    def _train(self, epochs: int, *hooks: Hook) -> Trained:
        return train(
            self._network,
            self._likelihood,
            self._batches,
            self._optimizer,
            epochs=epochs,
            params=self._params,
            hooks=hooks,
        )


def make(work: Work, x: NDArray[Any], y: NDArray[Any], start: Weights) -> _Engine:
    """Return thalweg's contender."""
    return _Engine(work, x, y, start)
