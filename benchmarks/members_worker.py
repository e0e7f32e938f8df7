"""One contender of the section members: ``python -m benchmarks.members_worker WHO THREADS EPOCHS``; prints JSON."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks.members import BATCH, MEMBERS, STEPS, WIDTHS


def main(who: str, threads: int, epochs: int) -> dict[str, float]:
    """Return seconds of time and of processor time that a step of all members takes, in the fastest epoch."""
    if threads == 1 and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[os.getpid() % 2 :][:1])
    rng = np.random.default_rng(0)
    x = rng.standard_normal((STEPS * BATCH, WIDTHS[0]), dtype=np.float32)
    y = (x[:, 0] + x[:, 1] ** 2 > 1).astype(np.int32)
    if who in {"thalweg", "turns"}:
        return _thalweg(x, y, threads, epochs, together=who == "thalweg")
    return _timed(_torch(x, y, threads, mapped=who == "vmap"), epochs)


def _thalweg(x: Any, y: Any, threads: int, epochs: int, *, together: bool) -> dict[str, float]:
    from thalweg.data.batches import ArrayBatches
    from thalweg.likelihoods import Categorical
    from thalweg.network import dense_network
    from thalweg.optimizers import make_optimizer
    from thalweg.training import Hook, train, train_members

    class Clock(Hook):
        """Both clocks at the end of every epoch."""

        def __init__(self) -> None:
            self.wall: list[float] = []
            self.processor: list[float] = []

        def on_epoch_end(self, row: dict[str, Any]) -> None:
            del row
            self.wall.append(time.perf_counter())
            self.processor.append(time.process_time())

    clock = Clock()
    adam = make_optimizer("adam", learning_rate=1e-3, total_steps=1 << 20, steps_per_epoch=STEPS)
    run = dense_network(WIDTHS[0], WIDTHS[1:-1], WIDTHS[-1]), Categorical(), ArrayBatches(x, y, BATCH), adam
    if together:
        train_members(*run, epochs=epochs + 1, seeds=range(MEMBERS), hooks=[clock], threads=threads)
        factor = 1
    else:
        train(*run, epochs=8 * epochs + 1, hooks=[clock])
        factor = MEMBERS
    wall, processor = (float(np.diff(times).min()) for times in (clock.wall, clock.processor))
    return {"wall": factor * wall / STEPS, "processor": factor * processor / STEPS}


def _torch(x: Any, y: Any, threads: int, *, mapped: bool) -> Callable[[], None]:
    """Return an epoch of PyTorch."""
    import torch
    from torch.nn.functional import cross_entropy

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    rows, targets = torch.from_numpy(x), torch.from_numpy(y.astype(np.int64))
    weights = [torch.randn(MEMBERS, a, b) * (2 / a) ** 0.5 for a, b in pairwise(WIDTHS)]
    biases = [torch.zeros(MEMBERS, 1, b) for b in WIDTHS[1:]]
    leaves = [leaf.requires_grad_() for leaf in (*weights, *biases)]
    adam = torch.optim.Adam(leaves, lr=1e-3, fused=True)

    def batched(xb: Any, yb: Any) -> Any:
        h = xb.expand(MEMBERS, *xb.shape)
        for i, (w, b) in enumerate(zip(weights, biases, strict=True)):
            h = torch.baddbmm(b, h if i == 0 else torch.relu(h), w)
        return cross_entropy(h.flatten(0, 1), yb.repeat(MEMBERS), reduction="sum") / BATCH

    def one(w: Any, b: Any, xb: Any, yb: Any) -> Any:
        h = xb
        for i, (weight, bias) in enumerate(zip(w, b, strict=True)):
            h = (h if i == 0 else torch.relu(h)) @ weight + bias
        return cross_entropy(h, yb)

    every = torch.func.vmap(one, in_dims=(0, 0, None, None))

    def epoch() -> None:
        order = torch.randperm(len(rows))
        xs, ys = rows[order].split(BATCH), targets[order].split(BATCH)
        for xb, yb in zip(xs, ys, strict=True):
            adam.zero_grad(set_to_none=True)
            loss = every(weights, biases, xb, yb).sum() if mapped else batched(xb, yb)
            loss.backward()
            adam.step()

    return epoch


def _timed(epoch: Callable[[], None], epochs: int) -> dict[str, float]:
    epoch()
    wall, processor = [], []
    for _ in range(epochs):
        began = time.perf_counter(), time.process_time()
        epoch()
        wall.append(time.perf_counter() - began[0])
        processor.append(time.process_time() - began[1])
    return {"wall": min(wall) / STEPS, "processor": min(processor) / STEPS}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
