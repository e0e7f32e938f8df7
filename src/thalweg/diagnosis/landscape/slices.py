r"""Slices through a loss landscape: L(θ + a d_1 + b d_2) on a grid, many points in one program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from numpy.typing import NDArray

from thalweg.core.errors import ArgumentError
from thalweg.core.types import Params, State
from thalweg.likelihoods import Likelihood
from thalweg.network import Network

AT_ONCE = 8
"""Points of the grid evaluated side by side."""


@dataclass(frozen=True, eq=False)
class Slice:
    """Losses on a grid.

    Attributes:
        axes: coordinates along each direction.
        losses: (points,) or (points, points), the first direction first; NaN where not finite.
        names: of the directions.
        path: (steps, 2) coordinates of the way training took, or None.
    """

    axes: tuple[NDArray[np.float64], ...]
    losses: NDArray[np.float64]
    names: tuple[str, ...]
    path: NDArray[np.float64] | None = None


def slice_along(
    network: Network,
    likelihood: Likelihood,
    params: Params,
    state: State,
    x: Any,
    y: Any,
    directions: Sequence[Params],
    *,
    extents: Sequence[tuple[float, float]] = ((-1.0, 1.0), (-1.0, 1.0)),
    points: int = 31,
    names: Sequence[str] = ("first direction", "second direction"),
    path: NDArray[np.float64] | None = None,
) -> Slice:
    r"""Return the mean loss over rows at θ + a d_1, or θ + a d_1 + b d_2, for a and b on a grid.

    Args:
        network: the network.
        likelihood: gives the loss.
        params: θ.
        state: running statistics.
        x: (n, d) rows.
        y: their targets.
        directions: one or two, in the structure of θ.
        extents: from where to where along each.
        points: of the grid along each.
        names: of the directions.
        path: coordinates of the way training took.

    Raises:
        ArgumentError: another number of directions.

    Example:
        >>> from thalweg.likelihoods import Gaussian
        >>> from thalweg.network import dense_network
        >>> line = dense_network(1, (), 1)
        >>> theta = ({"weight": jnp.ones((1, 1)), "bias": jnp.zeros(1)},)
        >>> along = ({"weight": jnp.ones((1, 1)), "bias": jnp.zeros(1)},)
        >>> x = np.ones((4, 1), np.float32)
        >>> cut = slice_along(line, Gaussian(), theta, ({},), x, x, [along], points=3)
        >>> (cut.losses - cut.losses.min()).round(4).tolist()  # ½ a²
        [0.5, 0.0, 0.5]
    """
    if len(directions) not in (1, 2):
        raise ArgumentError("directions", "one or two directions", f"{len(directions)}")
    axes = tuple(np.linspace(low, high, points) for low, high in extents[: len(directions)])
    grid = np.stack([part.ravel() for part in np.meshgrid(*axes, indexing="ij")], axis=1).astype(np.float32)
    weight = jnp.full(len(x), 1.0 / len(x))

    def loss(place: Array) -> Array:
        theta = params
        for i, direction in enumerate(directions):
            theta = jax.tree.map(lambda t, d, a=place[i]: t + a * d, theta, direction)
        return likelihood.loss(network.apply(theta, state, x), y, weight)

    losses = jax.jit(lambda places: jax.lax.map(loss, places, batch_size=AT_ONCE))(jnp.asarray(grid))
    values = np.asarray(losses, np.float64).reshape([points] * len(directions))
    values = np.where(np.isfinite(values), values, np.nan)
    return Slice(axes, values, tuple(names[: len(directions)]), path)
