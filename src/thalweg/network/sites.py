"""Where the dense layers of a network are, and which activation follows each: what instruments and reports go by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from thalweg.network import sequence
from thalweg.network.activation_layer import Activation, ParametricActivation, PReLU
from thalweg.network.layer import Layer, Path, Product
from thalweg.network.network import Network
from thalweg.network.parallel import Parallel


class Follower(NamedTuple):
    """The activation behind a dense layer, which may stand behind parallel stacks.

    Attributes:
        layer: the activation layer.
        path: where it is.
        start: the first of its columns that are the dense layer's.
        end: behind the last of them.
    """

    layer: Layer
    path: Path
    start: int
    end: int


@dataclass(frozen=True)
class Site:
    """A dense layer of a network and the activation that follows it.

    Attributes:
        name: as in `thalweg.gradients.error_vectors`: ``"0"``, ``"2"``, ``"3.0"`` inside a block, ``"0.1.2"`` in the
            second of parallel stacks.
        path: where its parameters, gradients and tape are.
        layer: the dense layer.
        level: dense layers before it on the longest way from the input; those side by side have the same.
        follower: its activation; None if a linear output follows.
    """

    name: str
    path: Path
    layer: Layer
    level: int
    follower: Follower | None

    @property
    def product(self) -> Product:
        """What it multiplies."""
        assert self.layer.product is not None
        return self.layer.product

    @property
    def activation(self) -> str:
        """Name of its activation, ``"identity"`` for none."""
        return activation_name(self.follower and self.follower.layer)

    @property
    def shared(self) -> int:
        """How many members have the same weights: 1 for a layer of one network, and where each has its own."""
        return 1 if self.product.own else self.product.members


def activation_name(layer: Layer | None) -> str:
    """Return the name of an activation layer, ``"identity"`` for any other."""
    if isinstance(layer, Activation | ParametricActivation):
        return layer.name
    return "prelu" if isinstance(layer, PReLU) else "identity"


def dense_sites(network: Network) -> tuple[Site, ...]:
    """Return the dense layers in order, those in residual blocks and parallel stacks included.

    Layers of stacked members (`thalweg.network.Members`) are left out.

    Example:
        >>> from thalweg.network import Dense
        >>> stacks = Parallel(((Dense(4),), (Dense(2),)))
        >>> sites = dense_sites(Network(3, (stacks, "relu", Dense(1))))
        >>> [(site.name, site.level, site.follower and site.follower[1:]) for site in sites]
        [('0.0.0', 0, ((1,), 0, 4)), ('0.1.0', 0, ((1,), 4, 6)), ('2', 1, None)]
    """
    return tuple(_sites(network.layers, network.inputs, (), 0, None))


def _sites(layers: sequence.Layers, width_in: int, prefix: Path, level: int, behind: Follower | None) -> Iterator[Site]:
    """Yield the sites of a sequence whose input comes from so many dense layers, given what follows it."""
    widths = sequence.widths(layers, width_in)
    for i, layer in enumerate(layers):
        if layer.product is None and (layer.stacked or not layer.inside):
            continue
        path, follower = (*prefix, i), _follower(layers, widths, i, prefix, behind)
        if layer.product is not None:
            yield Site(".".join(map(str, path)), path, layer, level, follower)
            level += 1
            continue
        # A block adds its input to its output: what follows is no function of its last layer alone.
        start, deepest = follower.start if follower and isinstance(layer, Parallel) else None, level
        for place, within in layer.inside.items():
            own = None
            if follower and start is not None:
                own = follower._replace(start=start, end=start + sequence.widths(within, widths[i])[-1])
                start = own.end
            for site in _sites(within, widths[i], (*path, *place), level, own):
                yield site
                deepest = max(deepest, site.level + 1)
        level = deepest


def _follower(
    layers: sequence.Layers, widths: list[int], i: int, prefix: Path, behind: Follower | None
) -> Follower | None:
    """Return the activation of layer i: normalization and dropout may stand between, nothing that mixes columns."""
    for j in range(i + 1, len(layers)):
        layer = layers[j]
        if layer.product is not None or layer.inside or widths[j + 1] != widths[i + 1]:
            return None
        if isinstance(layer, Activation | PReLU | ParametricActivation):
            return Follower(layer, (*prefix, j), 0, widths[i + 1])
    return behind
