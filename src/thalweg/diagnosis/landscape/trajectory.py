"""The way training takes: θ at the start and after every epoch, or a spread of them."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from thalweg.core.types import Params
from thalweg.training import ChunkInfo, Hook, RunInfo

MOST = 60
"""Points kept: of a longer run every second, then every fourth epoch, and so on."""


class Trajectory(Hook):
    """Keep θ_0 and θ after epochs, for the directions training went.

    Attributes:
        points: θ in order, as NumPy arrays.

    Example:
        >>> import numpy as np
        >>> import thalweg as tw
        >>> x = np.linspace(-1, 1, 32)[:, None]
        >>> way = Trajectory()
        >>> model = tw.fit(tw.dense_network(1, (4,), 1), x, x**2, epochs=5, hooks=[way])
        >>> len(way.points)
        6
    """

    def __init__(self) -> None:
        self.points: list[Params] = []
        self._every = 1

    def on_train_start(self, info: RunInfo) -> None:
        self.points, self._every = [_copied(info.params)], 1

    def on_chunk_end(self, info: ChunkInfo) -> None:
        if info.step < info.steps or info.epoch % self._every:
            return
        self.points.append(_copied(info.params))
        if len(self.points) > MOST:
            self.points, self._every = self.points[::2], 2 * self._every


def _copied(params: Params) -> Any:
    return jax.tree.map(np.array, params)
