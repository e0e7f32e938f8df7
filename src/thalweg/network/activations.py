r"""Activation functions φ with their derivatives, side by side.

Elementwise activations give φ(a) and φ'(a). The derivative receives the output ``y = φ(a)`` too, because several
are cheaper from it: σ' = y(1 - y), tanh' = 1 - y².

Sources: Goodfellow, Bengio & Courville, *Deep Learning* (2016), §6.3; the papers named at each entry.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from thalweg.core.errors import ArgumentError
from thalweg.core.registry import lookup

_SQRT2 = math.sqrt(2.0)
_INV_SQRT_2PI = 1.0 / math.sqrt(2.0 * math.pi)
# Klambauer et al. 2017: the fixed point of mean 0, variance 1.
_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805


@dataclass(frozen=True)
class ActivationFunction:
    r"""An activation φ and its derivative.

    Args:
        name: key in the registry.
        value: a ↦ φ(a), any shape; over the last axis when ``vector`` is true.
        derivative: (a, φ(a)) ↦ φ'(a), the shape of a. For a vector activation see ``pullback``.
        gain: 1/E[φ(z)²], z ~ N(0, 1): the weight variance times fan_in that keeps E[x²] constant with depth;
            1 where Glorot's or LeCun's rule is the usual one.
        vector: true when φ acts on the whole vector (softmax).
        pullback: (a, φ(a), δ) ↦ Jᵀδ, for vector activations.

    Example:
        >>> import numpy as np
        >>> relu = activation("relu")
        >>> a = np.array([-1.0, 0.0, 2.0], dtype=np.float32)
        >>> relu.value(a).tolist(), relu.derivative(a, relu.value(a)).tolist()
        ([0.0, 0.0, 2.0], [0.0, 0.0, 1.0])
    """

    name: str
    value: Callable[[Array], Array]
    derivative: Callable[[Array, Array], Array]
    gain: float = 1.0
    vector: bool = False
    pullback: Callable[[Array, Array, Array], Array] | None = None

    def pull(self, a: Array, y: Array, delta: Array) -> Array:
        """Return ∂L/∂a from ∂L/∂φ(a): φ'(a) ⊙ δ, or Jᵀδ for a vector activation."""
        if self.pullback is not None:
            return self.pullback(a, y, delta)
        return self.derivative(a, y) * delta


def softmax_jacobian(y: Float[Array, " classes"]) -> Float[Array, "classes classes"]:
    r"""Return the full softmax Jacobian ∂φ_i/∂a_j = φ_i(δ_ij - φ_j) from its output.

    Args:
        y: softmax output of one example, shape (classes,).

    Returns:
        The Jacobian, shape (classes, classes); symmetric, rows sum to zero.

    Example:
        >>> import numpy as np
        >>> softmax_jacobian(np.array([0.5, 0.5])).tolist()
        [[0.25, -0.25], [-0.25, 0.25]]

    Source: Bishop, *Pattern Recognition and Machine Learning* (2006), eq. 4.106.
    """
    return jnp.diag(y) - jnp.outer(y, y)


def _softmax_pullback(a: Array, y: Array, delta: Array) -> Array:
    # Jᵀδ without forming J: φ ⊙ (δ - φᵀδ).
    return y * (delta - jnp.sum(y * delta, axis=-1, keepdims=True))


def _leaky(slope: float) -> tuple[Callable[[Array], Array], Callable[[Array, Array], Array]]:
    return (
        lambda a: jnp.where(a > 0, a, slope * a),
        lambda a, y: jnp.where(a > 0, 1.0, slope).astype(a.dtype),
    )


def _elu(scale: float, alpha: float) -> tuple[Callable[[Array], Array], Callable[[Array, Array], Array]]:
    # expm1 of the clipped argument: the branch not taken must not overflow.
    return (
        lambda a: scale * jnp.where(a > 0, a, alpha * jnp.expm1(jnp.minimum(a, 0.0))),
        lambda a, y: jnp.where(a > 0, scale, y + scale * alpha).astype(a.dtype),
    )


def _normal_cdf(a: Array) -> Array:
    return 0.5 * (1.0 + jax.lax.erf(a / _SQRT2))


def _silu_derivative(a: Array, y: Array) -> Array:
    s = jax.nn.sigmoid(a)
    return s + y * (1.0 - s)


def _hard_swish_derivative(a: Array, y: Array) -> Array:
    return jnp.where(a <= -3.0, 0.0, jnp.where(a < 3.0, a / 3.0 + 0.5, 1.0)).astype(a.dtype)


def _mish_gate(a: Array) -> Array:
    """Return tanh(softplus(a)) = q / (q + 2) with q = e(e + 2), e = exp(a), in a fifth of the time."""
    e = jnp.exp(jnp.minimum(a, 30.0))  # the gate is 1 there, and e² must not overflow
    q = e * (e + 2.0)
    return q / (q + 2.0)


def _mish_derivative(a: Array, y: Array) -> Array:
    t = _mish_gate(a)
    return t + a * jax.nn.sigmoid(a) * (1.0 - t * t)


_LEAKY_SLOPE = 0.01

ACTIVATIONS: dict[str, ActivationFunction] = {
    entry.name: entry
    for entry in (
        ActivationFunction("identity", lambda a: a, lambda a, y: jnp.ones_like(a)),
        # The derivative of sign is zero wherever it exists: such a layer stops the backward pass.
        ActivationFunction("sign", jnp.sign, lambda a, y: jnp.zeros_like(a)),
        ActivationFunction("sigmoid", jax.nn.sigmoid, lambda a, y: y * (1.0 - y)),
        ActivationFunction("tanh", jnp.tanh, lambda a, y: 1.0 - y * y),
        # Slope 0 at 0; the output is enough to know the side.
        ActivationFunction("relu", lambda a: jnp.maximum(a, 0.0), lambda a, y: (y > 0).astype(a.dtype), gain=2.0),
        ActivationFunction("leaky_relu", *_leaky(_LEAKY_SLOPE), gain=2.0 / (1.0 + _LEAKY_SLOPE**2)),
        # Clevert et al. 2016.
        ActivationFunction("elu", *_elu(1.0, 1.0), gain=1.55),
        # Klambauer et al. 2017.
        ActivationFunction("selu", *_elu(_SELU_SCALE, _SELU_ALPHA)),
        # Hendrycks & Gimpel 2016, exact: a Φ(a).
        ActivationFunction(
            "gelu",
            lambda a: a * _normal_cdf(a),
            lambda a, y: _normal_cdf(a) + a * _INV_SQRT_2PI * jnp.exp(-0.5 * a * a),
            gain=2.35,
        ),
        # Elfwing et al. 2018.
        ActivationFunction("silu", jax.nn.silu, _silu_derivative, gain=2.81),
        # Howard et al. 2019: parabolas in place of SiLU's exponential.
        ActivationFunction(
            "hard_swish", lambda a: a * jnp.clip(a / 6.0 + 0.5, 0.0, 1.0), _hard_swish_derivative, gain=3.016
        ),
        # Misra 2020: a tanh(softplus(a)).
        ActivationFunction("mish", lambda a: a * _mish_gate(a), _mish_derivative, gain=2.21),
        ActivationFunction("softplus", jax.nn.softplus, lambda a, y: jax.nn.sigmoid(a)),
        ActivationFunction(
            "softsign", lambda a: a / (1.0 + jnp.abs(a)), lambda a, y: 1.0 / jnp.square(1.0 + jnp.abs(a))
        ),
        ActivationFunction(
            "softmax",
            lambda a: jax.nn.softmax(a, axis=-1),
            lambda a, y: jax.vmap(softmax_jacobian)(y),
            vector=True,
            pullback=_softmax_pullback,
        ),
    )
}
"""Activations by name. ``prelu`` has a trained slope and is a layer: see :class:`.PReLU`."""


def activation(name: str) -> ActivationFunction:
    """Return the activation called ``name``, or one of several for equal parts of the units: ``"relu|tanh"``.

    Raises:
        ArgumentError: no such activation; names the nearest one.

    Example:
        >>> activation("relu|identity").value(jnp.array([-1.0, 2.0, -3.0, 4.0])).tolist()
        [0.0, 2.0, -3.0, 4.0]
    """
    return _in_parts(tuple(name.split("|"))) if "|" in name else lookup(ACTIVATIONS, name, "activation")


@lru_cache(maxsize=64)
def _in_parts(names: tuple[str, ...]) -> ActivationFunction:
    """Return the activation that is another one for each of equal parts of the last axis."""
    each = [activation(name) for name in names]
    if any(phi.vector for phi in each):
        raise ArgumentError("activation", "activations of single units between '|'", "|".join(names))

    def joined(functions: list[Callable[..., Array]], *arrays: Array) -> Array:
        parts = zip(*(jnp.array_split(array, len(each), axis=-1) for array in arrays), strict=True)
        return jnp.concatenate([f(*part) for f, part in zip(functions, parts, strict=True)], axis=-1)

    return ActivationFunction(
        "|".join(names),
        partial(joined, [phi.value for phi in each]),
        partial(joined, [phi.derivative for phi in each]),
        gain=len(each) / sum(1 / phi.gain for phi in each),
    )
