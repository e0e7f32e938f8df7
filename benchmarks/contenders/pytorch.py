"""PyTorch: eager or with torch.compile, fused Adam, minibatches gathered from tensors without a DataLoader."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from numpy.typing import NDArray

from benchmarks.nets import LEARNING_RATE, Weights, Work

GATHERED = 32 * 2**20
"""Bytes of rows gathered at once: a gather for many minibatches, sliced, is faster than one for each."""


class _Torch:
    version = f"PyTorch {torch.__version__}"

    def __init__(
        self, work: Work, x: NDArray[Any], y: NDArray[Any], start: Weights, compiled: bool, threads: int
    ) -> None:
        torch.set_num_threads(threads)
        layers: list[torch.nn.Module] = []
        for (d, m), (W, b) in zip(pairwise(work.widths), start, strict=True):
            dense = torch.nn.Linear(d, m)
            dense.weight.data, dense.bias.data = torch.from_numpy(W.copy()), torch.from_numpy(b.copy())
            layers += [dense, torch.nn.ReLU()]
        self._net = torch.nn.Sequential(*layers[:-1])
        self._adam = torch.optim.Adam(self._net.parameters(), lr=LEARNING_RATE, fused=True)
        self._cost = torch.nn.MSELoss() if work.task == "regression" else torch.nn.CrossEntropyLoss()
        self._x, self._y = torch.from_numpy(x), torch.from_numpy(y if y.dtype.kind == "f" else y.astype("int64"))
        self._batch = work.batch
        self._loss = torch.compile(self._minibatch_loss) if compiled else self._minibatch_loss

    def warm_up(self, epochs: int) -> Weights:
        for _ in range(epochs):
            self.epoch()
        dense = [layer for layer in self._net if isinstance(layer, torch.nn.Linear)]
        return [(layer.weight.detach().numpy().copy(), layer.bias.detach().numpy().copy()) for layer in dense]

    def epoch(self) -> None:
        total = torch.zeros(())
        order = torch.randperm(len(self._x))
        for part in order.split(max(1, GATHERED // (4 * self._x.shape[1] * self._batch)) * self._batch):
            x, y = self._x.index_select(0, part), self._y.index_select(0, part)
            for xb, yb in zip(x.split(self._batch), y.split(self._batch), strict=True):
                self._adam.zero_grad(set_to_none=True)
                loss = self._loss(xb, yb)
                loss.backward()
                self._adam.step()
                total += loss.detach()
        total.item()

    def _minibatch_loss(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        value: torch.Tensor = self._cost(self._net(x), y)
        return value


def make(
    work: Work, x: NDArray[Any], y: NDArray[Any], start: Weights, compiled: bool = False, threads: int = 2
) -> _Torch:
    """Return PyTorch's contender."""
    return _Torch(work, x, y, start, compiled, threads)
