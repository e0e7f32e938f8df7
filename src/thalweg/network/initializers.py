r"""Initial weights W of shape (fan_out, fan_in).

Variance-scaling rules keep the variance of activations (fan_in), of error vectors (fan_out), or of both (average)
constant with depth.

Sources: LeCun et al. 1998 (*Efficient BackProp*); Glorot & Bengio 2010; He et al. 2015; Saxe et al. 2014.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float

from thalweg.core.random import standard_normal
from thalweg.core.random import uniform as uniform_draws
from thalweg.core.registry import lookup

Initializer = Callable[[Array, int, int, float], Array]
"""(key, fan_out, fan_in, gain) ↦ W of shape (fan_out, fan_in)."""


def variance_scaling(mode: str, uniform: bool, use_gain: bool) -> Initializer:
    r"""Return the rule Var[W] = gain / fan.

    Args:
        mode: ``"fan_in"``, or ``"average"`` of fan_in and fan_out.
        uniform: draw from U(-√(3 Var), √(3 Var)) instead of N(0, Var).
        use_gain: multiply by the gain of the activation that follows (He's factor 2 for ReLU).
    """

    def draw(key: Array, fan_out: int, fan_in: int, gain: float) -> Float[Array, "out in"]:
        fan = fan_in if mode == "fan_in" else 0.5 * (fan_in + fan_out)
        scale = math.sqrt((gain if use_gain else 1.0) / max(fan, 1.0))
        if uniform:
            bound = math.sqrt(3.0) * scale
            return uniform_draws(key, (fan_out, fan_in), -bound, bound)
        return scale * standard_normal(key, (fan_out, fan_in))

    return draw


def _orthogonal(key: Array, fan_out: int, fan_in: int, gain: float) -> Array:
    # QR of a Gaussian matrix; the signs of R's diagonal make the draw uniform (Haar).
    tall = standard_normal(key, (max(fan_out, fan_in), min(fan_out, fan_in)))
    q, r = jnp.linalg.qr(tall)
    q = q * jnp.sign(jnp.diagonal(r))
    return math.sqrt(gain) * (q if fan_out >= fan_in else q.T)


INITIALIZERS: dict[str, Initializer] = {
    "zeros": lambda key, fan_out, fan_in, gain: jnp.zeros((fan_out, fan_in)),
    "constant": lambda key, fan_out, fan_in, gain: jnp.full((fan_out, fan_in), 0.01),
    "uniform": lambda key, fan_out, fan_in, gain: uniform_draws(key, (fan_out, fan_in), -0.05, 0.05),
    "normal": lambda key, fan_out, fan_in, gain: 0.01 * standard_normal(key, (fan_out, fan_in)),
    "glorot_uniform": variance_scaling("average", uniform=True, use_gain=False),
    "glorot_normal": variance_scaling("average", uniform=False, use_gain=False),
    "he_uniform": variance_scaling("fan_in", uniform=True, use_gain=True),
    "he_normal": variance_scaling("fan_in", uniform=False, use_gain=True),
    "lecun_uniform": variance_scaling("fan_in", uniform=True, use_gain=False),
    "lecun_normal": variance_scaling("fan_in", uniform=False, use_gain=False),
    "orthogonal": _orthogonal,
    # Starts orthogonal; Dense.adapt then sets scale and bias from a minibatch.
    "data": _orthogonal,
}
"""Initializers by name; all but the first four are scaled by fan, those of He and orthogonal by the gain as well."""


def initializer(name: str) -> Initializer:
    """Return the initializer called ``name``.

    Raises:
        ArgumentError: no such initializer; names the nearest one.

    Example:
        >>> import jax
        >>> initializer("orthogonal")(jax.random.key(0), 3, 2, 1.0).shape
        (3, 2)
    """
    return lookup(INITIALIZERS, name, "initializer")
