r"""The way down a surface that an optimizer takes, with or without gradient noise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from numpy.typing import NDArray

from thalweg.core.validate import number
from thalweg.diagnosis.landscape.surfaces import Surface
from thalweg.optimizers import Optimizer, make_optimizer, steps_of


@dataclass(frozen=True, eq=False)
class Descent:
    """A path.

    Attributes:
        name: of the optimizer.
        points: (steps + 1, d) θ_t, NaN once it was not finite; two parameters as a rule.
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
    start: Sequence[float] | None = None,
    noise: float = 0.0,
    seed: int = 0,
    **settings: Any,
) -> Descent:
    r"""Descend a surface: θ_{t+1} = θ_t + Δθ_t, with gradients ∇L(θ_t) + σ ε_t, ε_t ~ N(0, I).

    Args:
        surface: what to descend.
        optimizer: a name in ``OPTIMIZERS``, or an optimizer.
        steps: updates.
        start: θ_0; by default the surface's. A loss that is a sum over parameters may have more than two, each of
            which then descends for itself.
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
    theta = jnp.asarray(surface.start if start is None else start, jnp.float32)
    path = _path(surface.loss, steps_of(rule), steps, theta, rule.init(theta), noise, seed)
    points, losses = (np.asarray(part, np.float64) for part in path)
    gone = ~np.isfinite(losses)
    points[gone], losses[gone] = np.nan, np.nan
    return Descent(name, points, losses)


# Start, step size, noise and seed are arguments of the program: to try others compiles nothing.
@partial(jax.jit, static_argnums=(0, 1, 2))
def _path(
    loss: Callable[[Array], Array], rule: Optimizer, steps: int, theta: Array, state: Any, noise: Any, seed: Any
) -> tuple[Array, Array]:
    def step(carry: tuple[Array, Any], key: Array) -> tuple[tuple[Array, Any], Array]:
        theta, state = carry
        value, slope = jax.value_and_grad(loss)(rule.gradient_point(theta, state))
        slope = slope + noise * jax.random.normal(key, slope.shape)
        update, state = rule.update(slope, state, theta, value=value, grad=slope, value_fn=loss)
        return (theta + update, state), theta + update

    _, rest = jax.lax.scan(step, (theta, state), jax.random.split(jax.random.key(seed), steps))
    points = jnp.concatenate([theta[None], rest])
    return points, jax.vmap(loss)(points)
