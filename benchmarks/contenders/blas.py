"""The BLAS limit: the matrix products of training and nothing else, by NumPy into arrays that exist already.

For each layer the forward product x Wᵀ, the gradient δᵀx, and, except into the input, the error vector δW.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.nets import Weights, Work


class _Blas:
    version = f"NumPy {np.__version__}"

    def __init__(self, work: Work, x: NDArray[Any], start: Weights) -> None:
        rng = np.random.default_rng(2)

        def arrays(*shape: int) -> NDArray[np.float32]:
            return rng.standard_normal(shape, dtype=np.float32)

        self._minibatches = x.reshape(-1, work.batch, work.widths[0])
        self._weights = [W for W, _ in start]
        self._h = [arrays(work.batch, m) for m in work.widths[1:]]
        self._delta = [arrays(work.batch, m) for m in work.widths[1:]]
        self._grads = [arrays(m, d) for d, m in pairwise(work.widths)]

    def warm_up(self, epochs: int) -> Weights:
        for _ in range(epochs):
            self.epoch()
        return []

    def epoch(self) -> None:
        weights, h, delta, grads = self._weights, self._h, self._delta, self._grads
        for x in self._minibatches:
            inputs = [x, *h[:-1]]
            for i, W in enumerate(weights):
                np.matmul(inputs[i], W.T, out=h[i])
            for i in reversed(range(len(weights))):
                np.matmul(delta[i].T, inputs[i], out=grads[i])
                if i:
                    np.matmul(delta[i], weights[i], out=delta[i - 1])


def make(work: Work, x: NDArray[Any], y: NDArray[Any], start: Weights) -> _Blas:
    """Return the limit as a contender."""
    del y
    return _Blas(work, x, start)
