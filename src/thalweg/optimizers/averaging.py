"""An exponential moving average of the parameters: often a better network than the last one."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int

from thalweg.core.types import Params


def update_average(average: Params, params: Params, step: Int[Array, ""], decay: float) -> Params:
    """Return the moving average θ̄ after one more step.

    θ̄_t = d_t θ̄_{t-1} + (1 - d_t) θ_t with d_t = min(decay, (1 + t) / (10 + t)), so that the first steps are soon
    forgotten. Start from θ̄ = θ_0.

    Args:
        average: θ̄_{t-1}, a pytree like ``params``.
        params: θ_t, after its update.
        step: t, the number of updates made before this one, from 0.
        decay: memory of the average, in [0, 1); 0.999 remembers about 1000 steps.

    Example:
        >>> round(float(update_average(jnp.zeros(()), jnp.ones(()), jnp.int32(0), decay=0.999)), 6)
        0.9

    Source: Polyak, Juditsky, *Acceleration of Stochastic Approximation by Averaging* (1992).
    """
    t = jnp.asarray(step, jnp.result_type(float))
    keep = jnp.minimum(decay, (1 + t) / (10 + t))
    return jax.tree.map(lambda a, p: a + (1 - keep).astype(p.dtype) * (p - a), average, params)
