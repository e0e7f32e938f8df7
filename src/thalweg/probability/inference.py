"""Bayes' rule, p(y | x) = p(x | y) p(y) / p(x), on tables and on grids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalweg.core.errors import ArgumentError
from thalweg.probability.checks import check_probabilities


@dataclass(frozen=True, eq=False)
class Posterior:
    r"""What Bayes' rule gives.

    Attributes:
        posterior: p(y | x): probabilities, or density at the points of the grid.
        evidence: p(x), the probability (density) of what was observed.
    """

    posterior: NDArray[np.float64]
    evidence: NDArray[np.float64]


def bayes(prior: Any, likelihood: Any, observed: int | None = None) -> Posterior:
    r"""Return posterior and evidence of a discrete unknown y by Bayes' rule.

    p(y | x) = p(x | y) p(y) / p(x) with the evidence p(x) = Σ_y p(x | y) p(y).

    Args:
        prior: p(y), probabilities (C,).
        likelihood: p(x | y): a matrix (C, V) whose rows sum to one over the values x, or, of one observation, its
            probability (density) under each y, (C,).
        observed: position of the observed value x; without it the answer has a column for each x.

    Returns:
        ``posterior`` (C,), or (C, V) for a matrix without ``observed``, and ``evidence`` () or (V,).

    Raises:
        ArgumentError: probabilities that are negative or do not sum to one, shapes that do not fit, or an observation
            whose evidence is 0.

    Example:
        >>> test = bayes(prior=[0.99, 0.01], likelihood=[[0.95, 0.05], [0.1, 0.9]], observed=1)
        >>> test.posterior.round(4), float(test.evidence.round(4))  # a positive test for a rare illness
        (array([0.8462, 0.1538]), 0.0585)

    Source: Bishop, *Pattern Recognition and Machine Learning* (2006), section 1.2.
    """
    p = check_probabilities("prior", prior)
    table = np.asarray(likelihood, np.float64)
    if p.ndim != 1 or table.ndim not in {1, 2} or len(table) != len(p):
        shapes = f"prior {p.shape} and likelihood {table.shape}"
        raise ArgumentError("likelihood", f"a row for each of the {p.shape[-1]} values of the prior", shapes)
    if table.ndim == 2:
        table = check_probabilities("likelihood", table)
        if observed is not None:
            if not 0 <= observed < table.shape[1]:
                raise ArgumentError("observed", f"a column from 0 to {table.shape[1] - 1}", f"{observed}")
            table = table[:, observed]
    _check_density("likelihood", table)
    joint = p.reshape(-1, *(1,) * (table.ndim - 1)) * table
    return _divide(joint, joint.sum(axis=0), "likelihood")


def bayes_grid(log_prior: Any, log_likelihood: Any, *axes: Any) -> Posterior:
    r"""Return the posterior density of continuous unknowns on a grid, with the trapezoidal rule for the evidence.

    p(θ | x) = p(x | θ) p(θ) / p(x), p(x) = ∫ p(x | θ) p(θ) dθ.

    Args:
        log_prior: ln p(θ) at the points of the grid, (n_1, …, n_k).
        log_likelihood: ln p(x | θ) there, Σ_n ln p(x(n) | θ) for independent observations; of the same shape.
        *axes: ascending points θ along each axis, (n_1,), …, (n_k,).

    Returns:
        ``posterior``: the density at the points, whose trapezoidal integral is 1, and ``evidence`` ().

    Raises:
        ArgumentError: shapes that do not fit, axes that do not ascend, values that are NaN, or an evidence of 0.

    Example:
        >>> theta = np.linspace(0, 1, 1001)
        >>> with np.errstate(divide="ignore"):  # three heads and a tail, uniform prior
        ...     answer = bayes_grid(0 * theta, 3 * np.log(theta) + np.log(1 - theta), theta)
        >>> float(theta[answer.posterior.argmax()]), float(answer.evidence.round(4))  # B(4, 2) = 1 / 20
        (0.75, 0.05)

    Source: Gelman et al., *Bayesian Data Analysis* (2013), chapter 10.
    """
    points = [np.asarray(a, np.float64) for a in axes]
    shape = tuple(a.size for a in points)
    with np.errstate(invalid="ignore"):
        log_joint = np.asarray(log_prior, np.float64) + np.asarray(log_likelihood, np.float64)
    if not axes or any(a.ndim != 1 or a.size < 2 for a in points) or log_joint.shape != shape:
        raise ArgumentError("axes", f"one axis for each of {log_joint.ndim} of the grid", f"lengths {shape}")
    for a in points:
        if not (np.diff(a) > 0).all():
            raise ArgumentError("axes", "points in ascending order", "points that are not")
    if np.isnan(log_joint).any() or (log_joint == np.inf).any():
        raise ArgumentError("log_likelihood", "finite numbers or minus infinity", "NaN or infinity")
    top = log_joint.max()
    if top == -np.inf:
        raise ArgumentError("log_likelihood", "an observation that is possible somewhere", "minus infinity everywhere")
    joint = np.exp(log_joint - top)
    total = joint
    for a in reversed(points):
        total = np.trapezoid(total, a, axis=-1)
    return Posterior(joint / total, np.asarray(total * np.exp(top)))


def _check_density(argument: str, values: NDArray[np.float64]) -> None:
    if not (np.isfinite(values) & (values >= 0)).all():
        raise ArgumentError(argument, "finite numbers of at least 0", "others")


def _divide(joint: NDArray[np.float64], evidence: NDArray[np.float64], argument: str) -> Posterior:
    if (evidence == 0).any():
        raise ArgumentError(
            argument, "observations that are possible", "one whose evidence is 0", "No value of the prior explains it."
        )
    return Posterior(joint / evidence, np.asarray(evidence))
