"""The continuous ranked probability score: how far a whole distribution lies from the number that came true."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from thalweg.decisions.outcomes import points

Numbers = NDArray[np.float64]


def crps(distribution: Any, y: Any, *, samples: int | None = None, seed: int = 0) -> Float[np.ndarray, "*shape"]:
    r"""Return CRPS(F, y) = ∫ (F(t) - [t ≥ y])² dt = E|Y - y| - ½ E|Y - Y'| of each row, in units of the target.

    A closed form for normal, Laplace and Student t distributions and for mixtures of normals; sums over the values of
    counts; else a quadrature, or draws where nothing else is known. Of random vectors each component by itself.

    Args:
        distribution: of numbers or counts, over the rows; or draws of it, an array (draws, rows, ...).
        y: what came true, in the shape of the rows.
        samples: draws a row, in place of the closed form or the quadrature.
        seed: of these draws.

    Example:
        >>> from numpyro.distributions import Normal
        >>> crps(Normal(np.zeros(2), 1.0), np.array([0.0, 2.0])).round(4).tolist()
        [0.2337, 1.4528]

    Source: Gneiting and Raftery, *Strictly Proper Scoring Rules, Prediction, and Estimation*, JASA 102 (2007).
    """
    y = np.asarray(y, np.float64)
    if isinstance(distribution, np.ndarray):
        draws = np.sort(distribution.astype(np.float64), axis=0)
        return _of_points(draws, np.full(draws.shape, 1 / len(draws)), y)
    if samples is None:
        base, axes = _base(distribution)
        closed = CLOSED_FORMS.get(type(base).__name__)
        if closed is not None and (found := closed(base, y, axes)) is not None:
            return found
    cloud = points(distribution, samples=samples, seed=seed)
    order = np.argsort(cloud.values, axis=0, kind="stable")
    weights = np.broadcast_to(cloud.weights, cloud.values.shape)
    return _of_points(np.take_along_axis(cloud.values, order, 0), np.take_along_axis(weights, order, 0), y)


def _base(distribution: Any) -> tuple[Any, int]:
    """Return the distribution inside `Independent`, and how many of its batch axes were components."""
    axes = 0
    while type(distribution).__name__ == "Independent":
        axes += distribution.reinterpreted_batch_ndims
        distribution = distribution.base_dist
    return distribution, axes


def _of_points(x: Numbers, w: Numbers, y: Numbers) -> Numbers:
    """Score rising points (points, *rows): ½ E|Y - Y'| = Σ_j w_j x_j (2 W_j - w_j - 1), W_j = Σ_{i ≤ j} w_i."""
    spread = (w * x * (2 * np.cumsum(w, axis=0) - w - 1)).sum(axis=0)
    return np.asarray((w * np.abs(x - y)).sum(axis=0) - spread)


def _normal(d: Any, y: Numbers, axes: int) -> Numbers:
    del axes
    return _normal_score(y, np.asarray(d.loc, np.float64), np.asarray(d.scale, np.float64))


def _normal_score(y: Numbers, loc: Numbers, scale: Numbers) -> Numbers:
    return np.asarray(_absolute_normal(y - loc, scale) - scale / np.sqrt(np.pi))


def _absolute_normal(mean: Numbers, sd: Numbers) -> Numbers:
    """E|X| of X ~ N(mean, sd²) = 2 sd φ(z) + mean (2 Φ(z) - 1), z = mean / sd."""
    from scipy.special import ndtr

    z = mean / sd
    return np.asarray(2 * sd * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) + mean * (2 * ndtr(z) - 1))


def _laplace(d: Any, y: Numbers, axes: int) -> Numbers:
    del axes
    scale = np.asarray(d.scale, np.float64)
    z = np.abs(y - np.asarray(d.loc, np.float64)) / scale
    return np.asarray(scale * (z + np.exp(-z) - 0.75))


def _student_t(d: Any, y: Numbers, axes: int) -> Numbers | None:
    del axes
    from scipy.special import beta, stdtr

    df, loc, scale = (np.asarray(value, np.float64) for value in (d.df, d.loc, d.scale))
    if (df <= 1).any():  # no mean, and the score is infinite
        return np.full(np.broadcast_shapes(df.shape, loc.shape, y.shape), np.inf) if (df <= 1).all() else None
    z = (y - loc) / scale
    density = (1 + z**2 / df) ** (-(df + 1) / 2) / (np.sqrt(df) * beta(0.5, df / 2))
    spread = 2 * np.sqrt(df) * beta(0.5, df - 0.5) / ((df - 1) * beta(0.5, df / 2) ** 2)
    return np.asarray(scale * (z * (2 * stdtr(df, z) - 1) + 2 * density * (df + z**2) / (df - 1) - spread))


def _mixture(d: Any, y: Numbers, axes: int) -> Numbers | None:
    """Mixture of normals: Σ_i w_i A(y - μ_i, σ_i) - ½ Σ_ij w_i w_j A(μ_i - μ_j, √(σ_i² + σ_j²)), A = E|N|.

    Source: Grimit et al., *The Continuous Ranked Probability Score for Circular Variables* (2006).
    """
    base, inner = _base(d.component_distribution)
    if type(base).__name__ != "Normal":
        return None
    axes += inner
    # Components of each row come last but the event axes; here they come last.
    loc, scale = (np.moveaxis(np.asarray(value, np.float64), -1 - axes, -1) for value in (base.loc, base.scale))
    loc, scale = np.broadcast_arrays(loc, scale)
    w = np.asarray(d.mixing_distribution.probs, np.float64)
    w = w.reshape(*w.shape[:-1], *[1] * axes, w.shape[-1])
    near = (w * _absolute_normal(y[..., None] - loc, scale)).sum(axis=-1)
    both = np.hypot(scale[..., :, None], scale[..., None, :])
    pairs = w[..., :, None] * w[..., None, :] * _absolute_normal(loc[..., :, None] - loc[..., None, :], both)
    return np.asarray(near - pairs.sum(axis=(-2, -1)) / 2)


CLOSED_FORMS: dict[str, Callable[[Any, Numbers, int], Numbers | None]] = {
    "Normal": _normal,
    "Laplace": _laplace,
    "StudentT": _student_t,
    "MixtureSameFamily": _mixture,
}
"""Closed forms by the distribution's class; None from one of them leaves the row to the quadrature."""
