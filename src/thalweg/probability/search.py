"""How a family is searched: its members by unconstrained numbers, and where searches start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
import numpyro.distributions as dist
from scipy import special

from thalweg.probability.moments import covariance, mean, std
from thalweg.probability.quantiles import quantile
from thalweg.probability.view import Numbers


@dataclass(frozen=True)
class Search:
    """A family for numerical fits.

    Args:
        name: of the family, for messages.
        make: θ in R^k ↦ a member.
        starts: (p, number) ↦ starting points θ.
    """

    name: str
    make: Callable[[Numbers], Any]
    starts: Callable[[Any, int], list[Numbers]]


def _levels(p: Any, count: int) -> Numbers:
    """Return quantiles of p that cut it into equal parts."""
    return np.asarray(quantile(p, (np.arange(count) + 0.5) / count), np.float64)


def _located(p: Any, count: int) -> list[Numbers]:
    """Places at quantiles, with the width of a part of p."""
    places = _levels(p, count)
    low, high = (float(quantile(p, level)) for level in (0.05, 0.95))
    width = np.log((high - low) / (4 * count) + 1e-12)
    return [np.array([place, width]) for place in places]


def _positive(p: Any, count: int) -> list[Numbers]:
    """Concentrations and rates with means at quantiles of p, and its relative spread or half of it."""
    places = np.maximum(_levels(p, count), 1e-6)
    return [np.log([4.0, 4.0 / place]) for place in places]


def _rates(p: Any, count: int) -> list[Numbers]:
    return [np.array([-np.log(max(float(place), 1e-6))]) for place in _levels(p, count)]


def _counts(p: Any, count: int) -> list[Numbers]:
    return [np.array([np.log(float(place) + 0.5)]) for place in np.unique(_levels(p, count))]


def _proportions(p: Any, count: int) -> list[Numbers]:
    places = np.clip(_levels(p, count), 0.02, 0.98)
    return [np.log([8 * place, 8 * (1 - place)]) for place in places]


def _chances(p: Any, count: int) -> list[Numbers]:
    return [np.array([float(special.logit(1 / (1.5 + place)))]) for place in np.unique(_levels(p, count))]


def _vectors(p: Any, count: int) -> list[Numbers]:
    """Draws of p as places, with half its spread on each axis."""
    d = p.event_shape[0]
    spread = np.broadcast_to(std(p), (d,))
    places = np.asarray(p.sample(jax.random.key(0), (count,)), np.float64)
    rows = np.tril_indices(d)
    factor = np.where(rows[0] == rows[1], np.log(spread[rows[0]] / 2), 0.0)
    center = np.asarray(mean(p)).reshape(d)
    whole = np.linalg.cholesky(np.asarray(covariance(p)))
    own = np.where(rows[0] == rows[1], np.log(np.abs(whole[rows])), whole[rows])
    return [np.concatenate([center, own]), *(np.concatenate([place, factor]) for place in places[1:])]


def _vector(theta: Numbers) -> Any:
    d = round((np.sqrt(9 + 8 * len(theta)) - 3) / 2)  # of d places and d (d + 1) / 2 entries of the factor
    factor = np.zeros((d, d))
    factor[np.tril_indices(d)] = theta[d:]
    np.fill_diagonal(factor, np.exp(np.diagonal(factor)))
    return dist.MultivariateNormal(theta[:d], scale_tril=factor)


SEARCHES: dict[str, Search] = {
    "bernoulli": Search("Bernoullis", lambda t: dist.Bernoulli(special.expit(t[0])), _chances),
    "beta": Search("betas", lambda t: dist.Beta(np.exp(t[0]), np.exp(t[1])), _proportions),
    "exponential": Search("exponentials", lambda t: dist.Exponential(np.exp(t[0])), _rates),
    "gamma": Search("gammas", lambda t: dist.Gamma(np.exp(t[0]), np.exp(t[1])), _positive),
    "geometric": Search("geometrics", lambda t: dist.Geometric(special.expit(t[0])), _chances),
    "laplace": Search("Laplaces", lambda t: dist.Laplace(t[0], np.exp(t[1])), _located),
    "multivariate_normal": Search("normals", _vector, _vectors),
    "normal": Search("normals", lambda t: dist.Normal(t[0], np.exp(t[1])), _located),
    "poisson": Search("Poissons", lambda t: dist.Poisson(np.exp(t[0])), _counts),
    "student_t": Search(
        "Student t", lambda t: dist.StudentT(np.exp(min(t[2], 12.0)), t[0], np.exp(t[1])),
        lambda p, count: [np.append(start, np.log(4.0)) for start in _located(p, count)],
    ),
}  # fmt: skip
"""Family ↦ its parameters and starts, for backward fits and for forward ones without a closed form."""
