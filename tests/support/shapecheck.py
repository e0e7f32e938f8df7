"""Checks array shapes in annotations while tests run, and those alone.

``Float[Array, "batch features"]`` is held against the arrays that come and go, with one "batch" throughout a
call. Plain types are left to mypy: many tests pass a wrong one on purpose, to see what the package says to it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from beartype import beartype
from jaxtyping import AbstractArray


def shapecheck(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with its array annotations checked by beartype at every call."""
    annotations = getattr(function, "__annotations__", {})
    namespace = getattr(sys.modules.get(getattr(function, "__module__", "")), "__dict__", {})
    shapes = {}
    for name, hint in annotations.items():
        try:
            resolved = eval(hint, namespace) if isinstance(hint, str) else hint
        except (NameError, AttributeError, TypeError):
            continue  # imported for type checkers only, so no array type
        if isinstance(resolved, type) and issubclass(resolved, AbstractArray):
            # The shape is checked; whether the array is JAX's or NumPy's is left open, as JAX leaves it.
            shapes[name] = resolved.dtype[jax.Array | np.ndarray, resolved.dim_str]
    if not shapes or isinstance(function, type):
        return function
    function.__annotations__ = shapes
    checked = beartype(function)
    function.__annotations__ = annotations
    checked.__annotations__ = annotations
    return checked
