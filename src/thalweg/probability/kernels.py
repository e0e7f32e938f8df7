"""Radial kernels in R^d: the bumps that a kernel density estimate puts on its points."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import betainc, ndtr
from jaxtyping import Array


@dataclasses.dataclass(frozen=True)
class Kernel:
    r"""A density k(u) = κ(‖u‖) / Z_d that depends on the distance alone.

    Z_d = ∫ κ(‖u‖) du = 2 π^{d/2} / Γ(d/2) · ∫_0^∞ κ(r) r^{d-1} dr.

    Args:
        log_profile: ln κ as a function of the squared distance s = r², -∞ outside the kernel.
        radial_moment: m ↦ ∫_0^∞ κ(r) r^m dr.
        cdf: ∫_{-∞}^u k of the kernel on the line.
        radius: (key, shape, d) ↦ draws of ‖u‖ in R^d.

    Example:
        >>> round(KERNELS["gaussian"].log_volume(2), 6)  # ln 2π
        1.837877
    """

    log_profile: Callable[[Array], Array]
    radial_moment: Callable[[int], float]
    cdf: Callable[[Array], Array]
    radius: Callable[[Array, tuple[int, ...], int], Array]

    def log_volume(self, d: int) -> float:
        """Return ln Z_d, the logarithm of what the kernel's profile integrates to in R^d."""
        sphere = math.log(2) + d / 2 * math.log(math.pi) - math.lgamma(d / 2)
        return sphere + math.log(self.radial_moment(d - 1))

    def variance(self, d: int) -> float:
        """Return the variance of the kernel along each axis of R^d."""
        return self.radial_moment(d + 1) / self.radial_moment(d - 1) / d


def _power(k: int) -> Kernel:
    """Return (1 - r²)^k on the unit ball; ‖u‖² is Beta(d/2, k + 1)."""

    def log_profile(s: Array) -> Array:
        inside = s < 1
        return jnp.where(inside, k * jnp.log1p(-jnp.where(inside, s, 0)), -jnp.inf)

    def cdf(u: Array) -> Array:
        u = jnp.clip(u, -1, 1)
        return 0.5 + 0.5 * jnp.sign(u) * betainc(0.5, k + 1.0, u**2)

    return Kernel(
        log_profile,
        lambda m: 0.5 * math.exp(math.lgamma((m + 1) / 2) + math.lgamma(k + 1) - math.lgamma((m + 1) / 2 + k + 1)),
        cdf,
        lambda key, shape, d: jnp.sqrt(jax.random.beta(key, d / 2, k + 1.0, shape)),
    )


def _triangular_log_profile(s: Array) -> Array:
    inside = s < 1
    return jnp.where(inside, jnp.log1p(-jnp.sqrt(jnp.where(inside, s, 0))), -jnp.inf)


def _triangular_cdf(u: Array) -> Array:
    u = jnp.clip(u, -1, 1)
    return 0.5 + u - 0.5 * u * jnp.abs(u)


def _cosine_log_profile(s: Array) -> Array:
    inside = s < 1
    return jnp.where(inside, jnp.log(jnp.cos(jnp.pi / 2 * jnp.sqrt(jnp.where(inside, s, 0)))), -jnp.inf)


def _cosine_moment(m: int) -> float:
    """Return ∫_0^1 r^m cos(πr/2) dr, by a Gauss–Legendre rule that is exact to rounding for it."""
    nodes, weights = np.polynomial.legendre.leggauss(24 + m)
    r = (nodes + 1) / 2
    return float(weights @ (r**m * np.cos(np.pi / 2 * r)) / 2)


def _cosine_radius(key: Array, shape: tuple[int, ...], d: int) -> Array:
    """Draw by inversion of the distribution of r, tabulated."""
    r = np.linspace(0, 1, 4097)
    density = r ** (d - 1) * np.cos(np.pi / 2 * r)
    below = np.concatenate([[0], np.cumsum(density[1:] + density[:-1])])
    return jnp.interp(jax.random.uniform(key, shape), below / below[-1], r)


def _exponential_cdf(u: Array) -> Array:
    tail = 0.5 * jnp.exp(-jnp.abs(u))
    return jnp.where(u < 0, tail, 1 - tail)


KERNELS: dict[str, Kernel] = {
    "gaussian": Kernel(
        lambda s: -0.5 * s,
        lambda m: 2 ** ((m - 1) / 2) * math.gamma((m + 1) / 2),
        ndtr,
        lambda key, shape, d: jnp.sqrt(2 * jax.random.gamma(key, d / 2, shape)),
    ),
    "uniform": _power(0),
    "epanechnikov": _power(1),
    "biweight": _power(2),
    "triweight": _power(3),
    "triangular": Kernel(
        _triangular_log_profile,
        lambda m: 1 / ((m + 1) * (m + 2)),
        _triangular_cdf,
        lambda key, shape, d: jax.random.beta(key, float(d), 2.0, shape),
    ),
    "cosine": Kernel(
        _cosine_log_profile,
        _cosine_moment,
        lambda u: 0.5 + 0.5 * jnp.sin(jnp.pi / 2 * jnp.clip(u, -1, 1)),
        _cosine_radius,
    ),
    "exponential": Kernel(
        lambda s: -jnp.sqrt(s),
        lambda m: math.gamma(m + 1),
        _exponential_cdf,
        lambda key, shape, d: jax.random.gamma(key, float(d), shape),
    ),
}
"""Kernels by name. ``uniform`` is also known as the top hat, ``triangular`` as the linear kernel."""
