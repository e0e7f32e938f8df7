"""What a network does to the encoded columns of a table before its first dense layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from thalweg.core.errors import ArgumentError, nearest
from thalweg.core.registry import lookup
from thalweg.network.embed import Embed
from thalweg.network.layer import Layer
from thalweg.network.periodic import Periodic
from thalweg.network.piecewise_linear import PiecewiseLinear

NUMERIC_EMBEDDINGS: dict[str, Callable[..., Layer] | None] = {
    "none": None,
    "piecewise_linear": PiecewiseLinear,
    "periodic": Periodic,
}
"""Embeddings of numbers by the name used in settings."""

_COLUMNS = {"piecewise_linear": {"bins"}, "periodic": {"waves", "dimension", "deviation", "step_factor"}}


def embedding_layers(
    numbers: int, levels: tuple[int, ...], numeric_embedding: str, options: Mapping[str, Any]
) -> list[Layer]:
    """Return the layers that embed leading numbers and trailing codes.

    Args:
        numbers: how many leading columns are numbers.
        levels: for each trailing column of codes, how many there are.
        numeric_embedding: a name in ``NUMERIC_EMBEDDINGS``.
        options: of the numeric embedding, such as ``bins``.

    Raises:
        ArgumentError: an unknown name or option, or an option out of range.

    Example:
        >>> embedding_layers(3, (50,), "piecewise_linear", {"bins": 8})
        [PiecewiseLinear(numbers=3, bins=8), Embed(levels=(50,), dimension=8, deviation=0.5)]
    """
    make = lookup(NUMERIC_EMBEDDINGS, numeric_embedding, "numeric_embedding")
    known = _COLUMNS.get(numeric_embedding, set())
    for name in options:
        if name not in known:
            expected = f"{', '.join(sorted(known)) or 'none'} for {numeric_embedding!r}"
            raise ArgumentError("embedding_options", expected, repr(name), nearest(name, known))
    layers = []
    if make is not None:
        layers.append(make(max(numbers, 1), **{name: _whole(value) for name, value in options.items()}))
    # The numbers are first and the codes last: neither embedding moves the other's columns.
    return (layers if numbers else []) + ([Embed(levels)] if levels else [])


def _whole(value: float) -> float | int:
    """Settings are real numbers; sizes are whole ones."""
    return int(value) if float(value).is_integer() else value
