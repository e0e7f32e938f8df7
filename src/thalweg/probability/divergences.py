"""Kullback–Leibler divergence, entropy and cross entropy of any two distributions."""

from __future__ import annotations

import math
from typing import Any

import jax
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array
from numpyro.distributions.transforms import AffineTransform

from thalweg.core.errors import ArgumentError
from thalweg.probability.closed_forms import DIVERGENCES
from thalweg.probability.entropies import ENTROPIES
from thalweg.probability.estimate import Estimate
from thalweg.probability.exact_density import log_density
from thalweg.probability.expected_logs import Sampling, atoms, exact, kind, numeric
from thalweg.probability.families import parameter
from thalweg.probability.quadrature import check_mass

SAMPLES = 100_000


def divergence(p: Any, q: Any, *, key: Array | None = None, samples: int = SAMPLES) -> Estimate:
    r"""Return the Kullback–Leibler divergence D(p‖q) = E_p[ln p(x) - ln q(x)] in nats.

    D ≥ 0, zero only for equal distributions, not symmetric, additive over independent parts. A closed form is used
    where there is one; sums over all values of discrete variables, and quadrature in one and two dimensions, come with
    a bound on their error; beyond that, draws from p with a standard error. Where q is zero and p is not, D is
    infinite.

    Args:
        p: a NumPyro distribution, or a batch of them.
        q: another, over the same kind of values.
        key: JAX random key for Monte Carlo; ``jax.random.key(0)`` if none is given.
        samples: number of draws for Monte Carlo.

    Returns:
        Value, method and error; one value for each entry of a batch. The note says why a divergence is infinite.

    Raises:
        ArgumentError: one is discrete and the other is not, events of different shapes, or a density that does not
            integrate to one.

    Example:
        >>> answer = divergence(dist.Normal(0.0, 1.0), dist.Laplace(0.0, 1.0))
        >>> round(float(answer), 6), answer.method
        (0.072093, 'closed form')
        >>> divergence(dist.Normal(0.0, 1.0), dist.Exponential(1.0)).note
        'q is 0 at values that p takes'

    Source: Kullback, Leibler, *On Information and Sufficiency* (1951).
    """
    _check_pair(p, q)
    if kind(p) != kind(q):
        raise ArgumentError(
            "q",
            f"a {kind(p)} distribution, as p is",
            f"the {kind(q)} {type(q).__name__}",
            "Between the two there is no density; for points against a density, take cross_entropy.",
        )
    return _divergence(p, q, Sampling(key, samples))


def entropy(p: Any, *, key: Array | None = None, samples: int = SAMPLES) -> Estimate:
    r"""Return the entropy H(p) = -E_p[ln p(x)] in nats.

    At least 0 for discrete variables; of continuous ones it is relative to the unit of x, and may be negative.

    Args:
        p: a NumPyro distribution, or a batch of them.
        key: JAX random key for Monte Carlo; ``jax.random.key(0)`` if none is given.
        samples: number of draws for Monte Carlo.

    Returns:
        Value, method and error; one value for each entry of a batch.

    Raises:
        ArgumentError: not a distribution, or a density that does not integrate to one.

    Example:
        >>> round(float(entropy(dist.Bernoulli(0.5))), 6)  # ln 2
        0.693147

    Source: Cover, Thomas, *Elements of Information Theory* (2006), chapters 2 and 8.
    """
    _check(p, "p")
    return _entropy(p, Sampling(key, samples))


def cross_entropy(p: Any, q: Any, *, key: Array | None = None, samples: int = SAMPLES) -> Estimate:
    r"""Return the cross entropy H(p, q) = -E_p[ln q(x)] = D(p‖q) + H(p) in nats.

    For an empirical p it is the mean negative log-likelihood, -Σ w_n ln q(x(n)), also if q is a density: what training
    minimizes.

    Args:
        p: a NumPyro distribution, or a batch of them.
        q: another, over the same kind of values.
        key: JAX random key for Monte Carlo; ``jax.random.key(0)`` if none is given.
        samples: number of draws for Monte Carlo.

    Returns:
        Value, method and error; one value for each entry of a batch.

    Raises:
        ArgumentError: as for `divergence`, but for points against a density.

    Example:
        >>> from thalweg.probability import Empirical
        >>> round(float(cross_entropy(Empirical([1.0, 3.0]), dist.Normal(2.0, 1.0))), 6)  # ½ ln 2π + ½
        1.418939

    Source: Cover, Thomas, *Elements of Information Theory* (2006), section 5.4.
    """
    _check_pair(p, q)
    sampling = Sampling(key, samples)
    points = atoms(p)
    if points is not None and kind(q) == "continuous":
        x, weights = points
        return exact(weights @ -log_density(q, x), "sum", 1e-15)
    if kind(p) != kind(q):
        raise ArgumentError("q", f"a {kind(p)} distribution, as p is", f"the {kind(q)} {type(q).__name__}")
    part = _closed(p, q)
    return _added(part, _entropy(p, sampling)) if part is not None else numeric("cross entropy", p, q, sampling)


# ----------------------------------------------------------------------------------------------- closed forms


def _divergence(p: Any, q: Any, sampling: Sampling) -> Estimate:
    answer = _closed(p, q)
    if answer is not None:
        return answer
    shape = np.broadcast_shapes(p.batch_shape, q.batch_shape)
    if isinstance(p, dist.ExpandedDistribution):
        return _broadcast(_divergence(p.base_dist, q, sampling), shape)
    if isinstance(q, dist.ExpandedDistribution):
        return _broadcast(_divergence(p, q.base_dist, sampling), shape)
    if _parts(p) and _parts(p) == _parts(q):
        return _summed(_divergence(p.base_dist, q.base_dist, sampling), _parts(p))
    return numeric("divergence", p, q, sampling)


def _closed(p: Any, q: Any) -> Estimate | None:
    """Return D(p‖q) if there is a closed form for all entries of the batch."""
    shape = np.broadcast_shapes(p.batch_shape, q.batch_shape)
    formula = next((DIVERGENCES[c, d] for c in type(p).__mro__ for d in type(q).__mro__ if (c, d) in DIVERGENCES), None)
    if formula is not None:
        value = formula(p, q)
        return None if np.isnan(value).any() else _broadcast(exact(np.maximum(value, 0.0), "closed form"), shape)
    if isinstance(p, dist.ExpandedDistribution) or isinstance(q, dist.ExpandedDistribution):
        bases = (d.base_dist if isinstance(d, dist.ExpandedDistribution) else d for d in (p, q))
        answer = _closed(*bases)
        return None if answer is None else _broadcast(answer, shape)
    if _parts(p) and _parts(p) == _parts(q):
        answer = _closed(p.base_dist, q.base_dist)
        return None if answer is None else _summed(answer, _parts(p))
    vectors = _as_vector(p, q), _as_vector(q, p)
    if vectors != (p, q):
        return _closed(*vectors)
    if _same_transforms(p, q):
        return _closed(p.base_dist, q.base_dist)
    return None


def _as_vector(d: Any, other: Any) -> Any:
    """Return independent normals as a multivariate normal, if the other is one."""
    is_normal = _parts(d) == 1 and isinstance(d.base_dist, dist.Normal)
    if not (is_normal and isinstance(other, (dist.MultivariateNormal, dist.LowRankMultivariateNormal))):
        return d
    loc = np.broadcast_to(parameter(d.base_dist, "loc"), d.base_dist.batch_shape)
    variances = np.broadcast_to(parameter(d.base_dist, "scale") ** 2, loc.shape)
    with jax.enable_x64(True):
        return dist.MultivariateNormal(loc, variances[..., None] * np.eye(loc.shape[-1]))


def _same_transforms(p: Any, q: Any) -> bool:
    """Whether both are images under one bijection, which keeps divergences."""
    both = isinstance(p, dist.TransformedDistribution) and isinstance(q, dist.TransformedDistribution)
    if not both or len(p.transforms) != len(q.transforms) or p.event_shape != p.base_dist.event_shape:
        return False
    return all(type(s) is type(t) and bool(np.all(s == t)) for s, t in zip(p.transforms, q.transforms, strict=True))


def _entropy(p: Any, sampling: Sampling) -> Estimate:
    formula = next((ENTROPIES[c] for c in type(p).__mro__ if c in ENTROPIES), None)
    if formula is not None:
        return _broadcast(exact(formula(p), "closed form"), p.batch_shape)
    if isinstance(p, dist.ExpandedDistribution):
        return _broadcast(_entropy(p.base_dist, sampling), p.batch_shape)
    if _parts(p):
        return _summed(_entropy(p.base_dist, sampling), _parts(p))
    if isinstance(p, dist.TransformedDistribution) and not p.event_shape:
        scales = [parameter(t, "scale") for t in p.transforms if isinstance(t, AffineTransform)]
        if len(scales) == len(p.transforms) and kind(p) == "continuous":
            base = _entropy(p.base_dist, sampling)
            shift = sum(np.log(np.abs(scale)) for scale in scales)
            return _broadcast(base._replace(value=base.value + shift), p.batch_shape)
    return numeric("entropy", p, None, sampling)


# -------------------------------------------------------------------------------------------------- small parts


def _check(d: Any, argument: str) -> None:
    if not isinstance(d, dist.Distribution):
        raise ArgumentError(
            argument, "a NumPyro distribution", type(d).__name__, "For points, thalweg.probability.Empirical(points)."
        )
    if isinstance(d, (dist.ImproperUniform, dist.Unit)):
        check_mass(math.inf, argument)


def _check_pair(p: Any, q: Any) -> None:
    _check(p, "p")
    _check(q, "q")
    if p.event_shape != q.event_shape:
        raise ArgumentError("q", f"events of shape {p.event_shape}, as those of p", f"{q.event_shape}")
    try:
        np.broadcast_shapes(p.batch_shape, q.batch_shape)
    except ValueError:
        raise ArgumentError("q", f"a batch that goes with {p.batch_shape}", f"{q.batch_shape}") from None


def _parts(d: Any) -> int:
    """Return how many axes of independent parts a distribution joins."""
    return int(d.reinterpreted_batch_ndims) if isinstance(d, dist.Independent) else 0


def _broadcast(answer: Estimate, shape: tuple[int, ...]) -> Estimate:
    value, error = (np.broadcast_to(a, shape)[()] for a in (answer.value, answer.error))
    return answer._replace(value=value, error=error)


def _summed(parts: Estimate, axes: int) -> Estimate:
    """Return the sum over independent parts, the last axes of the batch."""
    over = tuple(range(-axes, 0))
    error = np.asarray(parts.error)
    together = np.sqrt((error**2).sum(over)) if parts.method == "Monte Carlo" else error.sum(over)
    return parts._replace(value=np.asarray(parts.value).sum(over)[()], error=together[()])


def _added(a: Estimate, b: Estimate) -> Estimate:
    method = next(m for m in ("Monte Carlo", "quadrature", "sum", "closed form") if m in {a.method, b.method})
    return Estimate((a.value + b.value), method, (a.error + b.error), a.note or b.note)
