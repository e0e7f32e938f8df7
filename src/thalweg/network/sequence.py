"""Layers in sequence, forward and backward: what a network and a residual block share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from jaxtyping import Array
from numpy.typing import NDArray

from thalweg.core.errors import ArgumentError
from thalweg.core.random import fold_in, split
from thalweg.core.types import Params, State, Tape
from thalweg.network.dropout import Dropout, GaussianNoise
from thalweg.network.layer import Layer, Path

Layers = tuple[Layer, ...]


def as_layers(layers: Any) -> Layers:
    """Return layers as a tuple; a string stands for the activation of that name.

    Raises:
        ArgumentError: an entry is neither a layer nor the name of an activation.
    """
    # Imported here: activation layers are layers, and need this module's contract first.
    from thalweg.network.activation_layer import Activation, PReLU

    result: list[Layer] = []
    for entry in (layers,) if isinstance(layers, (str, Layer)) else layers:
        if isinstance(entry, Layer):
            result.append(entry)
        elif isinstance(entry, str):
            result.append(PReLU() if entry == "prelu" else Activation(entry))
        else:
            raise ArgumentError("layers", "layers or names of activations", repr(entry))
    return tuple(result)


def at(tree: Any, path: Path) -> Any:
    """Return the entry of nested tuples at a path."""
    for i in path:
        tree = tree[i]
    return tree


def flat(layers: Layers) -> Iterator[Layer]:
    """Yield layers in order, and in place of one with sequences inside the layers of those."""
    for layer in layers:
        if layer.inside:
            for sequence in layer.inside.values():
                yield from flat(sequence)
        else:
            yield layer


def inside(layer: Layer, function: Callable[..., Any], *trees: Any) -> Any:
    """Return a tree like a layer's parameters, made of what a function returns for each sequence inside.

    Args:
        layer: one with sequences inside.
        function: takes the layers of a sequence and its part of each tree.
        trees: such as parameters or state of the layer.
    """
    found = {path: function(layers, *(at(tree, path) for tree in trees)) for path, layers in layer.inside.items()}
    return found[()] if () in found else tuple(found.values())


def widths(layers: Layers, width_in: int) -> list[int]:
    """Return the widths between layers: the input's, then each layer's output."""
    result = [width_in]
    for layer in layers:
        result.append(layer.width(result[-1]))
    return result


def init(layers: Layers, key: Array, width_in: int) -> Params:
    """Return starting parameters, one entry a layer."""
    keys = split(key, max(len(layers), 1))
    return tuple(layer.init(k, w) for layer, k, w in zip(layers, keys, widths(layers, width_in)[:-1], strict=True))


def init_state(layers: Layers, width_in: int) -> State:
    """Return starting running statistics, one entry a layer."""
    return tuple(layer.init_state(w) for layer, w in zip(layers, widths(layers, width_in)[:-1], strict=True))


def fit_state(layers: Layers, state: State, x: NDArray[Any]) -> State:
    """Return the state as training rows make it: the rows reach the layers up to the first that changes them."""
    fitted = list(state)
    for i, layer in enumerate(layers):
        fitted[i] = layer.fit_state(state[i], x)
        if not isinstance(layer, (Dropout, GaussianNoise)):
            break
    return tuple(fitted)


def step_factors(layers: Layers, params: Params) -> Params:
    """Return for each parameter by how much its steps are longer than those of the others: a tree of numbers."""
    return tuple(layer.step_factors(p) for layer, p in zip(layers, params, strict=True))


def forward(
    layers: Layers, params: Params, state: State, x: Array, *, key: Array | None, training: bool
) -> tuple[Array, tuple[Tape, ...]]:
    """Return the last layer's output and every layer's tape."""
    tapes = []
    for i, layer in enumerate(layers):
        layer_key = None if key is None else fold_in(key, i)
        x, tape = layer.forward(params[i], state[i], x, key=layer_key, training=training)
        tapes.append(tape)
    return x, tuple(tapes)


def backward(
    layers: Layers, params: Params, tapes: tuple[Tape, ...], delta: Array
) -> tuple[Params, Array, tuple[Array, ...]]:
    """Return gradients, ∂L/∂x of the input, and for each layer ∂L/∂y of its output.

    For a dense layer that last quantity is its error vector δ_l = ∂L/∂a_l: the backward pass has it anyway.
    """
    grads: list[Params] = [None] * len(layers)
    deltas: list[Array] = [delta] * len(layers)
    for i in reversed(range(len(layers))):
        deltas[i] = delta
        grads[i], delta = layers[i].backward(params[i], tapes[i], delta)
    return tuple(grads), delta, tuple(deltas)


def next_state(layers: Layers, state: State, tapes: tuple[Tape, ...]) -> State:
    """Return the running statistics after a training pass."""
    return tuple(layer.next_state(s, t) for layer, s, t in zip(layers, state, tapes, strict=True))


def rated(layers: Layers, state: State, dropout: Any) -> State:
    """Return the state with another share to drop, of every dropout layer, for each row of the leading axis of arrays.

    Args:
        layers: the layers.
        state: theirs, with a leading axis of members.
        dropout: (members,) shares.
    """
    result = []
    for layer, own in zip(layers, state, strict=True):
        if isinstance(layer, Dropout):
            result.append(Dropout.rated(dropout))
        else:
            result.append(inside(layer, lambda of, s: rated(of, s, dropout), own) if layer.inside else own)
    return tuple(result)


def adapt(layers: Layers, params: Params, state: State, x: Array) -> tuple[Params, Array]:
    """Return parameters adapted layer by layer to a first minibatch, and the output they give."""
    adapted = []
    for layer, p, s in zip(layers, params, state, strict=True):
        adapted.append(layer.adapt(p, x))
        x, _ = layer.forward(adapted[-1], s, x)
    return tuple(adapted), x


def multiplications(layers: Layers, width_in: int) -> int:
    """Return the multiplications with weights for one example, all layers together."""
    return sum(layer.multiplications(w) for layer, w in zip(layers, widths(layers, width_in)[:-1], strict=True))
