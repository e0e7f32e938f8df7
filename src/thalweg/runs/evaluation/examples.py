"""Rows as their owner would recognize them, in values JSON can hold."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .png import encode_png

Inputs = np.ndarray | Callable[[np.ndarray], Any] | None
"""An array (N, d), or a function from row indices to these rows, so that a large table is only touched where needed."""


def number(value: Any) -> float | None:
    """A float for JSON: as many digits as its type holds, ``None`` when not finite.

    Example:
        >>> number(np.float32(0.1)), number(float("nan"))
        (0.1, None)
    """
    digits = 7 if isinstance(value, np.float32) else 12
    value = float(value)
    return float(f"{value:.{digits}g}") if math.isfinite(value) else None


def ratio(part: Any, whole: Any) -> float | None:
    """``part / whole``, ``None`` when there is no whole."""
    return float(part) / float(whole) if whole else None


def examples(inputs: Inputs, rows: np.ndarray, shape: Sequence[int] | None) -> list[dict[str, Any]]:
    """``{"png": base64}`` or ``{"values": […]}`` of each row; ``{}`` without inputs."""
    if inputs is None or not len(rows):
        return [{} for _ in rows]
    values = inputs[rows] if isinstance(inputs, np.ndarray) else inputs(rows)
    if shape is not None:
        return [{"png": base64.b64encode(encode_png(pixels(v, shape))).decode()} for v in values]
    return [{"values": [cell(v) for v in row]} for row in values]


def pixels(values: Any, shape: Sequence[int]) -> np.ndarray:
    """Bytes of a picture: uint8 as it is, [0, 1] times 255, [0, 255] rounded, anything else stretched to fit."""
    array = np.asarray(values).reshape(tuple(shape))
    if array.dtype == np.uint8:
        return array
    array = np.nan_to_num(array.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(array.min()), float(array.max())
    if low < 0 or high > 255:
        array = (array - low) / (high - low)
    elif high > 1:
        array = array / 255
    return np.asarray(np.round(array * 255), np.uint8)


def cell(value: Any) -> float | int | str | None:
    """One value of a table, numbers as numbers and everything else as text."""
    if value is None:
        return None
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return number(value)
    return str(value)
