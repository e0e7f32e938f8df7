"""A hook that keeps what a step saw, for brute-force checks outside the training program."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from thalweg.training import ChunkInfo, Hook, StepView


class Probe(Hook):
    """Keep parameters, minibatch, gradients and key data of every measured step."""

    def __init__(self) -> None:
        self.measure = _seen
        self.steps: list[dict[str, Any]] = []

    def on_chunk_end(self, info: ChunkInfo) -> None:
        count = len(info.measured["step"])
        self.steps += [jax.tree.map(lambda a, i=i: np.asarray(a)[i], info.measured) for i in range(count)]


def _seen(view: StepView) -> dict[str, Any]:
    return {
        "step": view.step,
        "params": view.params,
        "after": view.after,
        "grads": view.passed.grads,
        "x": view.x,
        "y": view.y,
        "weight": view.weight,
        "key": jax.random.key_data(view.key),
        "rate": view.learning_rate,
    }
