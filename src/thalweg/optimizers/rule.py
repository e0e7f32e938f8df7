"""What an update rule is: a starting state, and a step from gradient to update.

A rule is an Optax transformation that also receives the step size γ_t and the step number t. Momentum has γ_t inside
its recursion, and Adam folds its bias corrections into γ_t: scalars are then worked out once a step, and each leaf of
the parameters sees one pass of arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

from thalweg.core.types import Params

Scalar = Float[Array, ""]


class UpdateRule(Protocol):
    """The second half of a :class:`Rule`."""

    def __call__(
        self,
        grads: Params,
        state: Any,
        params: Params,
        *,
        step: Int[Array, ""],
        learning_rate: Scalar,
        **extra: Any,
    ) -> tuple[Params, Any]:
        """Return the update Δθ and the new state.

        Args:
            grads: ∇L at the rule's gradient point, a pytree like ``params``.
            state: what ``init`` or the last call returned.
            params: θ.
            step: number of updates made so far, from 0.
            learning_rate: γ_t.
            extra: ``value``, ``grad`` and ``value_fn`` for rules that search along a line.
        """


class Rule(NamedTuple):
    """An update rule.

    Attributes:
        init: parameters → starting state, a pytree of arrays.
        update: see :class:`UpdateRule`.
        gradient_point: (parameters, state) → where the gradient is taken; ``None`` for θ itself.
        stability: the γλ above which the rule diverges on a parabola of curvature λ; ``None`` where each parameter has
            a step size of its own.
    """

    init: Callable[[Params], Any]
    update: UpdateRule
    gradient_point: Callable[[Params, Any], Params] | None = None
    stability: float | None = None


def rule_from_direction(transformation: optax.GradientTransformation) -> Rule:
    """Return the rule Δθ = -γ_t d, where an Optax transformation turns the gradient into the direction d.

    Example:
        >>> rule = rule_from_direction(optax.identity())
        >>> update, _ = rule.update(
        ...     jnp.ones(1), rule.init(jnp.ones(1)), None, step=jnp.int32(0), learning_rate=jnp.float32(0.5)
        ... )
        >>> float(update[0])
        -0.5
    """

    def update(
        grads: Params, state: Any, params: Params, *, step: Int[Array, ""], learning_rate: Scalar, **extra: Any
    ) -> tuple[Params, Any]:
        del step, extra
        direction, state = transformation.update(grads, state, params)
        return scaled(-learning_rate, direction), state

    return Rule(transformation.init, update)


def rule_from_optax(transformation: optax.GradientTransformation) -> Rule:
    """Return a complete Optax optimizer, its step size included, as a rule."""
    full = optax.with_extra_args_support(transformation)

    def update(
        grads: Params, state: Any, params: Params, *, step: Int[Array, ""], learning_rate: Scalar, **extra: Any
    ) -> tuple[Params, Any]:
        del step, learning_rate
        updates, state = full.update(grads, state, params, **extra)
        return updates, _strong(state)

    return Rule(lambda params: _strong(full.init(params)), update)


def scaled(factor: Scalar, tree: Params) -> Params:
    """Return every leaf times a scalar, in the leaf's own precision.

    Example:
        >>> scaled(jnp.float32(2), {"w": jnp.ones(1, jnp.float16)})["w"].dtype
        dtype('float16')
    """
    return jax.tree.map(lambda leaf: factor.astype(leaf.dtype) * leaf, tree)


def zeros_like(params: Params) -> Params:
    """Return a pytree of zeros with the shapes and precisions of ``params``."""
    return jax.tree.map(jnp.zeros_like, params)


def _strong(state: Any) -> Any:
    """Return the state without JAX's weak types, which would change from one step to the next and compile twice."""
    return jax.tree.map(
        lambda leaf: jax.lax.convert_element_type(leaf, leaf.dtype) if getattr(leaf, "weak_type", False) else leaf,
        state,
    )
