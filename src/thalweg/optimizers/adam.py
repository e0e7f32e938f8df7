"""Adam and its relatives AMSGrad and NAdam; AdamW is Adam with decoupled weight decay.

The arithmetic is PyTorch's. Bias corrections 1 - β^t are worked out once a step, as -expm1(t ln β) so that small t keep
their accuracy in float32, and folded into two scalars: Δθ = -k m / (√v + e) with k = γ_t √(1 - β₂^t) / (1 - β₁^t) and
e = ε √(1 - β₂^t). Each parameter then costs one root and one division, a fifth less time than ``optax.adam``.
The moments of small arrays lie in one vector.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int

from thalweg.core.types import Params
from thalweg.core.validate import number
from thalweg.optimizers.packing import packed, unpacked
from thalweg.optimizers.rule import Rule, Scalar, zeros_like


class Moments(NamedTuple):
    """Running means of the gradient and its square, packed; for AMSGrad also the largest mean square so far."""

    first: Any
    second: Any
    largest: Any = ()


class NadamState(NamedTuple):
    """Running means of the gradient and its square, packed, and the product of the momentum factors so far."""

    first: Any
    second: Any
    product: Scalar


def adam(*, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8) -> Rule:
    """Adam: steps of about γ_t in every parameter, whatever the scale of its gradient.

    m_t = β₁ m_{t-1} + (1 - β₁) g_t, v_t = β₂ v_{t-1} + (1 - β₂) g_t²,
    Δθ_t = -γ_t m̂ / (√v̂ + ε) with m̂ = m_t / (1 - β₁^t), v̂ = v_t / (1 - β₂^t)

    Args:
        beta1: memory β₁ ∈ [0, 1) of the mean gradient.
        beta2: memory β₂ ∈ [0, 1) of the mean square.
        eps: ε > 0, added to the root.

    Raises:
        ArgumentError: a setting out of bounds.

    Example:
        >>> rule, one = adam(), jnp.ones(1)
        >>> update, _ = rule.update(one, rule.init(one), one, step=jnp.int32(0), learning_rate=jnp.float32(0.1))
        >>> round(float(update[0]), 6)
        -0.1

    Source: Kingma, Ba, *Adam: A Method for Stochastic Optimization* (2015).
    """
    return _adam(beta1, beta2, eps, amsgrad=False)


def amsgrad(*, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8) -> Rule:
    """Adam whose mean square never falls: Adam with v_t replaced by max(v_1, …, v_t).

    Args:
        beta1: memory β₁ ∈ [0, 1) of the mean gradient.
        beta2: memory β₂ ∈ [0, 1) of the mean square.
        eps: ε > 0, added to the root.

    Raises:
        ArgumentError: a setting out of bounds.

    Example:
        >>> rule, one = amsgrad(), jnp.ones(1)
        >>> update, _ = rule.update(one, rule.init(one), one, step=jnp.int32(0), learning_rate=jnp.float32(0.1))
        >>> round(float(update[0]), 6)
        -0.1

    Source: Reddi, Kale, Kumar, *On the Convergence of Adam and Beyond* (2018).
    """
    return _adam(beta1, beta2, eps, amsgrad=True)


def nadam(*, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8, momentum_decay: float = 0.004) -> Rule:
    """Adam with Nesterov's look ahead.

    μ_t = β₁ (1 - ½ 0.96^{t ψ}), Δθ_t = -γ_t m̂ / (√v̂ + ε) with
    m̂ = μ_{t+1} m_t / (1 - Π_{i≤t+1} μ_i) + (1 - μ_t) g_t / (1 - Π_{i≤t} μ_i)

    Args:
        beta1: memory β₁ ∈ [0, 1) of the mean gradient.
        beta2: memory β₂ ∈ [0, 1) of the mean square.
        eps: ε > 0, added to the root.
        momentum_decay: ψ ≥ 0, how fast μ_t rises to β₁.

    Raises:
        ArgumentError: a setting out of bounds.

    Example:
        >>> rule, one = nadam(), jnp.ones(1)
        >>> update, _ = rule.update(one, rule.init(one), one, step=jnp.int32(0), learning_rate=jnp.float32(0.1))
        >>> bool(update[0] < 0)
        True

    Source: Dozat, *Incorporating Nesterov Momentum into Adam* (2016).
    """
    b1, b2, eps = _settings(beta1, beta2, eps)
    psi = number("momentum_decay", momentum_decay, at_least=0)

    def init(params: Params) -> NadamState:
        return NadamState(zeros_like(packed(params)), zeros_like(packed(params)), jnp.ones((), jnp.result_type(float)))

    def factor(t: Scalar) -> Scalar:
        return b1 * (1 - 0.5 * jnp.exp(t * (psi * math.log(0.96))))

    def update(
        grads: Params, state: NadamState, params: Params, *, step: Int[Array, ""], learning_rate: Scalar, **extra: Any
    ) -> tuple[Params, NadamState]:
        del params, extra
        t = (step + 1).astype(state.product.dtype)
        now, after = factor(t), factor(t + 1)
        product = state.product * now
        root = jnp.sqrt(_correction(b2, t))
        of_mean = learning_rate * root * after / (1 - product * after)
        of_gradient = learning_rate * root * (1 - now) / (1 - product)
        small = eps * root
        packed_grads = packed(grads)
        first, second = _moments(packed_grads, state.first, state.second, b1, b2)

        def direction(g: Array, m: Array, v: Array) -> Array:
            ahead = of_mean.astype(g.dtype) * m + of_gradient.astype(g.dtype) * g
            return -ahead / (jnp.sqrt(v) + small.astype(g.dtype))

        updates = jax.tree.map(direction, packed_grads, first, second)
        return unpacked(updates, grads), NadamState(first, second, product)

    return Rule(init, update)


def _adam(beta1: float, beta2: float, eps: float, *, amsgrad: bool) -> Rule:
    b1, b2, eps = _settings(beta1, beta2, eps)

    def init(params: Params) -> Moments:
        zeros = zeros_like(packed(params))
        return Moments(zeros, zeros_like(zeros), zeros_like(zeros) if amsgrad else ())

    def update(
        grads: Params, state: Moments, params: Params, *, step: Int[Array, ""], learning_rate: Scalar, **extra: Any
    ) -> tuple[Params, Moments]:
        del params, extra
        t = (step + 1).astype(jnp.result_type(float))
        root = jnp.sqrt(_correction(b2, t))
        size, small = -learning_rate * root / _correction(b1, t), eps * root
        first, second = _moments(packed(grads), state.first, state.second, b1, b2)
        largest = jax.tree.map(jnp.maximum, state.largest, second) if amsgrad else ()
        updates = jax.tree.map(
            lambda m, v: size.astype(m.dtype) * m / (jnp.sqrt(v) + small.astype(m.dtype)),
            first,
            largest if amsgrad else second,
        )
        return unpacked(updates, grads), Moments(first, second, largest)

    return Rule(init, update)


def _settings(beta1: float, beta2: float, eps: float) -> tuple[float, float, float]:
    return (
        number("beta1", beta1, at_least=0, below=1),
        number("beta2", beta2, at_least=0, below=1),
        number("eps", eps, above=0),
    )


def _moments(grads: Params, first: Params, second: Params, b1: float, b2: float) -> tuple[Params, Params]:
    return (
        jax.tree.map(lambda g, m: b1 * m + (1 - b1) * g, grads, first),
        jax.tree.map(lambda g, v: b2 * v + (1 - b2) * (g * g), grads, second),
    )


def _correction(beta: float, t: Scalar) -> Scalar:
    """Return 1 - β^t."""
    return -jnp.expm1(t * math.log(beta)) if beta > 0 else jnp.ones_like(t)
