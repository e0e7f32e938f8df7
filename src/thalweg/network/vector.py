"""Parameters as one vector θ = [vec W_1; b_1; vec W_2; b_2; …] and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from thalweg.core.errors import ArgumentError
from thalweg.core.types import Params


def named_arrays(params: Params, prefix: str = "") -> list[tuple[str, Array]]:
    """Return arrays with readable names in the order of θ: layers in order, matrices before vectors.

    Example:
        >>> import numpy as np
        >>> [name for name, _ in named_arrays(({"bias": np.zeros(2), "weight": np.zeros((2, 3))},))]
        ['0.weight', '0.bias']
    """
    if isinstance(params, dict):
        entries: list[tuple[str, Any]] = sorted(params.items(), key=lambda item: (-jnp.ndim(item[1]), item[0]))
    elif isinstance(params, (tuple, list)):
        entries = [(str(i), entry) for i, entry in enumerate(params)]
    else:
        return [(prefix, params)]
    return [found for name, entry in entries for found in named_arrays(entry, f"{prefix}.{name}" if prefix else name)]


def path_name(path: Sequence[Any]) -> str:
    """Return the readable name of a leaf, given its path in the tree: the one it has in `named_arrays`.

    Example:
        >>> [path_name(path) for path, _ in jax.tree_util.tree_leaves_with_path(({"weight": 1}, {"bias": 2}))]
        ['0.weight', '1.bias']
    """
    return ".".join(str(getattr(key, "key", getattr(key, "idx", key))) for key in path)


def flatten(params: Params) -> Float[Array, " parameters"]:
    """Return θ, shape (N_p,): vec stacks the columns of each W.

    Example:
        >>> import numpy as np
        >>> flatten(({"weight": np.array([[1.0, 2.0], [3.0, 4.0]]), "bias": np.array([5.0, 6.0])},)).tolist()
        [1.0, 3.0, 2.0, 4.0, 5.0, 6.0]
    """
    arrays = [jnp.ravel(array.T) for _, array in named_arrays(params)]
    return jnp.concatenate(arrays) if arrays else jnp.zeros(0)


def unflatten(theta: Float[Array, " parameters"], like: Params) -> Params:
    """Return the parameters in the structure of ``like`` whose vector is ``theta``.

    Args:
        theta: shape (N_p,).
        like: parameters that give structure and shapes.

    Raises:
        ArgumentError: the length does not fit.
    """
    sizes = [(name, array.shape, int(array.size)) for name, array in named_arrays(like)]
    expected = sum(size for _, _, size in sizes)
    if theta.shape != (expected,):
        raise ArgumentError("theta", f"a vector of {expected} parameters", f"shape {theta.shape}")
    pieces: dict[str, Array] = {}
    start = 0
    for name, shape, size in sizes:
        pieces[name] = theta[start : start + size].reshape(shape[::-1]).T
        start += size
    # Tree paths carry the same names as named_arrays, in the tree's own order.
    paths, treedef = jax.tree_util.tree_flatten_with_path(like)
    leaves = [pieces[path_name(path)] for path, _ in paths]
    return jax.tree_util.tree_unflatten(treedef, leaves)
