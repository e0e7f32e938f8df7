"""Decisions about numbers: closed forms where a cost has one, else the least expected cost over points of Y."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalweg.core.errors import ArgumentError
from thalweg.decisions.costs import Cost
from thalweg.decisions.outcomes import Method, Points, points
from thalweg.decisions.result import Decisions
from thalweg.probability.view import golden

LEVELS = np.concatenate([10.0 ** np.arange(-9, -2), np.linspace(0.02, 0.98, 25), 1 - 10.0 ** np.arange(-3, -10, -1)])
"""Where in the distribution of Y the search for the best action begins."""

STEPS = 48
"""Steps of the golden section: the bracket shrinks by 1e-10."""

ENTRIES = 4_000_000
"""Costs held in memory at a time."""

Numbers = NDArray[np.float64]


def decide_numbers(
    distribution: Any,
    cost: Cost | Callable[[Any, Any], Any],
    *,
    candidates: Any = None,
    samples: int | None = None,
    seed: int = 0,
) -> Decisions:
    """Take the number of least expected cost for each row, nothing rejected; see `decide`.

    Args:
        distribution: of numbers or counts; components of a random vector are decided one by one.
        cost: a `Cost`, or a callable ``cost(action, y)`` that broadcasts.
        candidates: numbers to choose from; by default any.
        samples: draws a row in place of the quadrature.
        seed: of these draws.

    Raises:
        ArgumentError: the cost is not finite, or does not broadcast.

    Example:
        >>> from numpyro.distributions import Normal
        >>> answer = decide_numbers(Normal(np.zeros(1), 1.0), lambda a, y: np.exp(a - y) - (a - y) - 1)
        >>> answer.actions.round(4).tolist()  # LINEX: mean - variance/2
        [-0.5]

    Source: LINEX: Zellner, *Bayesian Estimation and Prediction Using Asymmetric Loss Functions*, JASA 81 (1986).
    """
    cloud = points(distribution, samples=samples, seed=seed)
    _check(cost, cloud)
    plain = cloud.mode
    closed = isinstance(cost, Cost) and candidates is None and samples is None
    method: Method = "closed form" if closed else cloud.method
    if closed:
        assert isinstance(cost, Cost), "as closed says"
        actions = np.broadcast_to(cost.best(distribution), plain.shape)
    elif candidates is not None:
        actions = _choose(cost, cloud, np.asarray(candidates, np.float64).ravel())
    else:
        actions = _search(cost, cloud, plain)
    expected, error = _expected(cost, cloud, actions, distribution if closed else None)
    map_expected, _ = _expected(cost, cloud, plain, distribution if closed else None)
    none = np.zeros(plain.shape, np.bool_)
    return Decisions(actions, expected, plain, map_expected, none, cost, method, None, error)


def _check(cost: Callable[[Any, Any], Any], cloud: Points) -> None:
    """Try the cost on a few points, so that one that cannot be used is told before the search."""
    some = cloud.values[:: max(1, len(cloud.values) // 8)].reshape(-1)[:64]
    some = some[np.abs(some) < 1e6]
    try:
        with np.errstate(all="ignore"):
            found = np.asarray(cost(some[:, None], some[None, :]), np.float64)
    except (TypeError, ValueError) as error:
        raise ArgumentError("cost", "a callable cost(action, y) of NumPy arrays", f"one that fails ({error})") from None
    if found.shape != (len(some), len(some)):
        raise ArgumentError("cost", "a cost for each pair of action and y", f"an array of shape {found.shape}")
    if not np.isfinite(found).all():
        raise ArgumentError("cost", "finite costs", "NaN or infinity")


def _expected(
    cost: Callable[[Any, Any], Any], cloud: Points, actions: Numbers, distribution: Any
) -> tuple[Numbers, Numbers | None]:
    """Return the expected costs of actions, in closed form where there is one, and their standard error if sampled."""
    if distribution is not None and isinstance(cost, Cost):
        known = cost.expected(distribution, actions)
        if known is not None:
            return known, None
    costs = cost(actions, cloud.values)
    expected = np.asarray((cloud.weights * costs).sum(axis=0))
    if cloud.method != "sampling":
        return expected, None
    return expected, np.asarray(np.std(costs, axis=0, ddof=1) / np.sqrt(len(costs)))


def _choose(cost: Callable[[Any, Any], Any], cloud: Points, candidates: Numbers) -> Numbers:
    if not candidates.size or not np.isfinite(candidates).all():
        raise ArgumentError("candidates", "finite numbers, at least one", f"{candidates}")
    risks = np.stack([(cloud.weights * cost(a, cloud.values)).sum(axis=0) for a in candidates])
    return np.asarray(candidates[risks.argmin(axis=0)])


def _search(cost: Callable[[Any, Any], Any], cloud: Points, plain: Numbers) -> Numbers:
    """Minimize over any number: the best of a grid of quantiles, then a golden section between its neighbors."""
    x, w = cloud.values.reshape(len(cloud.values), -1), cloud.weights.reshape(len(cloud.values), -1)
    w = np.broadcast_to(w, x.shape)
    step = max(1, ENTRIES // len(x))
    parts = [
        _search_rows(cost, x[:, at : at + step], w[:, at : at + step], plain.reshape(-1)[at : at + step])
        for at in range(0, x.shape[1], step)
    ]
    return np.concatenate(parts).reshape(plain.shape)


def _search_rows(cost: Callable[[Any, Any], Any], x: Numbers, w: Numbers, plain: Numbers) -> Numbers:
    def risk(actions: Numbers) -> Numbers:
        return np.asarray((w * cost(actions, x)).sum(axis=0))

    order = np.argsort(x, axis=0, kind="stable")
    x, w = np.take_along_axis(x, order, axis=0), np.take_along_axis(w, order, axis=0)
    below = np.cumsum(w, axis=0)
    rows = np.arange(x.shape[1])
    grid = np.stack([x[np.minimum((below < level).sum(axis=0), len(x) - 1), rows] for level in LEVELS])
    # MAP is among the candidates, so that no decision is expected to cost more than it.
    grid = np.sort(np.concatenate([grid, plain[None]]), axis=0)
    risks = np.stack([risk(actions) for actions in grid])
    best = risks.argmin(axis=0)
    low = grid[np.maximum(best - 1, 0), rows]
    high = grid[np.minimum(best + 1, len(grid) - 1), rows]
    found, most = golden(lambda actions: -risk(actions), low, high, STEPS)
    return np.asarray(np.where(-most < risks[best, rows], found, grid[best, rows]))
