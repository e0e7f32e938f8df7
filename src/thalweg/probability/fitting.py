"""Fit a family of distributions to a distribution or to data, under the forward or the backward divergence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array
from scipy.optimize import minimize

from thalweg.core.errors import ArgumentError
from thalweg.core.registry import lookup
from thalweg.core.validate import number
from thalweg.probability.distributions import DISTRIBUTIONS
from thalweg.probability.divergences import cross_entropy, divergence, entropy
from thalweg.probability.empirical import Empirical
from thalweg.probability.estimate import Estimate
from thalweg.probability.exact_density import log_density
from thalweg.probability.matching import MATCHES, Moments
from thalweg.probability.search import SEARCHES, Search
from thalweg.probability.view import Numbers, view

NORMALS = 1000
NOWHERE = 1e10
"""A loss for places where it is infinite or no number, from which the search turns away."""
Direction = Literal["forward", "backward"]


class Fit(NamedTuple):
    """A fitted distribution.

    Attributes:
        distribution: q, a NumPyro distribution.
        estimate: D(p‖q) or D(q‖p); of a forward fit to data the cross entropy, the mean negative log-likelihood.
        optima: where the starts ended, best first: pairs of a distribution and its divergence. One for a closed form.
    """

    distribution: Any
    estimate: Estimate
    optima: tuple[tuple[Any, float], ...]


def fit(
    q_family: str | type, p: Any, direction: Direction = "forward", *, starts: int = 5, key: Array | None = None
) -> Fit:
    r"""Return the member q of a family with the least divergence from p.

    Forward, min_q D(p‖q), covers the mass of p; for data it is maximum likelihood. Exponential families match the means
    of their sufficient statistics: in closed form for most, by solving an equation for gamma and beta; a Laplace takes
    the median and the mean distance from it. Backward, min_q D(q‖p), seeks a mode: it is searched numerically from
    several starts at quantiles of p, and each optimum is returned.

    Args:
        q_family: a name in ``DISTRIBUTIONS``, or a NumPyro class.
        p: a NumPyro distribution, an array of data (n,) or (n, d), or an `Empirical`.
        direction: ``"forward"`` for D(p‖q), ``"backward"`` for D(q‖p).
        starts: number of starts of a numerical search.
        key: JAX random key, for expectations that are sampled.

    Returns:
        The distribution, its divergence, and the optima of all starts.

    Raises:
        ArgumentError: unknown family or direction, a family that cannot be fitted, values of p outside the support
            of the family, or a backward fit to points, which have no density.

    Example:
        >>> best = fit("laplace", dist.Normal(0.0, 2.0))  # b = σ √(2/π), D = ½ - ln(π/2)
        >>> round(float(best.distribution.scale), 6), round(float(best.estimate), 6)
        (1.595769, 0.048417)

    Source: Bishop, *Pattern Recognition and Machine Learning* (2006), sections 2.4 and 10.1.
    """
    starts = number("starts", starts, at_least=1, integer=True)
    family = lookup(DISTRIBUTIONS, q_family, "q_family") if isinstance(q_family, str) else q_family
    p = p if isinstance(p, dist.Distribution) else Empirical(p)
    if p.batch_shape:
        raise ArgumentError("p", "a single distribution", f"a batch of shape {p.batch_shape}")
    name = _name(family)
    if direction not in {"forward", "backward"}:
        raise ArgumentError("direction", "'forward' or 'backward'", repr(direction))
    if direction == "forward":
        if name in MATCHES:
            q = MATCHES[name](Moments(p, key))
            estimate = _quality(p, q, direction, key)
            return Fit(q, estimate, ((q, float(estimate)),))
    elif isinstance(p, (Empirical, dist.Delta)):
        raise ArgumentError(
            "direction",
            "'forward' for points, which have no density",
            "'backward'",
            "Fit to a KernelDensity of them.",
        )
    if name not in SEARCHES:
        raise ArgumentError("q_family", f"one of {', '.join(sorted({*MATCHES, *SEARCHES}))}", name)
    return _searched(SEARCHES[name], p, direction, starts, key)


def _name(family: Any) -> str:
    """Return the registered name of a class, or of the class behind a factory."""
    names = {made: name for name, made in DISTRIBUTIONS.items()}
    if family in names:
        return names[family]
    written = getattr(family, "__name__", str(family))
    for ending in ("Probs", "Logits"):
        base = getattr(dist, written.removesuffix(ending), None)
        if written.endswith(ending) and base in names:
            return names[base]
    return written


def _quality(p: Any, q: Any, direction: Direction, key: Array | None) -> Estimate:
    if direction == "backward":
        return divergence(q, p, key=key)
    if isinstance(p, Empirical) and not q.is_discrete:
        return cross_entropy(p, q, key=key)
    return divergence(p, q, key=key)


def _searched(search: Search, p: Any, direction: Direction, starts: int, key: Array | None) -> Fit:
    """Minimize by Nelder–Mead over unconstrained parameters, from several quantiles of p."""
    measure = _backward(p) if direction == "backward" else _forward(p)

    def make(theta: Numbers) -> Any:
        with jax.enable_x64(True):
            return search.make(theta)

    def loss(theta: Numbers) -> float:
        with np.errstate(all="ignore"):
            value = measure(make(theta))
        return value if np.isfinite(value) else NOWHERE

    found = []
    for first in search.starts(p, starts):
        answer = minimize(loss, first, method="Nelder-Mead", options={"xatol": 1e-5, "fatol": 1e-9, "maxfev": 500})
        found.append((make(answer.x), float(answer.fun)))
    found.sort(key=lambda pair: pair[1])
    best, value = found[0]
    if value >= NOWHERE:
        raise ArgumentError("p", f"values that {search.name} can take", "an infinite divergence from all of them")
    return Fit(best, _quality(p, best, direction, key), tuple(found))


def _forward(p: Any) -> Callable[[Any], float]:
    """Return q ↦ the cross entropy of p and q, on nodes of p."""
    x, weight = view(p).nodes(4)
    here = (weight > 0) & np.isfinite(x)
    return lambda q: float(-weight[here] @ view(q).log_density(x[here]))


def _backward(p: Any) -> Callable[[Any], float]:
    """Return q ↦ D(q‖p), on nodes of q; of random vectors on images of the same normal draws, so that it is smooth."""
    if p.event_shape:
        z = np.random.default_rng(0).standard_normal((NORMALS, *p.event_shape))
        z = np.concatenate([z, -z])

        def of_vector(q: Any) -> float:
            x = np.asarray(q.loc) + z @ np.asarray(q.scale_tril).T
            return float(-entropy(q).value - log_density(p, x).mean())

        return of_vector
    of_p = view(p)

    def of_number(q: Any) -> float:
        of_q = view(q)
        x, weight = of_q.nodes(2)
        here = (weight > 0) & np.isfinite(x)
        return float(weight[here] @ (of_q.log_density(x[here]) - of_p.log_density(x[here])))

    return of_number
