"""What the likelihoods of continuous targets share: targets (batch, outputs) around a predicted location."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Array, Float, Shaped

from thalweg.core.errors import ArgumentError
from thalweg.likelihoods.likelihood import Likelihood, TargetKind, array_library

SMALLEST_SCALE = 1e-6
"""Noise scales fitted to (nearly) perfect predictions stop here, relative to the spread of the targets."""


class Regression(Likelihood):
    """A likelihood of continuous targets y ∈ R^K; unless a family says otherwise, the output is their location."""

    targets: ClassVar[TargetKind] = "numbers"
    metric: ClassVar[Literal["error", "rmse"]] = "rmse"

    def score(
        self, outputs: Float[Array, "batch outputs"], y: Shaped[Array, "batch targets"]
    ) -> Float[Array, "batch targets"]:
        squares: Array = array_library(outputs).square(self.mean(outputs) - y)
        return squares

    def mean(self, outputs: Float[Array, "batch outputs"]) -> Float[Array, "batch targets"]:
        return outputs

    @abstractmethod
    def std(self, outputs: Float[Array, "batch outputs"]) -> Float[Array, "batch targets"]: ...

    def output_width(self, y: np.ndarray, classes: int | None = None) -> int:
        del classes
        check_columns(self.name, y)
        return int(y.shape[1])

    def check(self, outputs: int, y: np.ndarray) -> None:
        check_columns(self.name, y)
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


def check_columns(name: str, y: np.ndarray, kinds: str = "fiu") -> None:
    """Check that targets are numbers and have two axes.

    Args:
        name: of the likelihood, for the message.
        y: targets.
        kinds: accepted NumPy type kinds.

    Raises:
        ArgumentError: naming ``likelihood`` for targets of another kind, ``y`` for a wrong shape.

    Example:
        >>> check_columns("gaussian", np.zeros((3, 1)))
    """
    if y.dtype.kind not in kinds:
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


def check_multiple(name: str, outputs: int, factor: int) -> None:
    """Check that a network gives a whole number of targets ``factor`` outputs each.

    Example:
        >>> check_multiple("heteroscedastic", 4, 2)
    """
    if outputs < factor or outputs % factor:
        raise ArgumentError(
            "likelihood", f"{factor} outputs for each target of {name!r}", f"a network with {outputs} output(s)"
        )


def weighted_location(y: np.ndarray, weight: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Return the location of each column: weighted means from the median on, the weights following the residuals.

    Args:
        y: targets (N, K).
        weight: factors of values at given distances (N, K) from the location, ψ(r) / r of an M-estimator.

    Example:
        >>> weighted_location(np.array([[0.0], [1.0], [50.0]]), lambda r: 1 / np.maximum(np.abs(r), 1)).round(1)
        array([1.], dtype=float32)

    Source: Huber, Ronchetti, *Robust Statistics* (2009), section 7.8.
    """
    values = np.asarray(y, np.float64)
    location = np.median(values, axis=0)
    for _ in range(100):
        factor = weight(values - location)
        previous, location = location, (factor * values).sum(axis=0) / factor.sum(axis=0)
        if np.allclose(location, previous, rtol=1e-7, atol=1e-9 * SMALLEST_SCALE):
            break
    return location.astype(np.float32)


def residual_covariance(location: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the mean of the residuals' outer products (K, K), kept positive definite.

    Example:
        >>> residual_covariance(np.zeros((2, 2)), np.array([[1.0, 0.0], [0.0, 2.0]]))
        array([[0.5, 0. ],
               [0. , 2. ]])
    """
    residual = np.asarray(y, np.float64) - np.asarray(location, np.float64)
    values, vectors = np.linalg.eigh(residual.T @ residual / len(residual))
    kept: np.ndarray = (vectors * np.maximum(values, floor_scale(0.0, y) ** 2)) @ vectors.T
    return kept


def floor_scales(scales: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return one scale a column, kept away from zero as by :func:`floor_scale`.

    Example:
        >>> floor_scales(np.array([0.0, 1.0]), np.array([[1.0, 0.0], [3.0, 0.0]]))
        array([1.e-06, 1.e+00])
    """
    return np.array([floor_scale(float(scale), column) for scale, column in zip(scales, y.T, strict=True)])


def floor_scale(scale: float, y: np.ndarray) -> float:
    """Return ``scale``, kept away from zero so that the density stays finite.

    Example:
        >>> floor_scale(0.0, np.array([[1.0], [3.0]]))
        1e-06
    """
    spread = float(np.std(y, dtype=np.float64)) or 1.0
    return max(scale, SMALLEST_SCALE * spread)
