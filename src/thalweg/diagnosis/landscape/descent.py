r"""The way down a surface that an optimizer takes, with or without gradient noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from numpy.typing import NDArray

from thalweg.core.validate import number
from thalweg.diagnosis.landscape.surfaces import Surface
from thalweg.optimizers import Optimizer, make_optimizer


@dataclass(frozen=True, eq=False)
class Descent:
    """A path.

    Attributes:
        name: of the optimizer.
        points: (steps + 1, 2) θ_t, NaN once it was not finite.
        losses: (steps + 1,) L(θ_t).
    """

    name: str
    points: NDArray[np.float64]
    losses: NDArray[np.float64]


def descend(
    surface: Surface,
    optimizer: str | Optimizer,
    *,
    steps: int = 200,
    start: tuple[float, float] | None = None,
    noise: float = 0.0,
    seed: int = 0,
    **settings: Any,
) -> Descent:
    r"""Descend a surface: θ_{t+1} = θ_t + Δθ_t, with gradients ∇L(θ_t) + σ ε_t, ε_t ~ N(0, I).

    Args:
        surface: what to descend.
        optimizer: a name in ``OPTIMIZERS``, or an optimizer.
        steps: updates.
        start: θ_0; by default the surface's.
        noise: σ, as of minibatches.
        seed: of the noise.
        settings: of `make_optimizer`: ``learning_rate``, ``momentum``, ``schedule`` …

    Returns:
        The path, its start included.

    Raises:
        ArgumentError: settings that cannot be used.

    Example:
        >>> from thalweg.diagnosis.landscape.surfaces import SURFACES
        >>> path = descend(SURFACES["valley"], "sgd", learning_rate=0.03, steps=300)
        >>> path.points.shape, bool(path.losses[-1] < 1e-6)
        ((301, 2), True)
    """
    steps = number("steps", steps, at_least=1, integer=True)
    number("noise", noise, at_least=0)
    name = optimizer if isinstance(optimizer, str) else "optimizer"
    rule = (
        make_optimizer(optimizer, total_steps=steps, steps_per_epoch=1, **settings)
        if isinstance(optimizer, str)
        else optimizer
    )
    theta = jnp.asarray(start or surface.start, jnp.float32)

    def step(carry: tuple[Array, Any], key: Array) -> tuple[tuple[Array, Any], Array]:
        theta, state = carry
        value, slope = jax.value_and_grad(surface.loss)(rule.gradient_point(theta, state))
        slope = slope + noise * jax.random.normal(key, (2,))
        update, state = rule.update(slope, state, theta, value=value, grad=slope, value_fn=surface.loss)
        return (theta + update, state), theta + update

    def path(theta: Array) -> tuple[Array, Array]:
        _, rest = jax.lax.scan(step, (theta, rule.init(theta)), jax.random.split(jax.random.key(seed), steps))
        points = jnp.concatenate([theta[None], rest])
        return points, jax.vmap(surface.loss)(points)

    points, losses = (np.asarray(part, np.float64) for part in jax.jit(path)(theta))
    gone = ~np.isfinite(losses)
    points[gone], losses[gone] = np.nan, np.nan
    return Descent(name, points, losses)
