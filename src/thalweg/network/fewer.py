"""The same network with fewer of the members that share its weights."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

from thalweg.core.errors import ArgumentError
from thalweg.network import sequence
from thalweg.network.network import Network


def fewer_members(network: Network, members: int) -> tuple[Network, int]:
    """Return the network with the fewest members that keep the proportions of its kinds, and how many those are.

    Width, depth and everything else stay: of 8 members, 4 that see bins and 4 that see waves, one of each is left.

    Args:
        network: whose layers are members', side by side.
        members: M, in all.

    Raises:
        ArgumentError: fewer than one member.

    Example:
        >>> from thalweg.network import dense_network
        >>> network = dense_network(3, (16,), 8, numeric_embedding="mixed", shared_members=8)
        >>> few, left = fewer_members(network, 8)
        >>> left, few.outputs, few.layers[0].width(3)
        (2, 2, 32)
    """
    if members < 1:
        raise ArgumentError("members", "a whole number, at least 1", members)
    divisor = math.gcd(members, *_counts(network.layers))
    return Network(network.inputs, _divided(network.layers, divisor)), members // divisor


def _counts(layers: sequence.Layers) -> Iterator[int]:
    """Yield the number of members of each layer that has such."""
    for layer in layers:
        if hasattr(layer, "members"):
            yield layer.members
            continue
        for within in layer.inside.values():
            yield from _counts(within)


def _divided(layers: sequence.Layers, divisor: int) -> sequence.Layers:
    """Return the layers with as many members by the divisor."""

    def one(layer: Any) -> Any:
        if hasattr(layer, "members"):
            return dataclasses.replace(layer, members=layer.members // divisor)
        return layer.mapped(lambda within: _divided(within, divisor))

    return tuple(one(layer) for layer in layers)
