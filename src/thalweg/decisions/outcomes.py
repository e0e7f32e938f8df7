"""What a predictive distribution says of each row, in NumPy: class probabilities, or weighted points on the line."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from thalweg.core.errors import ArgumentError
from thalweg.core.validate import number

SAMPLES = 2000
"""Draws a row, where a distribution is drawn from."""

LEVEL = 1
"""Fineness of the quadrature, see `thalweg.probability.view.View.nodes`."""

Method = Literal["closed form", "enumeration", "quadrature", "sampling"]


def class_probabilities(distribution: Any) -> Float[np.ndarray, "*rows classes"] | None:
    """Return p(y|x) over class numbers, or None for a distribution of numbers.

    Args:
        distribution: NumPyro's Categorical or Bernoulli, also several Bernoulli labels a row, or an array of
            probabilities whose last axis sums to 1.

    Raises:
        ArgumentError: an array that holds no probabilities.

    Example:
        >>> from numpyro.distributions import Bernoulli
        >>> class_probabilities(Bernoulli(probs=np.array([0.25]))).tolist()
        [[0.75, 0.25]]
    """
    if isinstance(distribution, (np.ndarray, list)) or not hasattr(distribution, "batch_shape"):
        return _checked(distribution)
    import numpyro.distributions as densities
    from scipy.special import expit, softmax

    base = distribution
    while isinstance(base, densities.Independent):
        base = base.base_dist
    # Logits keep their accuracy where probabilities are close to 1.
    match base:
        case densities.BernoulliLogits():
            logits = np.asarray(base.logits, np.float64)
            return np.stack([expit(-logits), expit(logits)], axis=-1)
        case densities.BernoulliProbs():
            positive = np.asarray(base.probs, np.float64)
            return np.stack([1 - positive, positive], axis=-1)
        case densities.CategoricalLogits():
            return np.asarray(softmax(np.asarray(base.logits, np.float64), axis=-1))
        case densities.CategoricalProbs():
            return _normalized(np.asarray(base.probs, np.float64))
    return None


@dataclasses.dataclass(frozen=True, eq=False)
class Points:
    """A distribution of numbers as weighted points: E[g(Y)] ≈ Σ_j w_j g(y_j).

    Attributes:
        values: (points, rows, …).
        weights: sum to 1 over the points; broadcast to the values.
        mode: (rows, …) most probable values.
        method: how the points were found.
    """

    values: NDArray[np.float64]
    weights: NDArray[np.float64]
    mode: NDArray[np.float64]
    method: Method


def points(distribution: Any, *, samples: int | None = None, seed: int = 0) -> Points:
    """Return points of a distribution of numbers: all values of counts, nodes of a quadrature, or draws.

    Draws are taken where they are asked for, and where nothing but drawing is known of the distribution.

    Args:
        distribution: over the rows; of random vectors each component by itself.
        samples: draws a row; by default a quadrature, or ``SAMPLES`` draws where there is none.
        seed: of the draws.

    Raises:
        ArgumentError: not a distribution, or fewer than two samples.

    Example:
        >>> from numpyro.distributions import Poisson
        >>> cloud = points(Poisson(np.array([3.0])))
        >>> cloud.method, round(float((cloud.weights * cloud.values).sum()), 6)
        ('enumeration', 3.0)
    """
    from thalweg.probability import mode
    from thalweg.probability.view import TooManyAtomsError, view

    if samples is not None:
        number("samples", samples, at_least=2, integer=True)
    if samples is None:
        try:
            known = view(distribution)
            values, weights = known.nodes(LEVEL)
            return Points(values, weights, mode(distribution), "enumeration" if known.discrete else "quadrature")
        except (ArgumentError, TooManyAtomsError):
            # Nothing but drawing is known of it, or it has too many values to be summed.
            if not hasattr(distribution, "sample"):
                raise
    return _draws(distribution, samples or SAMPLES, seed)


def _draws(distribution: Any, samples: int, seed: int) -> Points:
    import jax

    from thalweg.probability import mode

    drawn = distribution.sample(jax.random.key(seed), (samples,))
    values = np.asarray(drawn, np.float64)
    try:
        likeliest = mode(distribution)
    except ArgumentError:
        # Of a distribution that can only be drawn from, the draw of greatest density.
        best = np.asarray(distribution.log_prob(drawn)).argmax(axis=0)
        best = best.reshape(1, *best.shape, *[1] * len(distribution.event_shape))
        likeliest = np.take_along_axis(values, best, axis=0)[0]
    return Points(values, np.full((samples,) + (1,) * (values.ndim - 1), 1 / samples), likeliest, "sampling")


def _checked(values: Any) -> NDArray[np.float64]:
    try:
        array = np.asarray(values, np.float64)
    except (TypeError, ValueError):
        array = np.empty(0)
    if array.ndim < 2 or not ((array >= 0).all() and np.allclose(array.sum(axis=-1), 1, atol=1e-4)):
        raise ArgumentError(
            "distribution",
            "a NumPyro distribution, or probabilities (rows, classes) whose rows sum to 1",
            f"shape {array.shape}" if array.size else type(values).__name__,
        )
    return _normalized(array)


def _normalized(array: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows of float32 sum to 1 but for rounding, which would show in differences of expected costs."""
    return np.asarray(array / array.sum(axis=-1, keepdims=True))
