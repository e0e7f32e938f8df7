"""One-hot coding, and the categorical distribution in it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy

from thalweg.core.errors import ArgumentError
from thalweg.core.validate import number
from thalweg.probability.checks import check_probabilities


def one_hot(classes: Any, count: int | None = None) -> NDArray[np.float64]:
    r"""Return the vectors x with x_i = 1 for the class i, and 0 elsewhere.

    Args:
        classes: class numbers from 0, of any shape.
        count: number of classes C; one more than the largest if it is not given.

    Returns:
        Float64 array (\*classes, C).

    Raises:
        ArgumentError: not whole numbers from 0 to C - 1.

    Example:
        >>> one_hot([2, 0], 3)
        array([[0., 0., 1.],
               [1., 0., 0.]])

    Source: Bishop, *Pattern Recognition and Machine Learning* (2006), section 2.2.
    """
    numbers = np.asarray(classes)
    if numbers.dtype.kind not in "iub" and not (numbers.dtype.kind == "f" and (numbers == np.rint(numbers)).all()):
        raise ArgumentError("classes", "class numbers from 0", f"values of type {numbers.dtype}")
    numbers = numbers.astype(np.int64)
    count = int(numbers.max(initial=-1)) + 1 if count is None else number("count", count, at_least=1, integer=True)
    if ((numbers < 0) | (numbers >= count)).any():
        wrong = numbers[(numbers < 0) | (numbers >= count)][0]
        raise ArgumentError("classes", f"class numbers from 0 to {count - 1}", f"{wrong}")
    return np.asarray(np.eye(count)[numbers])


def log_pmf(x: Any, p: Any) -> NDArray[np.float64]:
    r"""Return the logarithm of the categorical PMF, ln P(x) = xᵀ ln p with P(x) = Π p_i^{x_i}.

    A class of probability 0 that does not occur adds nothing, 0 ln 0 = 0.

    Args:
        x: one-hot vectors (\*batch, C); counts give the logarithm without the multinomial coefficient.
        p: probabilities (C,) or (\*batch, C).

    Returns:
        Float64 array (\*batch), in nats.

    Raises:
        ArgumentError: probabilities that are negative or do not sum to one, or another number of classes.

    Example:
        >>> float(log_pmf([0, 1, 0], [0.5, 0.25, 0.25]).round(4))  # ln ¼
        -1.3863

    Source: Bishop, *Pattern Recognition and Machine Learning* (2006), section 2.2.
    """
    vectors, p = np.asarray(x, np.float64), check_probabilities("p", p)
    if vectors.shape[-1:] != p.shape[-1:]:
        raise ArgumentError("x", f"one-hot vectors (..., {p.shape[-1]})", f"shape {vectors.shape}")
    return np.asarray(xlogy(vectors, p).sum(axis=-1))
