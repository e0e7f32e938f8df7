"""Sums of a kernel over all points, block by block: a bounded amount of memory for any number of points and queries."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from thalweg.probability.kernels import Kernel

QUERIES, POINTS = 512, 1024
"""Sizes of a block of distances. Its 4 MiB in float64 stay in the cache while it is made, exponentiated and summed."""

UNROLLED = 8
"""Up to here the squared distance is written out by coordinate, which keeps it in registers."""


def log_kernel_sum(
    kernel: Kernel,
    x: Float[Array, "queries d"],
    points: Float[Array, "points d"],
    log_weights: Float[Array, " points"],
    skip: Int[Array, " queries"] | None = None,
) -> Float[Array, " queries"]:
    """Return ln Σ_n w_n κ(‖x - x(n)‖) for every query.

    Distances are summed squares of differences, never |x|² - 2 x·y + |y|², which loses all figures of points that are
    near each other and far from the origin. The sum is first taken as it is; a block of queries some of which lie so
    far out that it underflows is summed once more relative to its largest term.

    Args:
        kernel: κ.
        x: queries, in units of the kernel.
        points: points, in the same units.
        log_weights: ln w_n.
        skip: for each query a point to leave out, -1 for none.
    """
    size, across = _blocks(len(x), len(points))
    pad = -len(points) % across
    spots = jnp.pad(points, ((0, pad), (0, 0))).reshape(-1, across, points.shape[1])
    weights = jnp.pad(log_weights, (0, pad), constant_values=-jnp.inf).reshape(-1, across)
    numbers = jnp.arange(len(points) + pad).reshape(-1, across)
    smallest = float(np.finfo(x.dtype).tiny) ** 0.8

    def terms(a: Array, left_out: Array | None, block: tuple[Array, Array, Array]) -> Array:
        b, log_w, number = block
        t = kernel.log_profile(_squared_distances(a, b)) + log_w
        return t if left_out is None else jnp.where(number == left_out[:, None], -jnp.inf, t)

    def one(queries: tuple[Array, Array | None]) -> Array:
        a, left_out = queries

        def add(total: Array, block: tuple[Array, Array, Array]) -> tuple[Array, None]:
            return total + jnp.sum(jnp.exp(terms(a, left_out, block)), axis=1), None

        def add_scaled(
            state: tuple[Array, Array], block: tuple[Array, Array, Array]
        ) -> tuple[tuple[Array, Array], None]:
            largest, total = state
            t = terms(a, left_out, block)
            # The floor keeps -∞ - -∞, of kernels of bounded width, from turning up.
            new = jnp.maximum(largest, jnp.max(t, axis=1))
            return (new, total * jnp.exp(largest - new) + jnp.sum(jnp.exp(t - new[:, None]), axis=1)), None

        def scaled(_: Array) -> Array:
            start = jnp.full(len(a), np.finfo(a.dtype).min, a.dtype), jnp.zeros(len(a), a.dtype)
            largest, total = jax.lax.scan(add_scaled, start, (spots, weights, numbers))[0]
            return largest + jnp.log(total)

        total = jax.lax.scan(add, jnp.zeros(len(a), a.dtype), (spots, weights, numbers))[0]
        logs: Array = jax.lax.cond(jnp.all(total > smallest), jnp.log, scaled, total)
        return logs

    return _by_blocks(one, size, x, skip)


def weighted_cdf(
    kernel: Kernel, x: Float[Array, " queries"], points: Float[Array, " points"], log_weights: Float[Array, " points"]
) -> Float[Array, " queries"]:
    """Return Σ_n w_n K(x - x(n)) with the kernel's cumulative distribution K on the line."""
    size, across = _blocks(len(x), len(points))
    pad = -len(points) % across
    spots = jnp.pad(points, (0, pad)).reshape(-1, across)
    weights = jnp.pad(jnp.exp(log_weights), (0, pad)).reshape(-1, across)

    def one(queries: tuple[Array, None]) -> Array:
        def add(total: Array, block: tuple[Array, Array]) -> tuple[Array, None]:
            return total + kernel.cdf(queries[0] - block[0]) @ block[1], None

        return jax.lax.scan(add, jnp.zeros(size, x.dtype), (spots, weights))[0]

    return _by_blocks(one, size, x[:, None], None)


def _blocks(queries: int, points: int) -> tuple[int, int]:
    """Return the sizes of a block; few queries are met by more points at a time."""
    size = max(1, min(QUERIES, queries))
    return size, max(1, min(points, QUERIES * POINTS // size))


def _by_blocks(one: object, size: int, x: Array, skip: Array | None) -> Array:
    """Return a function of blocks of queries, for all queries."""
    pad = -len(x) % size
    blocks = jnp.pad(x, ((0, pad), (0, 0)), mode="edge").reshape(-1, size, x.shape[1])
    left_out = None if skip is None else jnp.pad(skip, (0, pad), constant_values=-1).reshape(-1, size)
    result: Array = jax.lax.map(one, (blocks, left_out)).reshape(-1)[: len(x)]
    return result


def _squared_distances(a: Array, b: Array) -> Array:
    d = a.shape[1]
    if d <= UNROLLED:
        total: Array = sum((a[:, None, k] - b[None, :, k]) ** 2 for k in range(d))  # type: ignore[assignment]
        return total
    return jnp.sum((a[:, None, :] - b[None, :, :]) ** 2, axis=-1)
