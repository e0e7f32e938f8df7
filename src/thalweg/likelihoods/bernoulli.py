"""Two classes: sigmoid of one output, binary cross entropy."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, Literal

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from thalweg.core.errors import ArgumentError
from thalweg.likelihoods.labels import (
    binary_cross_entropy,
    check_class_numbers,
    class_frequencies,
    class_weights,
    label_smoothing,
)
from thalweg.likelihoods.likelihood import Likelihood, TargetKind, array_library


@dataclasses.dataclass(frozen=True)
class Bernoulli(Likelihood):
    r"""One of two classes y ∈ {0, 1}, with one output as the logit a of class 1, f = σ(a).

    -ln q(y|x; θ) = -y ln σ(a) - (1 - y) ln(1 - σ(a)), with error vector δ_L = σ(a) - y. Label smoothing ε replaces y by
    (1 - ε) y + ε / 2; class weights multiply both by w_y. Equals the softmax of two outputs whose difference is a.

    Args:
        class_weights: factors for the cost of examples of class 0 and 1; the mean cost is not divided by them.
        label_smoothing: share ε ∈ [0, 1) of the target spread evenly over both classes.

    Raises:
        ArgumentError: not two weights, negative weights, or smoothing outside [0, 1).

    Example:
        >>> cost = Bernoulli().cost(jnp.zeros((1, 1)), jnp.array([1]))
        >>> round(float(cost[0]), 4)  # ln 2
        0.6931

    Source: Bishop, *Pattern Recognition and Machine Learning* (2006), section 5.2.
    """

    name: ClassVar[str] = "bernoulli"
    targets: ClassVar[TargetKind] = "classes"
    metric: ClassVar[Literal["error", "rmse"]] = "error"
    class_weights: tuple[float, ...] | None = None
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "class_weights", class_weights(self.class_weights))
        object.__setattr__(self, "label_smoothing", label_smoothing(self.label_smoothing))
        if self.class_weights is not None and len(self.class_weights) != 2:
            raise ArgumentError("class_weights", "2 numbers, one a class", repr(self.class_weights))

    def cost_and_error(
        self, outputs: Float[Array, "batch 1"], y: Int[Array, " batch"]
    ) -> tuple[Float[Array, " batch"], Float[Array, "batch 1"]]:
        positive = y == 1
        cost, error = binary_cross_entropy(outputs[..., 0], positive, self.label_smoothing)
        if self.class_weights is not None:
            weight = jnp.where(positive, self.class_weights[1], self.class_weights[0]).astype(outputs.dtype)
            cost, error = weight * cost, weight * error
        return cost, error[..., None]

    def predictive(self, outputs: Float[Array, "batch 1"]) -> Any:
        from numpyro.distributions import Bernoulli as Density

        return Density(logits=outputs[..., 0])

    def score(self, outputs: Float[Array, "batch 1"], y: Int[Array, " batch"]) -> Float[Array, "batch 1"]:
        # A logit of exactly 0 counts as class 0; not a number is a mistake.
        right = array_library(outputs).where(y[..., None] == 1, outputs > 0, outputs <= 0)
        mistakes: Array = (~right).astype(outputs.dtype)
        return mistakes

    def mean(self, outputs: Float[Array, "batch 1"]) -> Float[Array, "batch 2"]:
        xp = array_library(outputs)
        logits = xp.concatenate([-outputs, outputs], axis=-1)
        power = xp.exp(-xp.abs(logits))  # below 1: neither probability overflows
        probabilities: Array = xp.where(logits > 0, 1, power) / (1 + power)
        return probabilities

    def check(self, outputs: int, y: np.ndarray) -> None:
        if outputs != 1:
            raise ArgumentError(
                "likelihood",
                "one output for 'bernoulli'",
                f"a network with {outputs}",
                "Use 'categorical' for one output a class.",
            )
        check_class_numbers(self.name, 2, y)

    def target_width(self, outputs: int) -> int:
        return 2

    def output_width(self, y: np.ndarray, classes: int | None = None) -> int:
        if classes is not None and classes > 2:
            raise ArgumentError(
                "likelihood", "'categorical' for more than 2 classes", f"'bernoulli' for {classes} classes"
            )
        check_class_numbers(self.name, 2, y)
        return 1

    def output_bias(self, y: np.ndarray, outputs: int | None = None) -> np.ndarray:
        """Return the log odds of class 1."""
        del outputs
        negative, positive = class_frequencies(y, 2, self.class_weights, self.label_smoothing)
        return np.array([np.log(positive / negative)], np.float32)
