"""The numbers of a distribution in float64: one small contract behind moments, CDFs, quantiles and expectations.

NumPyro's distributions know how to sample and give ln p(x), in JAX's float32. What they lack, or give for some families
only, comes from a `View` of them: an object that answers in NumPy, in float64, for all rows of a batch at once. The
view of a random vector is that of its components, each by itself (its marginals), with the event axes last.

`view` finds the view by the class of the distribution; a new class is one function registered with ``view.register``.
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cache, singledispatch
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalweg.core.errors import ArgumentError

Numbers = NDArray[np.float64]
MOST_ATOMS = 2_000_000
"""Values of a discrete variable that are summed one by one; beyond, expectations are sampled."""


class View(ABC):
    """Float64 numbers of scalar random variables, one for each entry of ``shape``.

    Attributes:
        shape: batch shape and, of random vectors, event shape.
        discrete: whether values are isolated points.
        lower: least value possible, broadcasts to ``shape``.
        upper: greatest value possible.
    """

    shape: tuple[int, ...]
    discrete: bool
    lower: Numbers
    upper: Numbers

    @abstractmethod
    def log_density(self, x: Numbers) -> Numbers:
        """Return ln p(x), or ln P(X = x)."""

    @abstractmethod
    def cdf(self, x: Numbers) -> Numbers:
        """Return P(X ≤ x)."""

    @abstractmethod
    def quantile(self, q: Numbers) -> Numbers:
        """Return the smallest x with P(X ≤ x) ≥ q."""

    @abstractmethod
    def mode(self) -> Numbers:
        """Return the value of greatest density; the smallest if there are several."""

    def survival(self, x: Numbers) -> Numbers:
        """Return P(X > x); accurate where it is small, if the family knows how."""
        return np.asarray(1 - self.cdf(x))

    def upper_quantile(self, q: Numbers) -> Numbers:
        """Return the quantile of 1 - q; accurate for small q, if the family knows how."""
        below_one = np.minimum(1 - np.asarray(q), np.nextafter(1.0, 0.0))
        return np.where(np.asarray(q) > 0, self.quantile(below_one), self.upper)

    def mean(self) -> Numbers:
        """Return E[X]."""
        x, weight = self.nodes(2)
        return np.asarray((weight * x).sum(axis=0))

    def variance(self) -> Numbers:
        """Return E[(X - E X)²]."""
        x, weight = self.nodes(2)
        return np.asarray((weight * (x - self.mean()) ** 2).sum(axis=0))

    def nodes(self, level: int) -> tuple[Numbers, Numbers]:
        r"""Return x (n, \*shape) and weights (n, \*shape) with E[g(X)] ≈ Σ w g(x).

        Of a discrete one its values and their probabilities, but for tails too small to matter. Of a continuous one
        Gauss–Legendre panels over s in u = ½ e⁻ˢ, from x = F⁻¹(u) below the median and x = F⁻¹(1 - u) above it. Tails
        become smooth that way, also those of heavy-tailed families.

        Args:
            level: cuts each panel into this many; two levels together tell the error.
        """
        if self.discrete:
            return self._atoms()
        u, weight = _tail_nodes(level)
        u = u.reshape(-1, *(1,) * len(self.shape))
        x = np.concatenate([self.quantile(u), self.upper_quantile(u)])
        weight = np.concatenate([weight, weight]).reshape(-1, *(1,) * len(self.shape))
        # Far in a heavy tail some quantiles overflow; nothing is left there.
        finite = np.isfinite(x)
        return np.where(finite, x, 0.0), np.where(finite, weight, 0.0)

    def _atoms(self) -> tuple[Numbers, Numbers]:
        # Twice as far from the mean as where 1e-12 is left, a tail that falls off like a power of e is below 1e-24.
        far = [2 * self.quantile(np.asarray(q)) - np.floor(self.mean()) for q in (1e-12, 1 - 1e-12)]
        first, last = np.maximum(self.lower, far[0]), np.minimum(self.upper, far[1])
        count = int((last - first).max(initial=0)) + 1
        if count * max(1, int(np.prod(self.shape))) > 50 * MOST_ATOMS or count > MOST_ATOMS:
            raise TooManyAtomsError(count)
        x: Numbers = first + np.arange(count, dtype=np.float64).reshape(-1, *(1,) * len(self.shape))
        x = np.broadcast_to(x, (count, *self.shape))
        inside = x <= last
        x = np.where(inside, x, last)  # shorter rows repeat their last value, without weight
        return x, np.where(inside, np.exp(self.log_density(x)), 0.0)


class TooManyAtomsError(Exception):
    """A discrete variable has too many values to be summed one by one; never leaves this room."""


@cache
def _tail_nodes(level: int) -> tuple[Numbers, Numbers]:
    """Return u in (0, ½) and weights, where ∫ f(u) du over (0, ½) = Σ w f(u)."""
    node, weight = np.polynomial.legendre.leggauss(16)
    edges = np.array([0, 0.25, 0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 700])
    edges = np.unique(np.concatenate([np.linspace(a, b, level + 1) for a, b in itertools.pairwise(edges)]))
    half = np.diff(edges)[:, None] / 2
    s = (edges[:-1, None] + half * (1 + node)).ravel()
    u = 0.5 * np.exp(-s)
    return u, u * (half * weight).ravel()


@singledispatch
def view(d: Any) -> View:
    """Return the `View` of a NumPyro distribution.

    Raises:
        ArgumentError: not a distribution, or one of a class that nothing is known about.
    """
    raise ArgumentError(
        "d", "a NumPyro distribution with a CDF", type(d).__name__, "Give its density as thalweg.probability.Density."
    )


def rows(x: Any, shape: tuple[int, ...]) -> Numbers:
    """Return x in float64 with at least the axes of ``shape``.

    Example:
        >>> rows(1.0, (3, 2)).shape
        (1, 1)
    """
    array = np.asarray(x, np.float64)
    return array.reshape((1,) * (len(shape) - array.ndim) + array.shape)


def invert(v: View, q: Numbers, low: Numbers, high: Numbers) -> Numbers:
    """Return the smallest x in [low, high] with F(x) ≥ q: bisection among whole numbers, Newton kept in a bracket else.

    Args:
        v: a view with a CDF and a density; discrete ones live on whole numbers.
        q: probabilities.
        low: values whose CDF is at most q.
        high: values whose CDF is at least q.
    """
    q, low, high = (np.array(a) for a in np.broadcast_arrays(q, low, high))
    if v.discrete:
        low = np.floor(low) - 1
        while (high - low > 1).any():
            middle = np.floor((low + high) / 2)
            enough = v.cdf(middle) >= q
            low, high = np.where(enough, low, middle), np.where(enough, middle, high)
        return high
    x, resolution = (low + high) / 2, 1e-14 * (high - low)
    for step in range(200):
        width = high - low
        excess = v.cdf(x) - q
        low, high = np.where(excess < 0, x, low), np.where(excess >= 0, x, high)
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            newton = x - excess * np.exp(-v.log_density(x))
        # Newton may crawl at the edge of a bracket that stays wide: every other time, the middle is taken then.
        crawls = (high - low > 0.5 * width) & (step % 2 == 1)
        close = np.abs(newton - x) <= resolution + 1e-14 * np.abs(x)
        good = (newton > low) & (newton < high) & (close | ~crawls)
        new = np.where(good, newton, low + (high - low) / 2)
        # Between two far modes F is flat, and every x reaches q to the last digit.
        reached = np.abs(excess) <= 1e-15 * q
        done = reached | close | (new <= low) | (new >= high)
        x = np.where(reached, x, np.where(high > low, new, high))
        if (done | (high <= low)).all():
            break
    return np.asarray(np.where(np.isnan(q), np.nan, x))


def highest(v: View) -> Numbers:
    """Return the mode of continuous variables with one maximum, by golden section between quantiles."""
    q = np.linspace(0, 1, 401).reshape(-1, *(1,) * len(v.shape))
    q[0], q[-1] = 1e-9, 1 - 1e-9
    x = np.broadcast_to(v.quantile(q), (401, *v.shape))
    x = np.concatenate([np.where(np.isfinite(v.lower), v.lower, x[0])[None], x])
    best = np.stack([v.log_density(at) for at in x]).argmax(axis=0)[None]
    low, at, high = (np.take_along_axis(x, np.clip(best + i, 0, len(x) - 1), axis=0)[0] for i in (-1, 0, 1))
    found, value = golden(v.log_density, low, high)
    return np.where(value > v.log_density(at), found, at)


def golden(f: Callable[[Numbers], Numbers], low: Numbers, high: Numbers, steps: int = 45) -> tuple[Numbers, Numbers]:
    """Return where f is greatest between low and high, and its value there, elementwise by golden section.

    Args:
        f: with one maximum between the ends.
        low: lower ends.
        high: upper ends.
        steps: each shrinks the bracket by 0.618.

    Example:
        >>> x, value = golden(lambda x: -((x - 1) ** 2), np.zeros(1), np.full(1, 3.0))
        >>> x.round(6), value.round(6)
        (array([1.]), array([-0.]))

    Source: Kiefer, *Sequential Minimax Search for a Maximum* (1953).
    """
    ratio = (np.sqrt(5) - 1) / 2
    left, right = high - ratio * (high - low), low + ratio * (high - low)
    at_left, at_right = f(left), f(right)
    for _ in range(steps):
        up = at_right > at_left
        low, high = np.where(up, left, low), np.where(up, high, right)
        inner = np.where(up, low + ratio * (high - low), high - ratio * (high - low))
        at_inner = f(inner)
        left, right = np.where(up, right, inner), np.where(up, inner, left)
        at_left, at_right = np.where(up, at_right, at_inner), np.where(up, at_inner, at_left)
    return np.where(at_right > at_left, right, left), np.maximum(at_left, at_right)
