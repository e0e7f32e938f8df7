"""What the likelihoods of counts share: a log link to the mean, and checks of whole numbers."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from jaxtyping import Array, Float

from thalweg.core.errors import ArgumentError
from thalweg.likelihoods.likelihood import TargetKind, array_library
from thalweg.likelihoods.links import inverse_log_mean, log_mean
from thalweg.likelihoods.regression import Regression, check_columns


class Counts(Regression):
    """A likelihood of counts y ∈ {0, 1, 2 …}^K, the network's output being the logarithm of their mean."""

    targets: ClassVar[TargetKind] = "counts"

    def mean(self, outputs: Float[Array, "batch outputs"]) -> Float[Array, "batch outputs"]:
        mean: Array = array_library(outputs).exp(log_mean(outputs)[0])
        return mean

    def output_width(self, y: np.ndarray, classes: int | None = None) -> int:
        _check_counts(self.name, y)
        return super().output_width(y, classes)

    def check(self, outputs: int, y: np.ndarray) -> None:
        super().check(outputs, y)
        _check_counts(self.name, y)

    def output_bias(self, y: np.ndarray, outputs: int | None = None) -> np.ndarray:
        """Return the log of the mean count; where nothing was counted, as if half of one had been."""
        del outputs
        mean = np.mean(y, axis=0, dtype=np.float64)
        return inverse_log_mean(np.maximum(mean, 0.5 / len(y))).astype(np.float32)


def _check_counts(name: str, y: np.ndarray) -> None:
    check_columns(name, y)
    wrong = np.isfinite(y) & ((y < 0) | (y != np.floor(y)))
    if wrong.any():
        raise ArgumentError(
            "y",
            "counts, whole numbers of at least 0",
            f"{int(wrong.sum())} other value(s), such as {y[wrong][0]:g}",
            "For other numbers use 'gaussian'; counts are neither shifted nor scaled.",
        )
