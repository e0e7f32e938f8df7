"""Facts about what targets depend on: how well neighbors and a linear fit predict them, and what chance would give."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalweg.likelihoods import Likelihood

NEIGHBORS = 10
SHUFFLES = 40
TWIN = 0.9995
"""Share of an input's variance that a target explains from which on it is that target: all but rounding."""
MOST_INPUTS = 200
"""A linear fit is made to at most so many inputs, those most correlated with the targets."""


def as_numbers(likelihood: Likelihood, y: NDArray[Any]) -> NDArray[np.float64]:
    """Return targets as standardized columns (n, K): numbers as they are, classes as indicators of those that occur.

    Example:
        >>> from thalweg.likelihoods import Categorical
        >>> as_numbers(Categorical(), np.array([0, 1, 1, 0])).tolist()
        [[1.0, -1.0], [-1.0, 1.0], [-1.0, 1.0], [1.0, -1.0]]
    """
    if likelihood.targets in ("classes", "ordered"):
        labels = np.asarray(y).ravel()
        values = (labels[:, None] == np.unique(labels)).astype(np.float64)
    else:
        values = np.asarray(y, np.float64).reshape(len(y), -1)
    deviation = values.std(axis=0)
    standardized: NDArray[np.float64] = (values - values.mean(axis=0))[:, deviation > 0] / deviation[deviation > 0]
    return standardized


def dependence_facts(x: NDArray[np.float64], y: NDArray[np.float64], *, classes: bool = False) -> dict[str, Any]:
    r"""Return how much of the targets' variance two simple guesses explain, each row left out of its own guess.

    R² = 1 - Σ (y - ŷ)² / Σ (y - ȳ)²

    Args:
        x: (n, d) inputs.
        y: (n, K) standardized targets, see `as_numbers`.
        classes: whether these are indicators of classes.

    Returns:
        ``neighbors_r2`` of the mean of the 10 nearest rows, ``linear_r2`` of a ridge fit, ``sigmas``: how many standard
        deviations the better of the two lies above what shuffled targets give, ``skill`` of the better one: R², or of
        classes the share of the constant guess's mistakes that it avoids; ``twin`` (number of an input, among
        several, that is a target up to shift and scale or one number for each class, else None), ``rows``.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(200, 3))
        >>> facts = dependence_facts(x, np.sin(x[:, :1]))
        >>> facts["sigmas"] > 10, facts["twin"]
        (True, None)

    Source: Allen, *The Relationship between Variable Selection and Data Augmentation and a Method for Prediction*
    (1974) for the left-out residuals; Good, *Permutation, Parametric and Bootstrap Tests of Hypotheses* (2005).
    """
    n = len(x)
    moving = x.std(axis=0) > 0
    if n < 2 * NEIGHBORS or not moving.any() or not y.size:
        return {"rows": n, "neighbors_r2": 0.0, "linear_r2": 0.0, "sigmas": None, "skill": None, "twin": None}
    z = (x[:, moving] - x[:, moving].mean(axis=0)) / x[:, moving].std(axis=0)
    correlation = np.abs(z.T @ y) / n
    share = _explained_by_classes(z, y) if classes else np.square(correlation).max(axis=1)
    twin = np.flatnonzero(moving)[share.argmax()] if share.max() > TWIN and len(share) > 1 else None
    order = np.argsort(-correlation.max(axis=1))[: min(MOST_INPUTS, n // 4)]
    hat, neighbors = _hat(z[:, order]), _neighbors(z)
    diagonal = np.minimum(np.diag(hat), 0.999)[:, None]
    generator = np.random.default_rng(0)

    def residuals(targets: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return targets - _mean_of(targets, neighbors), (targets - hat @ targets) / (1 - diagonal)

    own = residuals(y)
    found = np.array([1 - np.mean(residual**2) for residual in own])
    skill = max(_avoided(y, y - residual) for residual in own) if classes else found.max()
    shuffled = np.concatenate([generator.permutation(y) for _ in range(SHUFFLES)], axis=1)
    chance = np.column_stack([1 - np.mean(r.reshape(n, SHUFFLES, -1) ** 2, axis=(0, 2)) for r in residuals(shuffled)])
    sigmas = (found - chance.mean(axis=0)) / np.maximum(chance.std(axis=0), 1e-9)
    return {
        "rows": n,
        "neighbors_r2": found[0],
        "linear_r2": found[1],
        "sigmas": float(sigmas.max()),
        "skill": float(skill),
        "twin": None if twin is None else int(twin),
    }


def _explained_by_classes(z: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return which share of each standardized input's variance lies between classes: η², the correlation ratio."""
    members = (y > 0).astype(np.float64)
    means = members.T @ z / members.sum(axis=0)[:, None]
    explained: NDArray[np.float64] = (members.sum(axis=0) / len(z)) @ np.square(means)
    return explained


def _avoided(y: NDArray[np.float64], guess: NDArray[np.float64]) -> float:
    """Return the share of the constant guess's mistakes that a guess of standardized indicators avoids."""
    shares = np.mean(y > 0, axis=0)
    deviation = np.sqrt(shares * (1 - shares))
    wrong = np.mean((guess * deviation + shares).argmax(axis=1) != (y > 0).argmax(axis=1))
    return float(1 - wrong / (1 - shares.max()))


def _hat(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the matrix that maps targets to a ridge fit's predictions."""
    rows, columns = z.shape
    gram = z.T @ z / rows + 1e-3 * np.eye(columns)
    hat: NDArray[np.float64] = z @ np.linalg.solve(gram, z.T) / rows + 1.0 / rows
    return hat


def _mean_of(values: NDArray[np.float64], rows: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the mean of the values at some rows for each row."""
    total = values[rows[:, 0]]
    for column in rows.T[1:]:
        total += values[column]
    mean: NDArray[np.float64] = total / rows.shape[1]
    return mean


def _neighbors(z: NDArray[np.float64]) -> NDArray[np.intp]:
    squares = np.sum(z**2, axis=1)
    distances = squares[:, None] + squares - 2 * z @ z.T
    np.fill_diagonal(distances, np.inf)
    return np.argpartition(distances, NEIGHBORS, axis=1)[:, :NEIGHBORS]
