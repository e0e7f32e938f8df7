"""Gradient descent, plain, with momentum, and with Nesterov's."""

from __future__ import annotations

from typing import Any

import jax
from jaxtyping import Array, Int

from thalweg.core.types import Params
from thalweg.core.validate import number
from thalweg.optimizers.rule import Rule, Scalar, scaled, zeros_like


def sgd() -> Rule:
    """Stochastic gradient descent.

    θ_{t+1} = θ_t - γ_t ∇L(θ_t)

    Example:
        >>> import jax.numpy as jnp
        >>> update, _ = sgd().update(jnp.ones(1), (), jnp.ones(1), step=jnp.int32(0), learning_rate=jnp.float32(0.5))
        >>> float(update[0])
        -0.5

    Source: Robbins, Monro, *A Stochastic Approximation Method* (1951).
    """

    def update(
        grads: Params, state: Any, params: Params, *, step: Int[Array, ""], learning_rate: Scalar, **extra: Any
    ) -> tuple[Params, Any]:
        del params, step, extra
        return scaled(-learning_rate, grads), state

    return Rule(lambda params: (), update, stability=2.0)


def momentum(*, momentum: float = 0.9) -> Rule:
    """Gradient descent with momentum (the heavy ball).

    Δθ_t = β Δθ_{t-1} - γ_t ∇L(θ_t), θ_{t+1} = θ_t + Δθ_t

    The step size stands inside the recursion: when γ_t falls, the velocity gathered so far keeps its length. (PyTorch
    and ``optax.sgd`` multiply by γ_t outside; the two agree while γ_t is constant.)

    Args:
        momentum: momentum factor β ∈ [0, 1).

    Raises:
        ArgumentError: β out of bounds.

    Example:
        >>> import jax.numpy as jnp
        >>> rule, one = momentum(momentum=0.5), jnp.ones(1)
        >>> update, state = rule.update(one, rule.init(one), one, step=jnp.int32(0), learning_rate=jnp.float32(1))
        >>> update, state = rule.update(one, state, one, step=jnp.int32(1), learning_rate=jnp.float32(1))
        >>> float(update[0])
        -1.5

    Source: Polyak, *Some methods of speeding up the convergence of iteration methods* (1964).
    """
    return _heavy_ball(number("momentum", momentum, at_least=0, below=1))


def nesterov(*, momentum: float = 0.9) -> Rule:
    """Gradient descent with Nesterov's momentum: the gradient is taken where the velocity leads.

    Δθ_t = β Δθ_{t-1} - γ_t ∇L(θ_t + β Δθ_{t-1}), θ_{t+1} = θ_t + Δθ_t

    Args:
        momentum: momentum factor β ∈ [0, 1).

    Raises:
        ArgumentError: β out of bounds.

    Example:
        >>> import jax.numpy as jnp
        >>> rule = nesterov(momentum=0.5)
        >>> float(rule.gradient_point(jnp.ones(1), jnp.ones(1))[0])
        1.5

    Source: Nesterov, *A method of solving a convex programming problem with convergence rate O(1/k²)* (1983); in this
    form Sutskever et al., *On the importance of initialization and momentum in deep learning* (2013).
    """
    beta = number("momentum", momentum, at_least=0, below=1)

    def gradient_point(params: Params, velocity: Any) -> Any:
        return jax.tree.map(lambda p, v: p + beta * v, params, velocity)

    return _heavy_ball(beta)._replace(gradient_point=gradient_point, stability=2 * (1 + beta) / (1 + 2 * beta))


def _heavy_ball(beta: float) -> Rule:
    def update(
        grads: Params, state: Any, params: Params, *, step: Int[Array, ""], learning_rate: Scalar, **extra: Any
    ) -> tuple[Params, Any]:
        del params, step, extra
        velocity = jax.tree.map(lambda v, g: beta * v - learning_rate.astype(g.dtype) * g, state, grads)
        return velocity, velocity

    return Rule(zeros_like, update, stability=2 * (1 + beta))
