"""Classes: softmax of the outputs, cross entropy."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from thalweg.core.errors import ArgumentError
from thalweg.likelihoods.labels import check_class_numbers, class_frequencies, class_weights, label_smoothing, mistakes
from thalweg.likelihoods.likelihood import Likelihood, TargetKind, array_library


@dataclasses.dataclass(frozen=True)
class Categorical(Likelihood):
    r"""One of C classes, with the network's outputs as logits a, ŷ = softmax(a).

    -ln q(y|x; θ) = -Σ_c t_c ln ŷ_c with the target t one-hot, and error vector δ_L = ŷ - t. With label smoothing ε the
    target is t_c = (1 - ε) [c = y] + ε / C; with class weights both are multiplied by w_y. The largest logit is
    subtracted first, so nothing overflows.

    Args:
        class_weights: one factor a class for the cost of its examples; the mean cost is not divided by them.
        label_smoothing: share ε ∈ [0, 1) of the target spread evenly over all classes.

    Raises:
        ArgumentError: negative weights, or smoothing outside [0, 1).

    Example:
        >>> cost = Categorical().cost(jnp.zeros((1, 10)), jnp.array([3]))
        >>> round(float(cost[0]), 4)  # ln 10
        2.3026

    Source: Goodfellow, Bengio, Courville, *Deep Learning* (2016), section 6.2.2.3; label smoothing: Szegedy et al.,
    *Rethinking the Inception Architecture for Computer Vision* (2016).
    """

    name: ClassVar[str] = "categorical"
    targets: ClassVar[TargetKind] = "classes"
    metric: ClassVar[Literal["error", "rmse"]] = "error"
    class_weights: tuple[float, ...] | None = None
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "class_weights", class_weights(self.class_weights))
        object.__setattr__(self, "label_smoothing", label_smoothing(self.label_smoothing))

    def cost_and_error(
        self, outputs: Float[Array, "batch outputs"], y: Int[Array, " batch"]
    ) -> tuple[Float[Array, " batch"], Float[Array, "batch outputs"]]:
        classes = outputs.shape[-1]
        # Class numbers are compared with 0 … C-1 in place of a one-hot array and its product: the comparison melts
        # into the loops around it.
        true = y[..., None] == jnp.arange(classes)
        largest = jax.lax.stop_gradient(jnp.max(outputs, axis=-1, keepdims=True))
        shifted = outputs - largest
        powers = jnp.exp(shifted)
        total = jnp.sum(powers, axis=-1, keepdims=True)
        cost = jnp.log(total[..., 0]) - jnp.sum(jnp.where(true, shifted, 0), axis=-1)
        target = jnp.where(true, 1.0, 0.0).astype(outputs.dtype)
        if self.label_smoothing:
            spread = self.label_smoothing / classes
            # Σ_c t_c (ln Σ - a_c) = cost + ε a_y - ε/C Σ_c a_c
            cost = cost + jnp.sum(
                jnp.where(true, self.label_smoothing - spread, -spread).astype(outputs.dtype) * shifted, axis=-1
            )
            target = jnp.where(true, 1 - self.label_smoothing + spread, spread).astype(outputs.dtype)
        error = powers * (1 / total) - target
        if self.class_weights is not None:
            weights = jnp.asarray(self.class_weights, outputs.dtype)
            weight = jnp.sum(jnp.where(true, weights, 0), axis=-1)
            cost, error = weight * cost, weight[..., None] * error
        return cost, error

    def predictive(self, outputs: Float[Array, "batch outputs"]) -> Any:
        from numpyro.distributions import Categorical as Density

        return Density(logits=outputs)

    def score(self, outputs: Float[Array, "batch outputs"], y: Int[Array, " batch"]) -> Float[Array, "batch 1"]:
        return mistakes(outputs, y)

    def mean(self, outputs: Float[Array, "batch outputs"]) -> Float[Array, "batch outputs"]:
        xp = array_library(outputs)
        powers = xp.exp(outputs - xp.max(outputs, axis=-1, keepdims=True))
        probabilities: Array = powers / xp.sum(powers, axis=-1, keepdims=True)
        return probabilities

    def most_probable(self, outputs: Float[Array, "batch outputs"]) -> Int[Array, " batch"]:
        best: Array = outputs.argmax(axis=-1)  # probabilities have the order of logits
        return best

    def check(self, outputs: int, y: np.ndarray) -> None:
        if outputs < 2:
            raise ArgumentError(
                "likelihood",
                "at least 2 outputs for 'categorical'",
                f"a network with {outputs}",
                "Use 'bernoulli' for two classes with one output.",
            )
        if self.class_weights is not None and len(self.class_weights) != outputs:
            raise ArgumentError("class_weights", f"{outputs} numbers, one a class", f"{len(self.class_weights)}")
        check_class_numbers(self.name, outputs, y)

    def output_width(self, y: np.ndarray, classes: int | None = None) -> int:
        check_class_numbers(self.name, classes, y)
        return max(2, int(y.max()) + 1) if classes is None else classes

    def output_bias(self, y: np.ndarray, outputs: int | None = None) -> np.ndarray:
        """Return the log frequencies of the classes, centered."""
        classes = self.output_width(y, outputs)
        logits = np.log(class_frequencies(y, classes, self.class_weights, self.label_smoothing))
        return np.asarray(logits - logits.mean(), np.float32)
