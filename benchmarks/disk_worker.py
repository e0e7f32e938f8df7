"""One epoch from disk or from memory: ``python -m benchmarks.disk_worker X.npy disk|memory ROWS``."""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path

import numpy as np

from benchmarks.disk import BATCH, CLASSES, HIDDEN
from benchmarks.machine import status_bytes
from benchmarks.nets import LEARNING_RATE
from thalweg.data.batches import ArrayBatches, Batches
from thalweg.data.disk_batches import DiskBatches
from thalweg.likelihoods import make_likelihood
from thalweg.network import dense_network
from thalweg.optimizers import make_optimizer
from thalweg.training import ChunkInfo, Hook, train


class Clock(Hook):
    """Counts rows from the end of the first chunk, which waits for the compiler."""

    def __init__(self, batch: int = BATCH) -> None:
        self.batch = batch
        self.times: list[tuple[int, float]] = []

    def on_chunk_end(self, info: ChunkInfo) -> None:
        self.times.append((info.step, time.perf_counter()))

    def rate(self) -> float:
        """Return rows a second."""
        (first, began), (last, ended) = self.times[0], self.times[-1]
        return self.batch * (last - first) / (ended - began)


class Resident(threading.Thread):
    """Remembers the most memory this process held that is not of files."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.most: int | None = None

    def run(self) -> None:
        while (now := status_bytes(Path("/proc/self/status"), "RssAnon", "RssShmem")) is not None:
            self.most = max(self.most or 0, now)
            time.sleep(0.01)


def main(file: str, source: str, rows: int) -> None:
    """Train one epoch and print rows a second and the largest memory."""
    resident, clock = Resident(), Clock()
    resident.start()
    x, y = np.load(file, mmap_mode="r")[:rows], np.load(Path(file).with_name("y.npy"))[:rows]
    batches: Batches = DiskBatches(x, y, BATCH) if source == "disk" else ArrayBatches(np.array(x), y, BATCH)
    adam = make_optimizer("adam", learning_rate=LEARNING_RATE, total_steps=batches.steps, steps_per_epoch=batches.steps)
    network = dense_network(x.shape[1], (HIDDEN,), CLASSES)
    trained = train(network, make_likelihood("categorical"), batches, adam, epochs=1, hooks=[clock])
    print(json.dumps({"rate": clock.rate(), "resident": resident.most, "loss": trained.history[-1]["train_loss"]}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
