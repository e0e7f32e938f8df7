"""Classes, hard examples first: focal cross entropy."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from thalweg.core.validate import number
from thalweg.likelihoods.categorical import Categorical
from thalweg.likelihoods.labels import class_frequencies
from thalweg.likelihoods.likelihood import array_library


@dataclasses.dataclass(frozen=True)
class Focal(Categorical):
    r"""One of C classes, with a cost that fades for examples that are predicted well: (1 - ŷ_c)^γ (-ln ŷ_c).

    Cost = Σ_c t_c h(ŷ_c) with h(p) = -(1 - p)^γ ln p, ŷ = softmax(a), the target t as for ``Categorical``. With
    u_c = t_c ((1 - ŷ_c)^γ - γ (1 - ŷ_c)^{γ-1} ŷ_c ln ŷ_c) the error vector is δ_L = ŷ Σ_c u_c - u; for γ = 0 it is
    ŷ - t. Two classes have two outputs as well.

    The probabilities of least mean cost are flatter than the true ones, in the same order. The predictive distribution
    is the softmax all the same, as is usual, and the cost is not its -ln q: this family is not ``proper``.

    Args:
        class_weights: one factor a class for the cost of its examples; the mean cost is not divided by them.
        label_smoothing: share ε ∈ [0, 1) of the target spread evenly over all classes.
        gamma: γ of at least 0; 0 is plain cross entropy.

    Raises:
        ArgumentError: a setting out of bounds.

    Example:
        >>> cost = Focal().cost(jnp.zeros((1, 2)), jnp.array([1]))
        >>> round(float(cost[0]), 4)  # ¼ ln 2
        0.1733

    Source: Lin et al., *Focal Loss for Dense Object Detection* (2017); Charoenphakdee et al., *On Focal Loss for
    Class-Posterior Probability Estimation* (2021).
    """

    name: ClassVar[str] = "focal"
    proper: ClassVar[bool] = False
    gamma: float = 2.0

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "gamma", number("gamma", self.gamma, at_least=0, at_most=100))

    def cost_and_error(
        self, outputs: Float[Array, "batch outputs"], y: Int[Array, " batch"]
    ) -> tuple[Float[Array, " batch"], Float[Array, "batch outputs"]]:
        classes = outputs.shape[-1]
        spread = self.label_smoothing / classes
        true = y[..., None] == jnp.arange(classes)
        target = jnp.where(true, 1 - self.label_smoothing + spread, spread).astype(outputs.dtype)
        if self.class_weights is not None:
            weight = jnp.where(true, jnp.asarray(self.class_weights, outputs.dtype), 0)
            target = jnp.sum(weight, axis=-1, keepdims=True) * target
        logarithms = jax.nn.log_softmax(outputs)
        costs, falls = _focal(logarithms, self.gamma)
        pulls = target * falls
        error = jnp.exp(logarithms) * jnp.sum(pulls, axis=-1, keepdims=True) - pulls
        return jnp.sum(target * costs, axis=-1), error

    def output_bias(self, y: np.ndarray, outputs: int | None = None) -> np.ndarray:
        """Return the constant logits of least mean cost, centered."""
        from scipy.optimize import minimize
        from scipy.special import log_softmax

        start = super().output_bias(y, outputs).astype(np.float64)
        frequencies = class_frequencies(y, len(start), self.class_weights, self.label_smoothing)

        def mean_cost(logits: np.ndarray) -> tuple[float, np.ndarray]:
            logarithms = log_softmax(logits)
            costs, falls = _focal(logarithms, self.gamma)
            pulls = frequencies * np.asarray(falls)
            return float(frequencies @ np.asarray(costs)), np.exp(logarithms) * pulls.sum() - pulls

        best = minimize(mean_cost, start, jac=True, method="L-BFGS-B", options={"gtol": 1e-8}).x
        return np.asarray(best - best.mean(), np.float32)


def _focal(
    logarithms: Float[Array, "*shape classes"], gamma: float
) -> tuple[Float[Array, "*shape classes"], Float[Array, "*shape classes"]]:
    """Return h(p) = -(1 - p)^γ ln p and its fall -dh / d ln p, from ln p."""
    xp = array_library(logarithms)
    # Beside p = 1, where both vanish, powers of 1 - p below one have no derivative.
    rest = xp.maximum(-xp.expm1(logarithms), 1e-30)
    power = rest**gamma
    return -power * logarithms, power * (1 - gamma * xp.exp(logarithms) * logarithms / rest)
