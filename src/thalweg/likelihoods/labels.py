"""What the likelihoods of class numbers share: checks of targets, class weights and label smoothing."""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from thalweg.core.errors import ArgumentError
from thalweg.core.validate import number
from thalweg.likelihoods.likelihood import array_library


def check_class_numbers(name: str, classes: int | None, y: np.ndarray) -> None:
    """Check that ``y`` holds class numbers 0 … classes - 1, one a row.

    Args:
        name: of the likelihood, for the message.
        classes: number of classes, or ``None`` if not yet known.
        y: targets.

    Raises:
        ArgumentError: naming ``likelihood`` for targets that are not class numbers, ``y`` for a wrong shape or value.

    Example:
        >>> check_class_numbers("categorical", 3, np.array([0, 2, 1]))
        >>> check_class_numbers("categorical", 3, np.array([0, 3]))
        Traceback (most recent call last):
            ...
        thalweg.core.errors.ArgumentError: y: expected class numbers from 0 to 2, got values from 0 to 3. ...
    """
    if y.dtype.kind not in "iub":
        raise ArgumentError(
            "likelihood",
            "'gaussian' or 'laplace' for continuous targets",
            f"{name!r} for targets of type {y.dtype}",
            "For classification pass y as class numbers 0, 1, 2 … of an integer type.",
        )
    if y.ndim != 1:
        raise ArgumentError(
            "y",
            "one class number a row, shape (rows,)",
            f"shape {y.shape}",
            "Use y.argmax(axis=1) for one-hot targets." if y.ndim == 2 and y.shape[1] > 1 else "Use y.reshape(-1).",
        )
    if y.size == 0:
        raise ArgumentError("y", "at least one row", "none")
    low, high = int(y.min()), int(y.max())
    if low < 0 or (classes is not None and high >= classes):
        largest = "" if classes is None else f" to {classes - 1}"
        raise ArgumentError(
            "y",
            f"class numbers from 0{largest}",
            f"values from {low} to {high}",
            "Number the classes from 0, and give the network one output a class.",
        )


def class_weights(weights: Sequence[float] | None) -> tuple[float, ...] | None:
    """Return class weights as a tuple of floats, checked.

    Raises:
        ArgumentError: fewer than two weights, a negative weight, or none above 0.

    Example:
        >>> class_weights([1, 2.5])
        (1.0, 2.5)
    """
    if weights is None:
        return None
    try:
        values = tuple(number("class_weights", weight, at_least=0) for weight in weights)
    except TypeError:
        raise ArgumentError("class_weights", "one number a class", repr(weights)) from None
    if len(values) < 2 or not any(values):
        raise ArgumentError("class_weights", "one number a class, not all 0", repr(values))
    return values


def label_smoothing(smoothing: float) -> float:
    """Return the label smoothing ε, checked to lie in [0, 1).

    Example:
        >>> label_smoothing(0.1)
        0.1
    """
    return float(number("label_smoothing", smoothing, at_least=0, below=1))


def binary_cross_entropy(
    logits: Float[Array, "*shape"], positive: Bool[Array, "*shape"], smoothing: float
) -> tuple[Float[Array, "*shape"], Float[Array, "*shape"]]:
    """Return -t ln σ(a) - (1 - t) ln σ(-a) with t = (1 - ε) y + ε / 2, and the error σ(a) - t, elementwise.

    With s = 2y - 1 and u = s a the cost is ln(1 + e^{-u}) + ½ ε u and the error s (½ ε - σ(-u)): both keep their
    relative accuracy however sure the prediction is.

    Example:
        >>> cost, error = binary_cross_entropy(jnp.zeros(2), jnp.array([True, False]), 0.0)
        >>> round(float(cost[0]), 4), error.tolist()  # ln 2
        (0.6931, [-0.5, 0.5])
    """
    sign = jnp.where(positive, 1.0, -1.0).astype(logits.dtype)
    margin = sign * logits
    power = jnp.exp(-jnp.abs(margin))
    cost = jnp.log1p(power) + jnp.maximum(-margin, 0)
    wrong = jnp.where(margin > 0, power, 1) / (1 + power)  # σ(-u)
    if smoothing:
        half = 0.5 * smoothing
        cost, wrong = cost + half * margin, wrong - half
    return cost, -sign * wrong


def mistakes(values: Float[Array, "batch classes"], y: Int[Array, " batch"]) -> Float[Array, "batch 1"]:
    """Return 1 where the first class of largest value is not ``y``, 0 where it is; not a number is a mistake.

    Example:
        >>> mistakes(np.array([[0.5, 0.5], [0.1, 0.9]]), np.array([0, 0]))
        array([[0.],
               [1.]])
    """
    xp = array_library(values)
    # argmax in two plain reductions: the first class that reaches the maximum.
    classes = values.shape[-1]
    reached = values == xp.max(values, axis=-1, keepdims=True)
    first = xp.min(xp.where(reached, xp.arange(classes), classes), axis=-1)
    wrong: Array = (first != y)[..., None].astype(values.dtype)
    return wrong


def class_frequencies(y: np.ndarray, classes: int, weights: tuple[float, ...] | None, smoothing: float) -> np.ndarray:
    """Return the weighted, smoothed class frequencies: the constant prediction of least mean cost.

    p_c ∝ Σ_n w_{y(n)} ((1 - ε) [y(n) = c] + ε / classes). Each class is given one example more than it has, so that
    an absent class keeps a finite logit.

    Example:
        >>> class_frequencies(np.array([0, 0, 1]), 2, None, 0.0)
        array([0.6, 0.4])
    """
    counts = np.bincount(y.astype(np.int64), minlength=classes).astype(np.float64) + 1
    if weights is not None:
        counts *= np.asarray(weights)
    frequencies = (1 - smoothing) * counts / counts.sum() + smoothing / classes
    return np.asarray(np.maximum(frequencies, np.finfo(np.float32).tiny))
