"""Step sizes by group: parameters whose steps are longer or shorter than those of the others."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import jax
from jaxtyping import Array

from thalweg.core.errors import ArgumentError
from thalweg.core.types import Params
from thalweg.optimizers.optimizer import Optimizer, OptimizerState, OptimizerUpdate


def with_step_factors(optimizer: Optimizer, factors: tuple[float, ...]) -> Optimizer:
    r"""Return the optimizer whose update of array i is Δθ_i = k_i · Δθ_i, weight decay included.

    For rules whose update is proportional to γ_t, the step size of array i is k_i γ_t.

    Args:
        optimizer: made by :func:`~thalweg.optimizers.make.make_optimizer`.
        factors: k_i > 0 of each array of parameters, in the order of their tree: ``network.step_factors()``.

    Raises:
        ArgumentError: as soon as parameters are seen, if there is not one factor for each array.

    Example:
        >>> import jax.numpy as jnp
        >>> from thalweg.optimizers import make_optimizer
        >>> sgd = make_optimizer("sgd", total_steps=1, steps_per_epoch=1, learning_rate=1.0)
        >>> optimizer, theta = with_step_factors(sgd, (1.0, 0.1)), [jnp.ones(1), jnp.ones(1)]
        >>> [round(float(u[0]), 6) for u in optimizer.update(theta, optimizer.init(theta), theta)[0]]
        [-1.0, -0.1]

    Source: Holzmüller, Grinsztajn, Steinwart, *Better by Default* (2024), whose recipe has a factor for each group.
    """
    if all(factor == 1 for factor in factors):
        return optimizer

    steps: Any = optimizer.update  # a function, which has a hash, though its type here does not say so
    return optimizer._replace(update=_with_factors(steps, factors))


# Equal steps give the same object, so that training programs compiled for it serve again.
@lru_cache(maxsize=64)
def _with_factors(steps: Any, factors: tuple[float, ...]) -> OptimizerUpdate:
    def update(grads: Params, state: OptimizerState, params: Params, **extra: Any) -> tuple[Params, OptimizerState]:
        updates, state = steps(grads, state, params, **extra)
        leaves, tree = jax.tree.flatten(updates)
        if len(leaves) != len(factors):
            raise ArgumentError("factors", f"one for each of {len(leaves)} arrays of parameters", len(factors))
        scaled = [_scaled(leaf, factor) for leaf, factor in zip(leaves, factors, strict=True)]
        return jax.tree.unflatten(tree, scaled), state

    return update


def _scaled(leaf: Array, factor: float) -> Array:
    return leaf if factor == 1 else leaf * factor
