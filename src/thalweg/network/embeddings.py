"""What a network does to the encoded columns of a table before its first dense layer."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from thalweg.core.errors import ArgumentError, nearest
from thalweg.core.registry import lookup
from thalweg.network.embed import Embed
from thalweg.network.layer import Layer
from thalweg.network.members import Members
from thalweg.network.parallel import Parallel
from thalweg.network.periodic import Periodic
from thalweg.network.piecewise_linear import PiecewiseLinear
from thalweg.network.scale import Scale
from thalweg.network.tabm_mini import MemberScale

if TYPE_CHECKING:
    from thalweg.network.network import Network

NUMERIC_EMBEDDINGS: dict[str, tuple[Any, ...]] = {
    "none": (),
    "piecewise_linear": (PiecewiseLinear,),
    "periodic": (Periodic,),
    "mixed": (PiecewiseLinear, Periodic),
}
"""Embeddings of numbers by the name used in settings."""


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
    kinds = lookup(NUMERIC_EMBEDDINGS, numeric_embedding, "numeric_embedding")
    options_of = {kind: {field.name for field in dataclasses.fields(kind)} - {"numbers"} for kind in kinds}
    known = set().union(*options_of.values())
    for name in options:
        if name not in known:
            expected = f"{', '.join(sorted(known)) or 'none'} for {numeric_embedding!r}"
            raise ArgumentError("embedding_options", expected, repr(name), nearest(name, known))
    # Bins come first where there are both: they leave the numbers in front.
    layers: list[Layer] = [
        kind(numbers=max(numbers, 1), **{name: _whole(options[name]) for name in options if name in own})
        for kind, own in options_of.items()
    ]
    # The numbers are first and the codes last: neither embedding moves the other's columns.
    return (layers if numbers else []) + ([Embed(levels)] if levels else [])


def input_views(
    numbers: int,
    levels: tuple[int, ...],
    numeric_embedding: str,
    options: Mapping[str, Any],
    feature_scaling: bool,
    members: int,
) -> list[tuple[list[Layer], int]]:
    """Return what comes before the first dense layer, and how many members see it: halves of them for ``"mixed"``.

    Args:
        numbers: how many leading columns are numbers.
        levels: for each trailing column of codes, how many there are.
        numeric_embedding: a name in ``NUMERIC_EMBEDDINGS``.
        options: of the numeric embedding.
        feature_scaling: put a learned factor on each embedded column.
        members: that share their weights; 1 for a single network.

    Example:
        >>> [several for _, several in input_views(3, (), "mixed", {}, False, 8)]
        [4, 4]
    """
    whole = embedding_layers(numbers, levels, numeric_embedding, options)
    views = [(whole, members)]
    if numeric_embedding == "mixed" and members > 1 and numbers:
        bins, waves, *rest = whole
        views = [([bins, *rest], members - members // 2), ([waves, *rest], members // 2)]
    scaling: list[Layer] = [Scale()] if feature_scaling else []
    return [
        ([*embedded, *scaling, *([MemberScale(several)] if members > 1 else [])], several)
        for embedded, several in views
    ]


def view_sizes(network: Network) -> tuple[int, ...]:
    """Return how many members see each of several views of the inputs, as :func:`input_views` made them; else ().

    Of several such networks side by side, those of one after those of the other.

    Example:
        >>> from thalweg.network import dense_network
        >>> view_sizes(dense_network(3, (16,), 8, numeric_embedding="mixed", shared_members=8))
        (4, 4)
    """
    first = network.layers[0]
    networks = 1
    if isinstance(first, Members):
        networks, first = first.members, first.layers[0]
    if not isinstance(first, Parallel):
        return ()
    copies = [[layer.members for layer in stack if isinstance(layer, MemberScale)] for stack in first.stacks]
    return networks * tuple(found[0] for found in copies) if all(copies) else ()


def _whole(value: float) -> float | int:
    """Settings are real numbers; sizes are whole ones."""
    return int(value) if float(value).is_integer() else value
