"""Several labels at once, each there or not: a sigmoid and a binary cross entropy for each."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Shaped

from thalweg.core.errors import ArgumentError
from thalweg.core.validate import number
from thalweg.likelihoods.labels import binary_cross_entropy, label_smoothing
from thalweg.likelihoods.likelihood import Likelihood, TargetKind, array_library
from thalweg.likelihoods.links import sigmoid
from thalweg.likelihoods.regression import check_columns


@dataclasses.dataclass(frozen=True)
class Multilabel(Likelihood):
    r"""K labels y ∈ {0, 1}^K that are independent given x, with one output a_k as the logit of each, f = σ(a).

    -ln q(y|x; θ) = Σ_k -y_k ln σ(a_k) - (1 - y_k) ln(1 - σ(a_k)), with error vector δ_L = σ(a) - y. Label smoothing ε
    replaces y by (1 - ε) y + ε / 2; the weight p_k multiplies the cost of label k where y_k = 1.

    Args:
        positive_weights: one factor a label for the cost of the examples that have it; above 1 finds rare labels.
        label_smoothing: share ε ∈ [0, 1) of each target spread evenly over yes and no.

    Raises:
        ArgumentError: weights that are not above 0, or smoothing outside [0, 1).

    Example:
        >>> cost = Multilabel().cost(jnp.zeros((1, 3)), jnp.array([[1, 0, 1]]))
        >>> round(float(cost[0]), 4)  # 3 ln 2
        2.0794

    Source: Bishop, *Pattern Recognition and Machine Learning* (2006), section 5.2.
    """

    name: ClassVar[str] = "multilabel"
    targets: ClassVar[TargetKind] = "labels"
    metric: ClassVar[Literal["error", "rmse"]] = "error"
    positive_weights: tuple[float, ...] | None = None
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "positive_weights", _positive_weights(self.positive_weights))
        object.__setattr__(self, "label_smoothing", label_smoothing(self.label_smoothing))

    def cost_and_error(
        self, outputs: Float[Array, "batch labels"], y: Shaped[Array, "batch labels"]
    ) -> tuple[Float[Array, " batch"], Float[Array, "batch labels"]]:
        positive = y == 1
        cost, error = binary_cross_entropy(outputs, positive, self.label_smoothing)
        if self.positive_weights is not None:
            weight = jnp.where(positive, jnp.asarray(self.positive_weights, outputs.dtype), 1)
            cost, error = weight * cost, weight * error
        return jnp.sum(cost, axis=-1), error

    def predictive(self, outputs: Float[Array, "batch labels"]) -> Any:
        from numpyro.distributions import Bernoulli

        return Bernoulli(logits=outputs).to_event(1)

    def score(
        self, outputs: Float[Array, "batch labels"], y: Shaped[Array, "batch labels"]
    ) -> Float[Array, "batch labels"]:
        # A logit of exactly 0 counts as no; not a number is a mistake.
        right = array_library(outputs).where(y == 1, outputs > 0, outputs <= 0)
        mistakes: Array = (~right).astype(outputs.dtype)
        return mistakes

    def mean(self, outputs: Float[Array, "batch labels"]) -> Float[Array, "batch labels"]:
        return sigmoid(outputs)

    def check(self, outputs: int, y: np.ndarray) -> None:
        _check_labels(self.name, y)
        if y.shape[1] != outputs:
            raise ArgumentError(
                "y",
                f"{outputs} label(s) per row, as the network predicts",
                f"{y.shape[1]} per row",
                f"Build the network with outputs={y.shape[1]}.",
            )
        if self.positive_weights is not None and len(self.positive_weights) != outputs:
            raise ArgumentError("positive_weights", f"{outputs} numbers, one a label", f"{len(self.positive_weights)}")

    def output_width(self, y: np.ndarray, classes: int | None = None) -> int:
        del classes
        _check_labels(self.name, y)
        return int(y.shape[1])

    def output_bias(self, y: np.ndarray, outputs: int | None = None) -> np.ndarray:
        """Return the log odds of each label, with one example more of each kind than there is."""
        del outputs
        positive = y.sum(axis=0, dtype=np.float64) + 1
        negative = len(y) + 2 - positive
        half = 0.5 * self.label_smoothing
        weight = np.ones(y.shape[1]) if self.positive_weights is None else np.asarray(self.positive_weights)
        yes = weight * positive * (1 - half) + negative * half
        no = weight * positive * half + negative * (1 - half)
        return np.asarray(np.log(yes / no), np.float32)


def _positive_weights(weights: Sequence[float] | None) -> tuple[float, ...] | None:
    if weights is None:
        return None
    try:
        return tuple(number("positive_weights", weight, above=0) for weight in weights)
    except TypeError:
        raise ArgumentError("positive_weights", "one number a label", repr(weights)) from None


def _check_labels(name: str, y: np.ndarray) -> None:
    check_columns(name, y, kinds="fiub")
    wrong = ~np.isin(y, (0, 1))
    if wrong.any():
        raise ArgumentError(
            "y",
            "0 or 1 for every label",
            f"{int(wrong.sum())} other value(s), such as {y[wrong][0]}",
            "Give one column a label: 1 where an example has it, 0 where it has not.",
        )
