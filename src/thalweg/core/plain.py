"""Values in JSON's own types."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def plain(value: Any) -> Any:
    """Return ``value`` in JSON's own types; numbers that are not finite become ``None``.

    NumPy and JAX numbers and arrays become numbers and lists, anything unknown its text.

    Example:
        >>> plain({"loss": float("nan"), "widths": (3, 4)})
        {'loss': None, 'widths': [3, 4]}
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, (bool, int, float, str, type(None))) else str(value)
