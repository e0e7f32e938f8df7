"""scikit-learn's multilayer perceptrons; a call of ``partial_fit`` is one epoch."""

from __future__ import annotations

from typing import Any

import numpy as np
import sklearn
from numpy.typing import NDArray
from sklearn.neural_network import MLPClassifier, MLPRegressor

from benchmarks.nets import LEARNING_RATE, Weights, Work


class _Scikit:
    version = f"scikit-learn {sklearn.__version__}"

    def __init__(self, work: Work, x: NDArray[Any], y: NDArray[Any], start: Weights) -> None:
        kind = MLPRegressor if work.task == "regression" else MLPClassifier
        self._net = kind(
            hidden_layer_sizes=work.widths[1:-1],
            solver="adam",
            alpha=0.0,
            batch_size=work.batch,
            learning_rate_init=LEARNING_RATE,
            early_stopping=False,
        )
        self._x, self._y = x, y[:, 0] if work.task == "regression" and y.shape[1] == 1 else y
        self._first: dict[str, Any] = {} if kind is MLPRegressor else {"classes": np.arange(work.widths[-1])}
        # It takes one output for two classes: start with the difference of the two.
        self._halved = work.task == "classification" and work.widths[-1] == 2
        if self._halved:
            (W, b), start = start[-1], start[:-1]
            start = [*start, (W[1:] - W[:1], b[1:] - b[:1])]
        # The arrays exist after a first step, which is then undone.
        self._net.partial_fit(self._x[: work.batch], self._y[: work.batch], **self._first)
        for W, b, (W_0, b_0) in zip(self._net.coefs_, self._net.intercepts_, start, strict=True):
            W[...], b[...] = W_0.T, b_0
        del self._net._optimizer  # noqa: SLF001  it would remember that step

    def warm_up(self, epochs: int) -> Weights:
        for _ in range(epochs):
            self.epoch()
        trained = [(W.T.copy(), b.copy()) for W, b in zip(self._net.coefs_, self._net.intercepts_, strict=True)]
        if self._halved:
            W, b = trained[-1]
            trained[-1] = (np.concatenate([0 * W, W]), np.concatenate([0 * b, b]))
        return trained

    def epoch(self) -> None:
        self._net.partial_fit(self._x, self._y)


def make(work: Work, x: NDArray[Any], y: NDArray[Any], start: Weights) -> _Scikit:
    """Return scikit-learn's contender."""
    return _Scikit(work, x, y, start)
