"""Small arrays side by side in one vector: a loop over each costs more to compile, and to start, than to run."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from thalweg.core.types import Params

SMALL = 8192
"""Entries up to which an array is copied into the vector; the copy of a larger one would be felt."""


def packed(tree: Params) -> tuple[Array | None, list[Array]]:
    """Return small arrays as one vector, None where they are fewer than two, and all others as they are.

    Example:
        >>> vector, others = packed({"W": jnp.ones((100, 100)), "b": jnp.zeros(2), "s": jnp.ones((1, 3))})
        >>> vector.shape, [array.shape for array in others]
        ((5,), [(100, 100)])
    """
    leaves = jax.tree.leaves(tree)
    small = _small(leaves)
    vector = jnp.concatenate([leaves[i].reshape(-1) for i in small]) if small else None
    return vector, [leaf for i, leaf in enumerate(leaves) if i not in small]


def unpacked(arrays: tuple[Array | None, list[Array]], like: Params) -> Params:
    """Return what :func:`packed` packed, with the structure and shapes of ``like``.

    Example:
        >>> tree = {"b": jnp.zeros(2), "s": jnp.ones((1, 3))}
        >>> jax.tree.map(jnp.shape, unpacked(packed(tree), tree))
        {'b': (2,), 's': (1, 3)}
    """
    vector, others = arrays
    leaves, structure = jax.tree.flatten(like)
    small, left, start = _small(leaves), iter(others), 0
    result: list[Any] = []
    for i, leaf in enumerate(leaves):
        if vector is None or i not in small:
            result.append(next(left))
        else:
            result.append(jax.lax.slice(vector, (start,), (start + leaf.size,)).reshape(leaf.shape))
            start += leaf.size
    return jax.tree.unflatten(structure, result)


def _small(leaves: list[Array]) -> list[int]:
    """Return which arrays are small, and of the precision of the first of these."""
    small = [i for i, leaf in enumerate(leaves) if jnp.size(leaf) <= SMALL]
    alike = [i for i in small if leaves[i].dtype == leaves[small[0]].dtype]
    return alike if len(alike) > 1 else []
