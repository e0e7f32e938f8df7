"""Step sizes per parameter from squared gradients: AdaGrad, RMSprop, AdaDelta. The arithmetic is PyTorch's."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Int

from thalweg.core.types import Params
from thalweg.core.validate import number
from thalweg.optimizers.rule import Rule, Scalar, rule_from_direction


def adagrad(*, eps: float = 1e-10, initial: float = 0.0) -> Rule:
    """AdaGrad: each parameter's step shrinks with all the squared gradients it has seen.

    s_t = s_{t-1} + g_t², Δθ_t = -γ_t g_t / (√s_t + ε)

    Args:
        eps: ε > 0, added to the root.
        initial: starting value s_0 ≥ 0.

    Raises:
        ArgumentError: a setting out of bounds.

    Example:
        >>> rule, two = adagrad(), 2 * jnp.ones(1)
        >>> update, _ = rule.update(two, rule.init(two), two, step=jnp.int32(0), learning_rate=jnp.float32(0.1))
        >>> round(float(update[0]), 6)
        -0.1

    Source: Duchi, Hazan, Singer, *Adaptive Subgradient Methods for Online Learning* (2011).
    """
    eps, start = number("eps", eps, above=0), number("initial", initial, at_least=0)

    def init(params: Params) -> Params:
        return jax.tree.map(lambda p: jnp.full_like(p, start), params)

    def update(
        grads: Params, state: Params, params: Params, *, step: Int[Array, ""], learning_rate: Scalar, **extra: Any
    ) -> tuple[Params, Params]:
        del params, step, extra
        # optax.scale_by_rss adds ε inside the root, PyTorch and the paper's practice outside.
        sums = jax.tree.map(lambda g, s: s + g * g, grads, state)
        return jax.tree.map(lambda g, s: -learning_rate.astype(g.dtype) * g / (jnp.sqrt(s) + eps), grads, sums), sums

    return Rule(init, update)


def rmsprop(*, decay: float = 0.99, eps: float = 1e-8, momentum: float = 0.0, centered: bool = False) -> Rule:
    """RMSprop: AdaGrad with a memory that fades.

    v_t = α v_{t-1} + (1 - α) g_t², d_t = β d_{t-1} + g_t / (√v_t + ε), Δθ_t = -γ_t d_t; centered: v_t less the squared
    mean gradient.

    Args:
        decay: memory α ∈ [0, 1).
        eps: ε > 0, added to the root.
        momentum: momentum factor β ∈ [0, 1) on the scaled gradient.
        centered: divide by the standard deviation of the gradient in place of its root mean square.

    Raises:
        ArgumentError: a setting out of bounds.

    Example:
        >>> rule, two = rmsprop(decay=0.75), 2 * jnp.ones(1)
        >>> update, _ = rule.update(two, rule.init(two), two, step=jnp.int32(0), learning_rate=jnp.float32(0.1))
        >>> round(float(update[0]), 6)
        -0.2

    Source: Tieleman, Hinton, *Lecture 6.5: rmsprop* (2012).
    """
    alpha, eps = number("decay", decay, at_least=0, below=1), number("eps", eps, above=0)
    beta = number("momentum", momentum, at_least=0, below=1)
    scale = optax.scale_by_stddev if centered else optax.scale_by_rms
    direction = scale(decay=alpha, eps=eps, eps_in_sqrt=False)
    return rule_from_direction(optax.chain(direction, optax.trace(beta)) if beta else direction)


def adadelta(*, rho: float = 0.9, eps: float = 1e-6) -> Rule:
    """AdaDelta: the step has the units of the parameter; γ = 1 is usual.

    v_t = ρ v_{t-1} + (1 - ρ) g_t², d_t = √(u_{t-1} + ε) / √(v_t + ε) g_t, u_t = ρ u_{t-1} + (1 - ρ) d_t²,
    Δθ_t = -γ_t d_t

    Args:
        rho: memory ρ ∈ [0, 1).
        eps: ε > 0, added inside the roots.

    Raises:
        ArgumentError: a setting out of bounds.

    Example:
        >>> rule, one = adadelta(rho=0.0, eps=1.0), jnp.ones(1)
        >>> update, _ = rule.update(one, rule.init(one), one, step=jnp.int32(0), learning_rate=jnp.float32(1))
        >>> round(float(update[0]), 4)  # -1 / √2
        -0.7071

    Source: Zeiler, *ADADELTA: An Adaptive Learning Rate Method* (2012).
    """
    rho, eps = number("rho", rho, at_least=0, below=1), number("eps", eps, above=0)
    return rule_from_direction(optax.scale_by_adadelta(rho=rho, eps=eps))
