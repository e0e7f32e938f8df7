"""Overlap of masks, soft Jaccard and soft Dice: losses of a whole minibatch, alone or beside cross entropy."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from thalweg.core.validate import number
from thalweg.likelihoods.categorical import Categorical


@dataclasses.dataclass(frozen=True)
class Overlap(Categorical):
    r"""What the overlap losses share: classes by softmax, and a loss that is no sum over pixels.

    With one-hot targets y and probabilities ŷ = softmax(a), each class has α = Σ y ⊙ ŷ and β = Σ (y + ŷ) over the
    pixels of the minibatch, and an index I(α, β). With class weights u (1 each by default) and λ = ``cross_entropy``

    L = (1 - λ) (1 - Σ_c u_c I_c / Σ_c u_c) + λ · (mean cross entropy).

    A class is heard through its index alone, however few pixels it has. Each pixel by itself has the cost, the error
    vector and the predictive distribution of :class:`Categorical`.
    """

    smooth: float = 1.0
    cross_entropy: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "smooth", number("smooth", self.smooth, above=0))
        object.__setattr__(self, "cross_entropy", number("cross_entropy", self.cross_entropy, at_least=0, at_most=1))

    @abstractmethod
    def index(
        self, alpha: Float[Array, " classes"], beta: Float[Array, " classes"]
    ) -> tuple[Float[Array, " classes"], Float[Array, " classes"], Float[Array, " classes"]]:
        """Return the index of each class with its derivatives: I, ∂I/∂α, ∂I/∂β."""

    def loss(
        self, outputs: Float[Array, "batch outputs"], y: Int[Array, " batch"], weight: Float[Array, " batch"]
    ) -> Float[Array, ""]:
        return self.loss_and_error(outputs, y, weight)[0]

    def loss_and_error(
        self, outputs: Float[Array, "batch outputs"], y: Int[Array, " batch"], weight: Float[Array, " batch"]
    ) -> tuple[Float[Array, ""], Float[Array, "batch outputs"]]:
        classes = outputs.shape[-1]
        true = y[:, None] == jnp.arange(classes)
        # w_n = sample weight / rows, so that pixels of weight one add up to pixels, and fillers to nothing.
        share = (weight * jnp.sum(weight > 0))[:, None]
        predicted = self.mean(outputs)
        alpha = jnp.sum(jnp.where(true, share * predicted, 0), axis=0)
        beta = jnp.sum(share * (true + predicted), axis=0)
        index, by_alpha, by_beta = self.index(alpha, beta)
        importance = self._importance(outputs)
        # ∂L/∂ŷ, then through the softmax's Jacobian ŷ_i (δ_ij - ŷ_j).
        slope = -importance * share * (jnp.where(true, by_alpha, 0) + by_beta)
        error = predicted * (slope - jnp.sum(slope * predicted, axis=-1, keepdims=True))
        loss = 1 - jnp.sum(importance * index)
        if not self.cross_entropy:
            return loss, error
        cross, cross_error = super().loss_and_error(outputs, y, weight)
        mix = self.cross_entropy
        return (1 - mix) * loss + mix * cross, (1 - mix) * error + mix * cross_error

    def _importance(self, outputs: Float[Array, "batch outputs"]) -> Float[Array, " outputs"]:
        """u_c / Σ u."""
        classes = outputs.shape[-1]
        weights = jnp.asarray(self.class_weights or (1.0,) * classes, outputs.dtype)
        return weights / jnp.sum(weights)


@dataclasses.dataclass(frozen=True)
class SoftJaccard(Overlap):
    r"""Intersection over union of soft masks: J = (α + ε) / (β - α + ε) for each class, loss 1 - mean J.

    Args:
        class_weights: weights u_c of the classes in the mean, and of their cross entropy.
        label_smoothing: of the cross entropy.
        smooth: ε, in pixels: what an absent class is forgiven, and why nothing is divided by zero.
        cross_entropy: share λ ∈ [0, 1] of the mean cross entropy in the loss.

    Raises:
        ArgumentError: a setting out of bounds.

    Example:
        >>> outputs = jnp.array([[9.0, -9.0], [-9.0, 9.0], [-9.0, 9.0]])
        >>> weight = jnp.full(3, 1 / 3)
        >>> round(float(SoftJaccard().loss(outputs, jnp.array([0, 1, 1]), weight)), 4)
        0.0
        >>> round(float(SoftJaccard().loss(outputs, jnp.array([1, 0, 0]), weight)), 4)  # 1 - 1/4
        0.75

    Source: Rahman & Wang, *Optimizing Intersection-Over-Union in Deep Neural Networks for Image Segmentation* (2016).
    """

    name: ClassVar[str] = "soft_jaccard"

    def index(
        self, alpha: Float[Array, " classes"], beta: Float[Array, " classes"]
    ) -> tuple[Float[Array, " classes"], Float[Array, " classes"], Float[Array, " classes"]]:
        both, either = alpha + self.smooth, beta - alpha + self.smooth
        return both / either, (both + either) / either**2, -both / either**2


@dataclasses.dataclass(frozen=True)
class SoftDice(Overlap):
    r"""Dice index of soft masks: D = (2α + ε) / (β + ε) for each class, loss 1 - mean D.

    Args:
        class_weights: weights u_c of the classes in the mean, and of their cross entropy.
        label_smoothing: of the cross entropy.
        smooth: ε, in pixels: what an absent class is forgiven, and why nothing is divided by zero.
        cross_entropy: share λ ∈ [0, 1] of the mean cross entropy in the loss.

    Raises:
        ArgumentError: a setting out of bounds.

    Example:
        >>> outputs = jnp.array([[9.0, -9.0], [-9.0, 9.0], [-9.0, 9.0]])
        >>> round(float(SoftDice().loss(outputs, jnp.array([0, 1, 0]), jnp.full(3, 1 / 3))), 4)  # D = 3/4 twice
        0.25

    Source: Milletari, Navab & Ahmadi, *V-Net* (2016), with sums in place of sums of squares in the denominator; class
    weights: Sudre et al., *Generalised Dice overlap as a deep learning loss function* (2017).
    """

    name: ClassVar[str] = "soft_dice"

    def index(
        self, alpha: Float[Array, " classes"], beta: Float[Array, " classes"]
    ) -> tuple[Float[Array, " classes"], Float[Array, " classes"], Float[Array, " classes"]]:
        total = beta + self.smooth
        index = (2 * alpha + self.smooth) / total
        return index, 2 / total, -index / total


def count_pairs(true: np.ndarray, predicted: np.ndarray, classes: int, weight: np.ndarray | None = None) -> np.ndarray:
    """Return the confusion matrix (classes, classes) of class numbers: row = true class, column = predicted.

    With weights it holds sums of them in place of counts.

    Example:
        >>> count_pairs(np.array([0, 1, 1]), np.array([0, 0, 1]), 2).tolist()
        [[1, 0], [1, 1]]
    """
    pairs = true.astype(np.int64).ravel() * classes + predicted.ravel()
    return np.bincount(pairs, weight, minlength=classes**2).reshape(classes, classes)


def overlap_indices(confusion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    r"""Return the Jaccard and the Dice index of each class: J = TP / (TP + FP + FN), D = 2 TP / (2 TP + FP + FN).

    Args:
        confusion: (C, C) counts of pixels, row = true class, column = predicted.

    Returns:
        J (C,) and D (C,); NaN for a class that is neither there nor predicted.

    Example:
        >>> jaccard, dice = overlap_indices(np.array([[2, 1], [1, 0]]))
        >>> jaccard.tolist(), np.round(dice, 3).tolist()
        ([0.5, 0.0], [0.667, 0.0])
    """
    both = np.diag(confusion).astype(np.float64)
    total = np.asarray(confusion.sum(axis=0) + confusion.sum(axis=1), np.float64)
    absent = total == 0
    jaccard = np.where(absent, np.nan, both / np.where(absent, 1, total - both))
    return jaccard, np.where(absent, np.nan, 2 * both / np.where(absent, 1, total))
