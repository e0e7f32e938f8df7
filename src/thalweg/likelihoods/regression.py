"""What the likelihoods of continuous targets share: targets (batch, outputs) around a predicted location."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Array, Float

from thalweg.core.errors import ArgumentError
from thalweg.likelihoods.likelihood import Likelihood, TargetKind, array_library

SMALLEST_SCALE = 1e-6
"""Noise scales fitted to (nearly) perfect predictions stop here, relative to the spread of the targets."""


class Regression(Likelihood):
    """A likelihood of continuous targets y ∈ R^K, the network's output being their location."""

    targets: ClassVar[TargetKind] = "numbers"
    metric: ClassVar[Literal["error", "rmse"]] = "rmse"

    def score(
        self, outputs: Float[Array, "batch outputs"], y: Float[Array, "batch outputs"]
    ) -> Float[Array, "batch outputs"]:
        squares: Array = array_library(outputs).square(outputs - y)
        return squares

    def mean(self, outputs: Float[Array, "batch outputs"]) -> Float[Array, "batch outputs"]:
        return outputs

    def output_width(self, y: np.ndarray, classes: int | None = None) -> int:
        del classes
        _check_targets(self.name, y)
        return int(y.shape[1])

    def check(self, outputs: int, y: np.ndarray) -> None:
        _check_targets(self.name, y)
        if y.shape[1] != self.target_width(outputs):
            raise ArgumentError(
                "y",
                f"{self.target_width(outputs)} value(s) per row, as a network with {outputs} output(s) predicts",
                f"{y.shape[1]} per row",
                f"Build the network with outputs={self.output_width(y)}.",
            )
        if not np.isfinite(y).all():
            raise ArgumentError(
                "y",
                "finite targets",
                f"{int((~np.isfinite(y)).any(axis=1).sum())} row(s) with missing or infinite values",
                "Remove or fill these rows.",
            )


def _check_targets(name: str, y: np.ndarray) -> None:
    """Check that targets are continuous and have two axes."""
    if y.dtype.kind not in "fiu":
        raise ArgumentError(
            "likelihood",
            "one that produces these targets, such as 'categorical'",
            f"{name!r} for targets of type {y.dtype}",
            "Encode the targets as numbers, or as class numbers for classification.",
        )
    if y.ndim == 1 and y.dtype.kind in "iu":
        raise ArgumentError(
            "likelihood",
            "'categorical' or 'bernoulli' for class numbers",
            f"{name!r}",
            "For regression on counts or whole numbers pass y as float, shape (rows, 1).",
        )
    if y.ndim != 2:
        raise ArgumentError("y", "an array of shape (rows, outputs)", f"shape {y.shape}", "Use y.reshape(-1, 1).")


def floor_scale(scale: float, y: np.ndarray) -> float:
    """Return ``scale``, kept away from zero so that the density stays finite.

    Example:
        >>> floor_scale(0.0, np.array([[1.0], [3.0]]))
        1e-06
    """
    spread = float(np.std(y, dtype=np.float64)) or 1.0
    return max(scale, SMALLEST_SCALE * spread)
