"""Rows cut into pieces that a compiled program takes, and the levels between which a central interval lies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from thalweg.core.types import Params, State
from thalweg.core.validate import number
from thalweg.network import Network
from thalweg.network.sequence import Layers

BUCKETS = (8, 16, 256, 4096)
"""Rows of one forward pass: inputs are cut and filled up to these, so that at most four programs are compiled.

Below eight, products sum in another order: the answer to a row would depend, in its last digits, on whether others
stand beside it. Where members share weights, a row alone needs no filling, and has a program of its own: `several`.
"""

PASS_BYTES = 2**23
"""Bytes of the largest array in a forward pass: larger ones leave the cache, and take up to three times as long."""

PRIME = 257
"""Rows of a pass that is looked at but not run: arrays that grow with the rows have a multiple of it in numbers."""


def several(layers: Layers) -> bool:
    """Return whether a row alone is several rows of each product, one for each of the members that share its weights.

    Members that scale what they share begin with a single product of their common input.

    Example:
        >>> from thalweg.network import dense_network
        >>> [several(dense_network(4, (16,), members, shared_members=members).layers) for members in (1, 8)]
        [False, True]
    """
    products = [layer.product for layer in layers if layer.product is not None]
    inside = [stack for layer in layers if layer.product is None for stack in layer.inside.values()]
    return all(product.members > 1 and product.plain for product in products) and all(map(several, inside))


def interval_levels(coverage: float) -> tuple[float, float]:
    """Return the two quantile levels between which a central interval lies.

    Example:
        >>> interval_levels(0.5)
        (0.25, 0.75)
    """
    c = number("coverage", coverage, above=0, below=1)
    return (1 - c) / 2, (1 + c) / 2


def pieces(x: Any) -> Iterator[Any]:
    """Yield rows as they are, or of a memory-mapped array or table a bucket at a time."""
    if not (isinstance(x, np.memmap) or getattr(x, "is_mapped", False)) or len(x) <= BUCKETS[-1]:
        yield x
        return
    for start in range(0, len(x), BUCKETS[-1]):
        piece = slice(start, start + BUCKETS[-1])
        yield x[piece] if isinstance(x, np.memmap) else x.rows(piece)


def bucket(rows: int) -> int:
    """Return the smallest bucket that holds ``rows``.

    Example:
        >>> bucket(1), bucket(17), bucket(9999)
        (8, 256, 4096)
    """
    return next((size for size in BUCKETS if rows <= size), BUCKETS[-1])


def filled(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return rows (N, d) with zeros below, up to their bucket.

    Example:
        >>> filled(np.ones((17, 2), np.float32)).shape
        (256, 2)
    """
    size = bucket(len(x))
    if size == len(x):
        return x
    whole = np.zeros((size, x.shape[1]), x.dtype)  # np.pad takes twenty times as long for one row
    whole[: len(x)] = x
    return whole


def most_rows(network: Network, params: Params, state: State) -> int:
    """Return the largest bucket whose forward pass has no array of more than ``PASS_BYTES``.

    In an ensemble the arrays between the layers are as many times as large as there are members.

    Example:
        >>> from thalweg.network import dense_network
        >>> def most(width):
        ...     network = dense_network(4, (width,), 1)
        ...     return most_rows(network, network.init(jax.random.key(0)), network.init_state())
        >>> most(512), most(4096)
        (4096, 256)
    """
    x = jax.ShapeDtypeStruct((PRIME, network.inputs), np.float32)
    program = jax.make_jaxpr(network.apply)(params, state, x)
    sizes = [variable.aval.size for equation in program.eqns for variable in equation.outvars]
    largest = max((size // PRIME for size in sizes if size % PRIME == 0), default=1)
    return next((size for size in BUCKETS[:1:-1] if 4 * size * largest <= PASS_BYTES), BUCKETS[1])
