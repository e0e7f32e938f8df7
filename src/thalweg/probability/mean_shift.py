"""Mean shift: the maxima of mixtures of normal densities in R^d."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpyro.distributions as dist
from scipy.special import logsumexp

from thalweg.core.errors import ArgumentError
from thalweg.probability.families import class_probabilities
from thalweg.probability.moments import component_moments
from thalweg.probability.view import Numbers


def climb(d: Any) -> Numbers:
    r"""Return the maxima that mean shift and Newton's method reach from all component means.

    Returns:
        Array (\*batch, M, k), the greatest density first, ending in NaN where a row has fewer.

    Raises:
        ArgumentError: components that are not normal vectors.
    """
    parts = [d.component_distribution] if isinstance(d, dist.MixtureSameFamily) else d.component_distributions
    if not all(_is_normal(part) for part in parts) or len(d.event_shape) != 1:
        raise ArgumentError("d", "a mixture of normal components, or of numbers", "other components")
    means, matrices = component_moments(d)
    weights = class_probabilities(d.mixing_distribution)
    k, size = weights.shape[-1], d.event_shape[0]
    means = np.broadcast_to(means, (*d.batch_shape, k, size))
    matrices = np.broadcast_to(matrices, (*d.batch_shape, k, size, size))
    return _Normals(np.broadcast_to(weights, (*d.batch_shape, k)), means, matrices).modes()


def _is_normal(part: Any) -> bool:
    if isinstance(part, dist.Independent | dist.ExpandedDistribution):
        return _is_normal(part.base_dist)
    return isinstance(part, dist.Normal | dist.MultivariateNormal | dist.LowRankMultivariateNormal)


class _Normals:
    """Weights (…, K), means (…, K, d) and covariance matrices (…, K, d, d); points x are (…, M, d)."""

    def __init__(self, weights: Numbers, means: Numbers, matrices: Numbers) -> None:
        self.means, self.precision = means, np.linalg.inv(matrices)
        with np.errstate(divide="ignore"):
            self.log_factor = np.log(weights) + 0.5 * np.linalg.slogdet(self.precision)[1]

    def _at(self, x: Numbers) -> tuple[Numbers, Numbers, Numbers]:
        """Return ln p + constant (…, M), shares r (…, M, K) and C_k⁻¹ (μ_k - x) (…, M, K, d)."""
        pull = np.einsum("...kij,...mkj->...mki", self.precision, self.means[..., None, :, :] - x[..., :, None, :])
        away = self.means[..., None, :, :] - x[..., :, None, :]
        log_parts = self.log_factor[..., None, :] - 0.5 * (away * pull).sum(axis=-1)
        value = logsumexp(log_parts, axis=-1)
        return value, np.exp(log_parts - value[..., None]), pull

    def modes(self) -> Numbers:
        x = self.means.copy()
        for _ in range(1000):
            _, share, pull = self._at(x)
            force = (share[..., None] * pull).sum(axis=-2)
            stiffness = np.einsum("...mk,...kij->...mij", share, self.precision)
            step = np.linalg.solve(stiffness, force[..., None])[..., 0]
            x = x + step
            if (np.abs(step) <= 1e-9 * (1 + np.abs(x))).all():
                break
        for _ in range(20):
            x = self._newton(x)
        value, share, pull = self._at(x)
        is_top = np.linalg.eigvalsh(self._hessian(share, pull))[..., -1] < 0
        return self._distinct(x, np.where(is_top, value, -np.inf))

    def _hessian(self, share: Numbers, pull: Numbers) -> Numbers:
        """Return the second derivative of ln p."""
        force = (share[..., None] * pull).sum(axis=-2)
        outer = np.einsum("...mk,...mki,...mkj->...mij", share, pull, pull)
        stiffness = np.einsum("...mk,...kij->...mij", share, self.precision)
        return np.asarray(outer - stiffness - force[..., :, None] * force[..., None, :])

    def _newton(self, x: Numbers) -> Numbers:
        value, share, pull = self._at(x)
        force = (share[..., None] * pull).sum(axis=-2)
        hessian = self._hessian(share, pull)
        definite = np.linalg.eigvalsh(hessian)[..., -1] < 0
        safe = np.where(definite[..., None, None], hessian, -np.eye(x.shape[-1]))
        new = x - np.linalg.solve(safe, force[..., None])[..., 0]
        better = definite & (self._at(new)[0] >= value)
        return np.where(better[..., None], new, x)

    def _distinct(self, x: Numbers, value: Numbers) -> Numbers:
        order = np.argsort(-value, axis=-1, kind="stable")
        x, value = np.take_along_axis(x, order[..., None], axis=-2), np.take_along_axis(value, order, axis=-1)
        # Two of them are one if closer than 1e-4 of the narrowest component.
        near = 1e-4 / np.sqrt(np.linalg.eigvalsh(self.precision)[..., -1].max(axis=-1))
        distance = np.linalg.norm(x[..., :, None, :] - x[..., None, :, :], axis=-1)
        earlier = np.tril(np.ones((x.shape[-2],) * 2, bool), -1)
        keep = np.isfinite(value) & ~((distance < near[..., None, None]) & earlier).any(axis=-1)
        most = max(1, int(keep.sum(axis=-1).max()))
        order = np.argsort(~keep, axis=-1, kind="stable")[..., :most]
        x, keep = np.take_along_axis(x, order[..., None], axis=-2), np.take_along_axis(keep, order, axis=-1)
        return np.where(keep[..., None], x, np.nan)
