"""The works to measure: nets, their data, and the weights all contenders start from."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEARNING_RATE = 1e-3
"""Of Adam, for all."""

Weights = list[tuple[NDArray[np.float32], NDArray[np.float32]]]
"""(W, b) a layer; W has the shape (outputs, inputs)."""


@dataclass(frozen=True)
class Work:
    """A net and a set to train it on; the ReLU follows every layer but the last.

    Attributes:
        widths: M_0 … M_L.
        batch: rows a minibatch.
        steps: minibatches an epoch; the set has just as many rows, so that no minibatch is a partial one.
        task: ``"regression"`` or ``"classification"``.
        data: which set: ``"curve"``, ``"blobs"`` or ``"mnist"``.
        peers: how many times as fast as the fastest peer thalweg should be.
        blas: share of the BLAS limit it should reach; None where interpreter overhead drowns the products.
    """

    widths: tuple[int, ...]
    batch: int
    steps: int
    task: str
    data: str
    peers: float
    blas: float | None

    @property
    def name(self) -> str:
        """Widths with dashes: 784-512-10."""
        return "-".join(map(str, self.widths))

    @property
    def rows(self) -> int:
        """N."""
        return self.batch * self.steps

    def quick(self) -> Work:
        """Return the same work with a short epoch."""
        return dataclasses.replace(self, steps=max(2, self.steps // 16))


WORKS = {
    work.name: work
    for work in (
        Work((1, 32, 1), 32, 8192, "regression", "curve", 30.0, None),
        Work((30, 128, 128, 2), 128, 1024, "classification", "blobs", 2.5, 0.6),
        Work((784, 512, 10), 128, 256, "classification", "mnist", 1.4, 0.8),
        Work((784, 1024, 1024, 1024, 10), 1024, 8, "classification", "mnist", 1.1, 0.9),
    )
}
"""By name. An epoch takes most contenders between a fifth of a second and a second."""


def data(work: Work) -> tuple[NDArray[np.float32], NDArray[Any]]:
    """Return x (N, M_0) float32 and y: int32 classes (N,), or float32 numbers (N, M_L)."""
    rng = np.random.default_rng(0)
    if work.data == "mnist":
        from thalweg.data.bundled import load_dataset

        table = load_dataset("mnist")[0]
        rows = np.arange(work.rows) % len(table)
        return table.array[rows].astype(np.float32) / 255, table.target_array()[rows].astype(np.int32)
    if work.data == "curve":
        places = rng.uniform(-3, 3, (work.rows, work.widths[0]))
        y = np.sin(places[:, :1]) + 0.1 * rng.standard_normal((work.rows, work.widths[-1]))
        return places.astype(np.float32), y.astype(np.float32)
    classes = work.widths[-1]
    x = rng.standard_normal((work.rows, work.widths[0]), dtype=np.float32)
    pull = x @ rng.standard_normal((work.widths[0], classes)) + rng.gumbel(size=(work.rows, classes))
    return x, np.argmax(pull, axis=1).astype(np.int32)


def weights(work: Work) -> Weights:
    """Return starting weights: He's normal ones, drawn once for all contenders, and no biases."""
    rng = np.random.default_rng(1)
    return [
        ((rng.standard_normal((m, d)) * math.sqrt(2 / d)).astype(np.float32), np.zeros(m, np.float32))
        for d, m in pairwise(work.widths)
    ]


def loss(work: Work, trained: Weights, x: NDArray[np.float32], y: NDArray[Any]) -> float:
    """Return the mean loss, computed alike for all: ½ of the squared error, or -ln of the class's probability."""
    h = x
    for W, b in trained[:-1]:
        h = np.maximum(h @ W.T + b, 0)
    outputs = (h @ trained[-1][0].T + trained[-1][1]).astype(np.float64)
    if work.task == "regression":
        return float(0.5 * np.mean(np.sum((outputs - y) ** 2, axis=1)))
    top = outputs.max(axis=1)
    log_sum = top + np.log(np.sum(np.exp(outputs - top[:, None]), axis=1))
    return float(np.mean(log_sum - outputs[np.arange(len(y)), y]))
