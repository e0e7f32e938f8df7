"""Classes in order: cumulative logits with thresholds that cannot cross."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, Literal

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from thalweg.core.errors import ArgumentError
from thalweg.likelihoods.labels import check_class_numbers, class_frequencies, class_weights, mistakes
from thalweg.likelihoods.likelihood import Likelihood, TargetKind, array_library
from thalweg.likelihoods.links import inverse_softplus, sigmoid, softplus


@dataclasses.dataclass(frozen=True)
class Ordinal(Likelihood):
    r"""One of C classes in order, from C - 1 outputs a: s_c is the logit of "above class c", P(y > c) = σ(s_c).

    s_0 = a_0 and s_c = s_{c-1} - ln(1 + e^{a_c}), so the logits fall with c for every input. Since s_{c-1} - s_c is a
    softplus, P(y = c) = σ(s_{c-1}) σ(-s_c) σ(a_c), without the factors that do not exist for the first and the last
    class: no difference of sigmoids, which would cancel. With g_c = [y = c] σ(s_c) - [y = c + 1] σ(-s_c) the error
    vector is Σ_c g_c for a_0, and -σ(a_i) Σ_{c≥i} g_c - [y = i] σ(-a_i) for a_i.

    Where only a_0 depends on x, these are proportional odds: one score and fixed thresholds.

    Args:
        class_weights: one factor a class for the cost of its examples; the mean cost is not divided by them.

    Raises:
        ArgumentError: negative weights.

    Example:
        >>> Ordinal().mean(np.array([[0.0, 0.0]])).round(4)  # P(y > 0) = ½, P(y > 1) = ⅓
        array([[0.5   , 0.1667, 0.3333]])

    Source: McCullagh, *Regression Models for Ordinal Data* (1980).
    """

    name: ClassVar[str] = "ordinal"
    targets: ClassVar[TargetKind] = "ordered"
    metric: ClassVar[Literal["error", "rmse"]] = "error"
    class_weights: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "class_weights", class_weights(self.class_weights))

    def cost_and_error(
        self, outputs: Float[Array, "batch outputs"], y: Int[Array, " batch"]
    ) -> tuple[Float[Array, " batch"], Float[Array, "batch outputs"]]:
        true = y[..., None] == jnp.arange(outputs.shape[-1] + 1)
        logits = _cumulative_logits(outputs)
        cost = -jnp.sum(jnp.where(true, _log_probabilities(outputs), 0), axis=-1)
        pull = jnp.where(true[..., :-1], sigmoid(logits), 0) - jnp.where(true[..., 1:], sigmoid(-logits), 0)
        # An increment moves its own logit and all behind it.
        moved = jnp.cumsum(pull[..., ::-1], axis=-1)[..., ::-1]
        rest = outputs[..., 1:]
        steps = -sigmoid(rest) * moved[..., 1:] - jnp.where(true[..., 1:-1], sigmoid(-rest), 0)
        error = jnp.concatenate([moved[..., :1], steps], axis=-1)
        if self.class_weights is not None:
            weight = jnp.sum(jnp.where(true, jnp.asarray(self.class_weights, outputs.dtype), 0), axis=-1)
            cost, error = weight * cost, weight[..., None] * error
        return cost, error

    def predictive(self, outputs: Float[Array, "batch outputs"]) -> Any:
        from numpyro.distributions import Categorical

        return Categorical(logits=jnp.asarray(_log_probabilities(outputs)))

    def score(self, outputs: Float[Array, "batch outputs"], y: Int[Array, " batch"]) -> Float[Array, "batch 1"]:
        return mistakes(_log_probabilities(outputs), y)

    def mean(self, outputs: Float[Array, "batch outputs"]) -> Float[Array, "batch classes"]:
        probabilities: Array = array_library(outputs).exp(_log_probabilities(outputs))
        return probabilities

    def target_width(self, outputs: int) -> int:
        return outputs + 1

    def check(self, outputs: int, y: np.ndarray) -> None:
        if self.class_weights is not None and len(self.class_weights) != outputs + 1:
            raise ArgumentError("class_weights", f"{outputs + 1} numbers, one a class", f"{len(self.class_weights)}")
        check_class_numbers(self.name, outputs + 1, y)

    def output_width(self, y: np.ndarray, classes: int | None = None) -> int:
        check_class_numbers(self.name, classes, y)
        return max(2, int(y.max()) + 1 if classes is None else classes) - 1

    def output_bias(self, y: np.ndarray, outputs: int | None = None) -> np.ndarray:
        """Return what stands for the frequencies of the classes."""
        classes = self.output_width(y, None if outputs is None else outputs + 1) + 1
        frequencies = class_frequencies(y, classes, self.class_weights, 0.0)
        above = np.cumsum(frequencies[::-1])[::-1][1:]
        logits = np.log(above) - np.log(np.cumsum(frequencies)[:-1])
        return np.concatenate([logits[:1], inverse_softplus(-np.diff(logits))]).astype(np.float32)


def _cumulative_logits(outputs: Float[Array, "batch outputs"]) -> Float[Array, "batch outputs"]:
    """Return the falling logits s_c of P(y > c)."""
    xp = array_library(outputs)
    logits: Array = xp.cumsum(xp.concatenate([outputs[..., :1], -softplus(outputs[..., 1:])], axis=-1), axis=-1)
    return logits


def _log_probabilities(outputs: Float[Array, "batch outputs"]) -> Float[Array, "batch classes"]:
    xp = array_library(outputs)
    logits = _cumulative_logits(outputs)
    none = xp.zeros_like(outputs[..., :1])
    above = xp.concatenate([none, -softplus(-logits)], axis=-1)
    not_further = xp.concatenate([-softplus(logits), none], axis=-1)
    apart = xp.concatenate([none, -softplus(-outputs[..., 1:]), none], axis=-1)
    logarithms: Array = above + not_further + apart
    return logarithms
