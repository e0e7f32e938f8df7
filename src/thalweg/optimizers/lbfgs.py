"""L-BFGS for small sets: curvature from the last few steps, step size from a line search."""

from __future__ import annotations

import optax

from thalweg.core.validate import number
from thalweg.optimizers.rule import Rule, rule_from_optax


def lbfgs(*, memory: int = 10, line_search_steps: int = 20) -> Rule:
    """Limited-memory BFGS with a line search for the strong Wolfe conditions.

    Δθ_t = -η_t H_t ∇L(θ_t), with H_t the inverse Hessian estimated from the last ``memory`` pairs (θ_{i+1} - θ_i,
    ∇L(θ_{i+1}) - ∇L(θ_i)) and η_t found by zoom. The gradient must be that of the whole set: a minibatch changes the
    function under the search. Updates need ``value``, ``grad`` and ``value_fn``.

    Args:
        memory: number of pairs kept, at least 1.
        line_search_steps: most evaluations of the cost in one search.

    Raises:
        ArgumentError: a setting out of bounds.

    Example:
        >>> import jax.numpy as jnp
        >>> rule = lbfgs(memory=3)
        >>> len(rule.init(jnp.ones(2)))
        3

    Source: Liu, Nocedal, *On the limited memory BFGS method for large scale optimization* (1989).
    """
    pairs = number("memory", memory, at_least=1, integer=True)
    steps = number("line_search_steps", line_search_steps, at_least=1, integer=True)
    search = optax.scale_by_zoom_linesearch(max_linesearch_steps=steps, initial_guess_strategy="one")
    return rule_from_optax(optax.lbfgs(memory_size=pairs, linesearch=search))
