"""Quantile regression: several levels at once that never cross."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from thalweg.core.errors import ArgumentError
from thalweg.core.validate import number
from thalweg.likelihoods.likelihood import array_library
from thalweg.likelihoods.links import inverse_softplus, sigmoid, softplus
from thalweg.likelihoods.quantile_moments import interpolated_mean, interpolated_variance
from thalweg.likelihoods.regression import Regression, check_multiple, floor_scale


@dataclasses.dataclass(frozen=True)
class Quantile(Regression):
    r"""The quantiles of targets at Q levels τ, from Q outputs a for each target.

    q_1 = a_1 and q_{j+1} = q_j + ln(1 + e^{a_{j+1}}), so they never cross. The cost is the pinball loss
    Σ_k Σ_j (τ_j - [y_k < q_kj]) (y_k - q_kj), least at the true quantiles whatever the noise is. It is no
    -ln q(y|x; θ), and this family is not ``proper``: its loss compares with that of the same levels only. With
    g_j = [y < q_j] - τ_j the error vector is Σ_j g_j for a_1 and σ(a_i) Σ_{j≥i} g_j for a_i.

    The predictive distribution joins the quantiles: uniform between neighbors, with exponential tails outside.

    Args:
        levels: at least two, increasing, in (0, 1).

    Raises:
        ArgumentError: fewer than two levels, out of order or out of bounds.

    Example:
        >>> cost = Quantile((0.1, 0.9)).cost(jnp.array([[0.0, -1e4]]), jnp.array([[2.0]]))
        >>> round(float(cost[0]), 4)  # (0.1 + 0.9) · 2
        2.0

    Source: Koenker, *Quantile Regression* (2005).
    """

    name: ClassVar[str] = "quantile"
    proper: ClassVar[bool] = False
    levels: tuple[float, ...] = (0.05, 0.25, 0.5, 0.75, 0.95)

    def __post_init__(self) -> None:
        object.__setattr__(self, "levels", _levels(self.levels))

    def quantiles(self, outputs: Float[Array, "batch outputs"]) -> Float[Array, "batch targets levels"]:
        """Return the predicted quantiles, increasing along the last axis; NumPy for NumPy."""
        xp = array_library(outputs)
        raw = outputs.reshape(outputs.shape[0], -1, len(self.levels))
        steps = xp.concatenate([raw[..., :1], softplus(raw[..., 1:])], axis=-1)
        quantiles: Array = xp.cumsum(steps, axis=-1)
        return quantiles

    def cost(self, outputs: Float[Array, "batch outputs"], y: Float[Array, "batch targets"]) -> Float[Array, " batch"]:
        above = y[..., None] - self.quantiles(outputs)
        levels = jnp.asarray(self.levels, outputs.dtype)
        return jnp.sum(jnp.where(above < 0, levels - 1, levels) * above, axis=(-2, -1))

    def error(
        self, outputs: Float[Array, "batch outputs"], y: Float[Array, "batch targets"]
    ) -> Float[Array, "batch outputs"]:
        levels = jnp.asarray(self.levels, outputs.dtype)
        pull = jnp.where(y[..., None] < self.quantiles(outputs), 1 - levels, -levels)
        # An increment moves its own quantile and all above it.
        moved = jnp.cumsum(pull[..., ::-1], axis=-1)[..., ::-1]
        slopes = sigmoid(outputs.reshape(moved.shape)).at[..., 0].set(1)
        return (slopes * moved).reshape(outputs.shape)

    def predictive(self, outputs: Float[Array, "batch outputs"]) -> Any:
        from thalweg.likelihoods.quantile_density import QuantileDensity

        return QuantileDensity(jnp.asarray(self.quantiles(outputs)), self.levels).to_event(1)

    def mean(self, outputs: Float[Array, "batch outputs"]) -> Float[Array, "batch targets"]:
        return interpolated_mean(self.quantiles(outputs), self.levels)

    def std(self, outputs: Float[Array, "batch outputs"]) -> Float[Array, "batch targets"]:
        variance = interpolated_variance(self.quantiles(outputs), self.levels)
        deviations: Array = array_library(outputs).sqrt(variance)
        return deviations

    def target_width(self, outputs: int) -> int:
        return outputs // len(self.levels)

    def output_width(self, y: np.ndarray, classes: int | None = None) -> int:
        return len(self.levels) * super().output_width(y, classes)

    def check(self, outputs: int, y: np.ndarray) -> None:
        check_multiple(self.name, outputs, len(self.levels))
        super().check(outputs, y)

    def output_bias(self, y: np.ndarray, outputs: int | None = None) -> np.ndarray:
        """Return what stands for the quantiles of the targets."""
        del outputs
        values = np.asarray(y, np.float64)
        quantiles = np.quantile(values, self.levels, axis=0).T
        gaps = np.maximum(np.diff(quantiles, axis=1), floor_scale(0.0, values))
        return np.concatenate([quantiles[:, :1], inverse_softplus(gaps)], axis=1).reshape(-1).astype(np.float32)


def _levels(levels: Sequence[float]) -> tuple[float, ...]:
    try:
        values = tuple(number("levels", level, above=0, below=1) for level in levels)
    except TypeError:
        values = ()
    if len(values) < 2 or any(a >= b for a, b in pairwise(values)):
        raise ArgumentError("levels", "at least two increasing numbers between 0 and 1", repr(levels))
    return values
