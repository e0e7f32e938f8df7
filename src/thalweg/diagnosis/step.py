"""What instruments read of a step: each dense layer's input, output, slope and error vectors, by the layer's name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from thalweg.core.types import Params
from thalweg.gradients import error_vectors
from thalweg.network import Activation, Dense, Dropout, GaussianNoise, Layer, Network, PReLU, Residual, activation
from thalweg.network.sequence import Layers
from thalweg.training import StepView

SAMPLE = 2**13
"""Entries of a large array that a cheap instrument reads in a step: a few microseconds' worth."""


@dataclass(frozen=True)
class Site:
    """A dense layer of a network and the activation that follows it.

    Attributes:
        name: as in `thalweg.gradients.error_vectors`: ``"0"``, ``"2"``, ``"3.0"`` inside a block.
        path: where its parameters, gradients and tape are.
        follower: where the tape of its activation is; () if a linear output follows.
        layer: that activation layer.
    """

    name: str
    path: tuple[int, ...]
    follower: tuple[int, ...] = ()
    layer: Layer | None = None


def dense_sites(network: Network) -> tuple[Site, ...]:
    """Return the dense layers in order, those of residual blocks included.

    Example:
        >>> from thalweg.network import dense_network
        >>> [(site.name, site.follower) for site in dense_sites(dense_network(3, (4,), 1))]
        [('0', (1,)), ('2', ())]
    """
    return tuple(_sites(network.layers, ()))


def _sites(layers: Layers, prefix: tuple[int, ...]) -> Iterator[Site]:
    for i, layer in enumerate(layers):
        path = (*prefix, i)
        if isinstance(layer, Dense):
            name = ".".join(map(str, path))
            yield next(
                (
                    Site(name, path, (*prefix, j), layers[j])
                    for j in range(i + 1, _next_dense(layers, i))
                    if isinstance(layers[j], Activation | PReLU)
                ),
                Site(name, path),
            )
        elif isinstance(layer, Residual):
            yield from _sites(layer.layers, path)


def _next_dense(layers: Layers, i: int) -> int:
    later = (j for j in range(i + 1, len(layers)) if isinstance(layers[j], Dense | Residual))
    return next(later, len(layers))


def at(tree: Any, path: tuple[int, ...]) -> Any:
    """Return the entry of nested tuples at a path."""
    for i in path:
        tree = tree[i]
    return tree


class Step:
    """A step as instruments see it, inside the program; XLA computes what several of them read only once.

    Args:
        view: what the training program shows.
        sites: the network's dense layers.
    """

    def __init__(self, view: StepView, sites: tuple[Site, ...]) -> None:
        self.view, self.sites = view, sites

    @property
    def counted(self) -> Bool[Array, " batch"]:
        """Which rows count: those of positive weight."""
        return self.view.weight > 0

    @property
    def rows(self) -> Float[Array, ""]:
        """B, the rows that count."""
        return jnp.sum(self.counted, dtype=self.view.weight.dtype)

    @cached_property
    def deltas(self) -> dict[str, Array]:
        """B ∂L/∂a_l of every dense layer: for equal weights the error vectors of the single costs."""
        return {
            name: delta * self.rows
            for name, delta in error_vectors(self.view.network, self.view.point, self.view.passed).items()
        }

    def input(self, site: Site) -> Float[Array, "batch inputs"]:
        """x_{l-1}."""
        x: Array = at(self.view.passed.tapes, site.path)
        return x

    def fixed_input(self) -> tuple[int, Float[Array, "batch inputs"]] | None:
        """Return the place of a first dense layer and what goes into it whatever the parameters; None without one."""
        layers = self.view.network.layers
        first = next((i for i, layer in enumerate(layers) if not isinstance(layer, Dropout | GaussianNoise)), 0)
        return (first, self.view.passed.tapes[first]) if isinstance(layers[first], Dense) else None

    def onward(self, params: Params, place: int, h: Float[Array, "batch units"]) -> Float[Array, "batch outputs"]:
        """Return the network's outputs when the layer at a place gives h, with the step's own dropout and noise."""
        layers = self.view.network.layers
        for i in range(place + 1, len(layers)):
            key = jax.random.fold_in(self.view.key, i)
            h, _ = layers[i].forward(params[i], self.view.state[i], h, key=key, training=True)
        return h

    def output(self, site: Site) -> Float[Array, "batch units"]:
        """x_l = φ(a_l), or a_l where no activation follows."""
        if isinstance(site.layer, Activation):
            y: Array = at(self.view.passed.tapes, site.follower)[1]
            return y
        if site.path == (len(self.view.network.layers) - 1,):
            return self.view.passed.outputs
        parameters = at(self.view.point, site.path)
        a: Array = self.input(site) @ parameters["weight"].T + parameters["bias"]
        if site.layer is None:
            return a
        return jnp.where(a > 0, a, at(self.view.point, site.follower)["slope"] * a)

    def slope(self, site: Site) -> Float[Array, "batch units"]:
        """φ'(a_l) of a layer that an elementwise activation of the registry follows."""
        assert isinstance(site.layer, Activation)
        a, y = at(self.view.passed.tapes, site.follower)
        return activation(site.layer.name).derivative(a, y)

    def gradient(self, site: Site) -> Params:
        """∂L/∂W_l and ∂L/∂b_l."""
        return at(self.view.passed.grads, site.path)

    def mean_square(self, rows: Float[Array, "batch width"]) -> Float[Array, ""]:
        """Mean square of the entries of the rows that count; of wide arrays the first rows stand for all.

        Rows come shuffled, so the first of a minibatch are a fair sample of it.
        """
        some = rows[: max(1, SAMPLE // rows.shape[1])]
        counted = self.counted[: len(some)]
        total = jnp.sum(jnp.where(counted[:, None], jnp.square(some), 0))
        return total / (jnp.sum(counted, dtype=some.dtype) * some.shape[1])


def block(matrix: Float[Array, "units inputs"], number: Array) -> Float[Array, "some inputs"]:
    """Return some rows of a parameter matrix in step ``number``; consecutive steps together see all of it."""
    size = max(1, SAMPLE // matrix.shape[1])
    if size >= len(matrix):
        return matrix
    blocks = -(-len(matrix) // size)
    return jax.lax.dynamic_slice_in_dim(matrix, (number % blocks) * size, size)
