r"""Directions to cut a loss landscape along: random, of largest curvature, of the way training took."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array

from thalweg.core.errors import ArgumentError
from thalweg.core.types import Params, State
from thalweg.diagnosis.lanczos import lanczos_basis
from thalweg.likelihoods import Likelihood
from thalweg.network import Network


def random_directions(params: Params, count: int = 2, *, seed: int = 0) -> list[Params]:
    r"""Return filter-normalized random directions d with ‖d_i‖ = ‖w_i‖ for every unit i.

    Each unit's incoming weights get a direction of their own length, so that a step of 1 changes every unit alike
    however large its weights are; without this, landscapes of networks that differ by a rescaling look different.
    Vectors, such as biases, are left where they are.

    Args:
        params: θ.
        count: how many.
        seed: of the draw.

    Example:
        >>> import numpy as np
        >>> d = random_directions(({"weight": np.array([[3.0, 4.0]]), "bias": np.ones(1)},), 1)[0]
        >>> round(float(jnp.linalg.norm(d[0]["weight"])), 4), float(d[0]["bias"][0])
        (5.0, 0.0)

    Source: Li, Xu, Taylor, Studer, Goldstein, *Visualizing the Loss Landscape of Neural Nets* (2018).
    """
    leaves, structure = jax.tree.flatten(params)
    found = []
    for key in jax.random.split(jax.random.key(seed), count):
        drawn = []
        for leaf, own in zip(leaves, jax.random.split(key, len(leaves)), strict=True):
            if jnp.ndim(leaf) < 2:
                drawn.append(jnp.zeros_like(leaf))
                continue
            direction = jax.random.normal(own, jnp.shape(leaf))
            lengths = jnp.linalg.norm(direction, axis=-1, keepdims=True)
            drawn.append(direction / lengths * jnp.linalg.norm(leaf, axis=-1, keepdims=True))
        found.append(jax.tree.unflatten(structure, drawn))
    return found


def hessian_directions(
    network: Network,
    likelihood: Likelihood,
    params: Params,
    state: State,
    x: Any,
    y: Any,
    *,
    count: int = 2,
    iterations: int = 40,
    seed: int = 0,
) -> tuple[list[Params], list[float]]:
    r"""Return unit eigenvectors of H = ∇²L of the largest eigenvalues, and those eigenvalues, by Lanczos.

    Args:
        network: the network.
        likelihood: gives L.
        params: θ.
        state: running statistics.
        x: (n, d) rows that L is the mean over.
        y: their targets.
        count: how many, the largest first.
        iterations: Lanczos steps.
        seed: of the first vector.

    Source: Golub, Van Loan, *Matrix Computations* (2013), §10.1; Yao et al., *PyHessian* (2020).
    """
    flat, unravel = ravel_pytree(params)
    steps = min(iterations, flat.size)
    weight = jnp.full(len(x), 1.0 / len(x))

    def loss(theta: Array) -> Array:
        return likelihood.loss(network.apply(unravel(theta), state, x), y, weight)

    def krylov(theta: Array, start: Array) -> tuple[Array, Array, Array]:
        _, product = jax.linearize(jax.grad(loss), theta)
        return lanczos_basis(product, start, steps)

    start = jax.random.normal(jax.random.key(seed), flat.shape)
    alpha, beta, basis = (np.asarray(part, np.float64) for part in jax.jit(krylov)(flat, start))
    values, vectors = np.linalg.eigh(np.diag(alpha) + np.diag(beta[:-1], 1) + np.diag(beta[:-1], -1))
    directions = []
    for i in range(1, count + 1):
        direction = vectors[:, -i] @ basis
        directions.append(unravel(jnp.asarray(direction / np.linalg.norm(direction), flat.dtype)))
    return directions, [float(value) for value in values[::-1][:count]]


def trajectory_directions(
    points: Sequence[Params], count: int = 2
) -> tuple[list[Params], np.ndarray[Any, Any], list[float]]:
    r"""Return the principal directions of θ_t - θ_T, the path's coordinates along them, and the variance each explains.

    Args:
        points: θ_t in order, θ_T last.
        count: how many directions.

    Raises:
        ArgumentError: too few points.

    Source: Lorch, *Visualizing Deep Network Training Trajectories with PCA* (2016).
    """
    if len(points) <= count:
        raise ArgumentError("points", f"more than {count} points of the way", f"{len(points)}")
    _, unravel = ravel_pytree(points[-1])
    matrix = np.stack([np.asarray(ravel_pytree(point)[0], np.float64) for point in points])
    differences = matrix - matrix[-1]
    _, sizes, axes = np.linalg.svd(differences, full_matrices=False)
    share = sizes**2 / max(float(np.sum(sizes**2)), 1e-300)
    directions = [unravel(jnp.asarray(axis, jnp.float32)) for axis in axes[:count]]
    return directions, differences @ axes[:count].T, [float(part) for part in share[:count]]
