"""Keras 3 by ``model.fit`` on arrays; the backend is chosen by KERAS_BACKEND."""

from __future__ import annotations

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

from itertools import pairwise
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from benchmarks.contenders.gate import Gate
from benchmarks.nets import LEARNING_RATE, Weights, Work

EPOCHS = 100_000
"""More than will be asked for."""

STEPS_A_CALL = 16
"""Minibatches between callbacks, where the backend can do that."""


class _Keras:
    def __init__(self, work: Work, x: NDArray[Any], y: NDArray[Any], start: Weights) -> None:
        backend = keras.config.backend()
        self.version = f"Keras {keras.__version__}"
        if backend == "torch":
            import torch

            torch.set_num_threads(2)
        last = len(work.widths) - 2
        self._model = keras.Sequential(
            [keras.Input((work.widths[0],))]
            + [keras.layers.Dense(m, None if i == last else "relu") for i, (_, m) in enumerate(pairwise(work.widths))]
        )
        self._model.set_weights([array for W, b in start for array in (W.T, b)])
        regression = work.task == "regression"
        self._model.compile(
            optimizer=keras.optimizers.Adam(LEARNING_RATE),
            loss="mse" if regression else keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            # With PyTorch, compiling makes a thread of its own that fit cannot be held in; eager is also faster there.
            jit_compile=backend == "jax",
            steps_per_execution=STEPS_A_CALL if backend == "jax" and work.steps % STEPS_A_CALL == 0 else 1,
        )
        self._arguments = {"x": x, "y": y, "batch_size": work.batch, "shuffle": True, "verbose": 0}
        self._gate = Gate(self._fit)

    def warm_up(self, epochs: int) -> Weights:
        self._model.fit(epochs=epochs, **self._arguments)
        arrays = [np.asarray(array) for array in self._model.get_weights()]
        return [(W.T, b) for W, b in zip(arrays[::2], arrays[1::2], strict=True)]

    def epoch(self) -> None:
        self._gate.epoch()

    def _fit(self) -> None:
        held = keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, logs: self._gate.started(),
            on_epoch_end=lambda epoch, logs: self._gate.ended(),
        )
        self._model.fit(epochs=EPOCHS, callbacks=[held], **self._arguments)


def make(work: Work, x: NDArray[Any], y: NDArray[Any], start: Weights) -> _Keras:
    """Return Keras's contender."""
    return _Keras(work, x, y, start)
