"""Cross entropy of the hardest pixels of a minibatch only."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from thalweg.core.validate import number
from thalweg.likelihoods.categorical import Categorical


@dataclasses.dataclass(frozen=True)
class HardPixels(Categorical):
    r"""Classes by softmax, learned from the share h of a minibatch's pixels that cost most.

    With K the k = ⌈h R⌉ most costly of the R pixels that count (and whatever ties with the last of them),
    L = Σ_{n ∈ K} w_n cost_n / Σ_{n ∈ K} w_n. Pixels that are predicted well already, most of a background, neither
    count nor drown the others.

    Args:
        class_weights: one factor a class for the cost of its pixels.
        label_smoothing: share of the target spread evenly over all classes.
        hard_share: h ∈ (0, 1]; 1 is plain cross entropy.

    Raises:
        ArgumentError: a setting out of bounds.

    Example:
        >>> outputs = jnp.array([[5.0, 0.0], [5.0, 0.0], [0.0, 0.0], [5.0, 0.0]])
        >>> y, weight = jnp.zeros(4, jnp.int32), jnp.full(4, 0.25)
        >>> round(float(HardPixels(hard_share=0.25).loss(outputs, y, weight)), 4)  # ln 2: the third pixel's
        0.6931

    Source: Shrivastava, Gupta & Girshick, *Training Region-based Object Detectors with Online Hard Example Mining*
    (2016).
    """

    name: ClassVar[str] = "hard_pixels"
    hard_share: float = 0.25

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "hard_share", number("hard_share", self.hard_share, above=0, at_most=1))

    def loss(
        self, outputs: Float[Array, "batch outputs"], y: Int[Array, " batch"], weight: Float[Array, " batch"]
    ) -> Float[Array, ""]:
        return self.loss_and_error(outputs, y, weight)[0]

    def loss_and_error(
        self, outputs: Float[Array, "batch outputs"], y: Int[Array, " batch"], weight: Float[Array, " batch"]
    ) -> tuple[Float[Array, ""], Float[Array, "batch outputs"]]:
        cost, error = self.cost_and_error(outputs, y)
        # The choice is held fixed while the gradient is taken. Not a number sorts last: it is chosen, and shows.
        ranked = jax.lax.stop_gradient(jnp.where(weight > 0, cost, -jnp.inf))
        counted = jnp.sum(weight > 0)
        chosen = jnp.maximum(jnp.ceil(self.hard_share * counted).astype(jnp.int32), 1)
        threshold = jnp.sort(ranked)[len(cost) - chosen]
        hard = jnp.where((weight > 0) & ~(ranked < threshold), weight, 0)
        total = jnp.sum(hard)
        hard = hard / jnp.where(total > 0, total, 1)
        return jnp.sum(jnp.where(hard > 0, hard * cost, 0)), error * hard[:, None]
