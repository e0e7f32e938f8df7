"""Memory of segmentation in a process of its own: ``python -m benchmarks.segmentation_worker train|predict SIZE``."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np

import thalweg as tw
from benchmarks.disk_worker import Clock, Resident

BATCH, SIDE = 4096, 512
WINDOW, HIDDEN = 5, (64,)


def images(slices: int, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Return noise, bytes, and a mask of its bright pixels."""
    image = np.random.default_rng(0).integers(0, 256, (slices, side, side), np.uint8)
    return image, (image > 127).astype(np.uint8)


def train(slices: int) -> dict[str, Any]:
    """Train one epoch on all pixels of so many slices."""
    resident, clock = Resident(), Clock(BATCH)
    resident.start()
    image, mask = images(slices, SIDE)
    model = tw.fit_segmentation(
        image, mask, window=WINDOW, hidden=HIDDEN, epochs=1, batch_size=BATCH, likelihood="categorical", hooks=[clock]
    )
    windows = image.size * WINDOW**2 * 4
    assert model.history
    return {"pixels": image.size, "windows": windows, "resident": resident.most, "rate": clock.rate()}


def predict(side: int) -> dict[str, Any]:
    """Predict one image block by block, and from all of its windows at once."""
    small = images(4, 64)
    model = tw.fit_segmentation(*small, window=WINDOW, hidden=HIDDEN, epochs=1, likelihood="categorical")
    image = images(1, side)[0][0]
    model.predict(image[:128, :128])  # compiles

    def whole() -> np.ndarray:
        windows = model.windows.windows(model.volumes(image).values)
        outputs = model.outputs(windows.gather(windows.starts((0, 0, slice(None)))))
        return model.windows.labels(np.asarray(model.likelihood.mean(outputs)).argmax(axis=1)).reshape(image.shape)

    answer: dict[str, Any] = {"side": side}
    masks = []
    for name, work in (("blocks", lambda: model.predict(image)), ("whole", whole)):
        resident = Resident()
        resident.start()
        time.sleep(0.1)
        before, began = resident.most or 0, time.perf_counter()
        masks.append(work())
        answer |= {f"{name}_seconds": time.perf_counter() - began, f"{name}_bytes": (resident.most or 0) - before}
    return answer | {"equal": bool((masks[0] == masks[1]).all())}


if __name__ == "__main__":
    print(json.dumps({"train": train, "predict": predict}[sys.argv[1]](int(sys.argv[2]))))
