"""What instruments read of a step: each dense layer's input, output, slope and error vectors, by the layer's name."""

from __future__ import annotations

from functools import cached_property

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from thalweg.core.random import fold_in
from thalweg.core.types import Params
from thalweg.gradients import error_vectors
from thalweg.network import Activation, Dense, Dropout, GaussianNoise, Site, activation
from thalweg.network.sequence import at
from thalweg.training import StepView

SAMPLE = 2**13
"""Entries of a large array that a cheap instrument reads in a step: a few microseconds' worth."""


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
        """x_{l-1}, that of members side by side."""
        tape = at(self.view.passed.tapes, site.path)
        return jnp.reshape(tape[0] if isinstance(tape, tuple) else tape, (len(self.view.x), -1))

    def of_members(self, site: Site, array: Float[Array, "batch columns"]) -> Float[Array, "batch members width"]:
        """Return inputs, outputs or error vectors of members one behind the other; one member of a usual layer."""
        return array.reshape(len(array), site.product.members, -1)

    def fixed_input(self) -> tuple[int, Float[Array, "batch inputs"]] | None:
        """Return the place of a first dense layer and what goes into it whatever the parameters; None without one."""
        layers = self.view.network.layers
        first = next((i for i, layer in enumerate(layers) if not isinstance(layer, Dropout | GaussianNoise)), 0)
        return (first, self.view.passed.tapes[first]) if isinstance(layers[first], Dense) else None

    def onward(self, params: Params, place: int, h: Float[Array, "batch units"]) -> Float[Array, "batch outputs"]:
        """Return the network's outputs when the layer at a place gives h, with the step's own dropout and noise."""
        layers = self.view.network.layers
        for i in range(place + 1, len(layers)):
            key = fold_in(self.view.key, i)
            h, _ = layers[i].forward(params[i], self.view.state[i], h, key=key, training=True)
        return h

    def output(self, site: Site) -> Float[Array, "batch units"]:
        """x_l = φ(a_l), or a_l where no activation follows; that of members side by side."""
        view, follower = self.view, site.follower
        if follower is not None:
            tape = at(view.passed.tapes, follower.path)
            if isinstance(follower.layer, Activation):
                y: Array = tape[1]
            else:
                a = tape[0] if isinstance(tape, tuple) else tape
                y, _ = follower.layer.forward(at(view.point, follower.path), {}, a)
            return y[:, follower.start : follower.end]
        if site.path == (len(view.network.layers) - 1,):
            return view.passed.outputs
        return site.layer.forward(at(view.point, site.path), {}, self.input(site))[0]

    def slope(self, site: Site) -> Float[Array, "batch units"]:
        """φ'(a_l) of a layer that an elementwise activation of the registry follows."""
        assert site.follower is not None
        assert isinstance(site.follower.layer, Activation)
        a, y = at(self.view.passed.tapes, site.follower.path)
        slope = activation(site.follower.layer.name).derivative(a, y)
        return slope[:, site.follower.start : site.follower.end]

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


def block(weight: Float[Array, "*units inputs"], number: Array) -> Float[Array, "some inputs"]:
    """Return some rows of a layer's weights in step ``number``; consecutive steps together see all of them."""
    matrix = weight.reshape(-1, weight.shape[-1])
    size = max(1, SAMPLE // matrix.shape[1])
    if size >= len(matrix):
        return matrix
    blocks = -(-len(matrix) // size)
    return jax.lax.dynamic_slice_in_dim(matrix, (number % blocks) * size, size)
