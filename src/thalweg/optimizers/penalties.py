"""Penalties on weights, and limits on gradients.

Penalties act on weight matrices only, that is on leaves with at least two axes: shrinking biases and normalization
scales does not simplify a network.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array

from thalweg.core.types import Params
from thalweg.optimizers.rule import Scalar


class Penalties(NamedTuple):
    """Limits on the gradient of the cost, penalties λ₁ Σ|W| + ½ λ₂ ΣW² added to the cost, and decoupled weight decay λ.

    Limits come first: they tame the gradient of the data, which may explode; that of a penalty does not.

    Example:
        >>> W = jnp.full((1, 1), 3.0)
        >>> float(Penalties(l2=0.5, clip_value=1.0).gradient(jnp.full((1, 1), -7.0), W)[0, 0])
        0.5
    """

    l1: float | Scalar = 0.0
    l2: float | Scalar = 0.0
    weight_decay: float = 0.0
    clip_norm: float | None = None
    clip_value: float | None = None

    @property
    def any(self) -> bool:
        """Whether a penalty is added to the cost."""
        return _some(self.l1) or _some(self.l2)

    def times(self, l1: Scalar, l2: Scalar) -> Penalties:
        """Return the limits with penalties that many times as strong; those that are off stay so."""
        return self._replace(l1=self.l1 * l1 if self.l1 else 0.0, l2=self.l2 * l2 if self.l2 else 0.0)

    def gradient(self, grads: Params, params: Params) -> Params:
        """Return the gradient, limited by value, then by norm, with the gradient of the penalty added."""
        if self.clip_value is not None:
            grads = clip_by_value(grads, self.clip_value)
        if self.clip_norm is not None:
            grads = clip_by_norm(grads, self.clip_norm)
        return add_penalty_gradient(grads, params, self.l1, self.l2) if self.any else grads

    def value(self, value: Scalar | None, params: Params) -> Any:
        """Return the cost with the penalty added."""
        if value is None or not self.any:
            return value
        return value + penalty(params, self.l1, self.l2).astype(value.dtype)

    def value_function(self, value_fn: Callable[[Params], Scalar] | None) -> Callable[[Params], Scalar] | None:
        """Return the function θ → cost with the penalty added."""
        if value_fn is None or not self.any:
            return value_fn
        return lambda params: self.value(value_fn(params), params)

    def decay(self, updates: Params, params: Params, learning_rate: Scalar) -> Params:
        """Return the update with decoupled weight decay."""
        return add_decay(updates, params, learning_rate, self.weight_decay) if self.weight_decay else updates


def _some(strength: float | Scalar) -> bool:
    """Return whether a penalty is on; of a traced strength it is."""
    return not isinstance(strength, (int, float)) or strength != 0


def is_weight_matrix(leaf: Array) -> bool:
    """Return whether penalties act on this leaf.

    Example:
        >>> is_weight_matrix(jnp.ones((2, 3))), is_weight_matrix(jnp.ones(3))
        (True, False)
    """
    return leaf.ndim >= 2


def penalty(params: Params, l1: float | Scalar, l2: float | Scalar) -> Scalar:
    """Return λ₁ Σ|W| + ½ λ₂ ΣW², over all weight matrices.

    Example:
        >>> float(penalty({"W": jnp.full((1, 2), 3.0), "b": jnp.ones(2)}, l1=1.0, l2=2.0))
        24.0
    """
    matrices = [leaf for leaf in jax.tree.leaves(params) if is_weight_matrix(leaf)]
    total = sum((l1 * jnp.sum(jnp.abs(W)) + 0.5 * l2 * jnp.sum(jnp.square(W)) for W in matrices), jnp.zeros(()))
    return jnp.asarray(total)


def add_penalty_gradient(grads: Params, params: Params, l1: float | Scalar, l2: float | Scalar) -> Params:
    """Return ∇L + λ₁ sign(W) + λ₂ W, the gradient of the cost with :func:`penalty`; the factors may be traced.

    Example:
        >>> W = jnp.full((1, 1), -3.0)
        >>> float(add_penalty_gradient(jnp.zeros((1, 1)), W, l1=1.0, l2=2.0)[0, 0])
        -7.0
    """

    def add(g: Array, p: Array) -> Array:
        if not is_weight_matrix(p):
            return g
        if _some(l1):
            g = g + jnp.asarray(l1, g.dtype) * jnp.sign(p)
        return g + jnp.asarray(l2, g.dtype) * p if _some(l2) else g

    return jax.tree.map(add, grads, params)


def add_decay(updates: Params, params: Params, learning_rate: Scalar, weight_decay: float) -> Params:
    """Return Δθ - γ_t λ W: weight decay decoupled from the gradient, as in AdamW.

    Example:
        >>> W = jnp.full((1, 1), 2.0)
        >>> float(add_decay(jnp.zeros((1, 1)), W, jnp.float32(0.5), weight_decay=0.25)[0, 0])
        -0.25

    Source: Loshchilov, Hutter, *Decoupled Weight Decay Regularization* (2019).
    """
    share = learning_rate * weight_decay
    return jax.tree.map(lambda u, p: u - share.astype(u.dtype) * p if is_weight_matrix(p) else u, updates, params)


def clip_by_value(grads: Params, limit: float) -> Params:
    """Return the gradient with every entry limited to [-limit, limit].

    Example:
        >>> clip_by_value(jnp.array([-3.0, 0.5]), 1.0)
        Array([-1. ,  0.5], dtype=float32)
    """
    return jax.tree.map(lambda g: jnp.clip(g, -limit, limit), grads)


def clip_by_norm(grads: Params, limit: float) -> Params:
    """Return the gradient, shortened to ``limit`` if its l2 norm over all leaves is larger.

    Example:
        >>> clip_by_norm(jnp.array([3.0, 4.0]), 2.5)
        Array([1.5, 2. ], dtype=float32)

    Source: Pascanu, Mikolov, Bengio, *On the difficulty of training recurrent neural networks* (2013).
    """
    norm = optax.tree.norm(grads)
    factor = limit / jnp.maximum(norm, limit)
    return jax.tree.map(lambda g: g * factor.astype(g.dtype), grads)
