"""Trained parameters as named arrays, and back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from thalweg.core.errors import ModelError
from thalweg.network import path_name


def named(tree: Any) -> dict[str, NDArray[Any]]:
    """Return the arrays of a pytree by readable names such as ``params.0.weight``."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {path_name(path): np.asarray(leaf) for path, leaf in leaves}


def restored(structure: Any, arrays: Mapping[str, NDArray[Any]], folder: Path) -> Any:
    """Return the pytree of ``structure`` filled with the named arrays.

    Raises:
        ModelError: an array is missing, too many, or of another shape.
    """
    leaves, treedef = jax.tree_util.tree_flatten_with_path(structure)
    expected = {path_name(path): tuple(leaf.shape) for path, leaf in leaves}
    for name, shape in expected.items():
        if name not in arrays:
            raise ModelError(f"{folder} is damaged: the weights lack {name}.")
        if arrays[name].shape != shape:
            raise ModelError(f"{folder} is damaged: {name} has shape {arrays[name].shape}, the network needs {shape}.")
    if surplus := sorted(set(arrays) - set(expected)):
        raise ModelError(f"{folder} is damaged: the weights hold {surplus[0]}, which the network does not have.")
    return jax.tree_util.tree_unflatten(treedef, [arrays[name] for name in expected])
