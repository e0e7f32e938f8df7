"""Where training went to infinity: the first quantity of a step that is not finite."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Array

from thalweg.core.random import fold_in
from thalweg.core.types import Params, State
from thalweg.data.batches import Chunk
from thalweg.gradients import backprop
from thalweg.likelihoods import Likelihood
from thalweg.network import Network, named_arrays

HINT = "Lower the learning rate, clip gradients (clip_norm), or scale the inputs."


def first_not_finite(
    network: Network,
    likelihood: Likelihood,
    params: Params,
    state: State,
    minibatch: Chunk,
    *,
    key: Array | None = None,
) -> str:
    """Return a name for the first quantity, in the order of computation, that is not finite.

    Inputs and targets come first, then activations layer by layer, the cost, error vectors from the last
    layer back, gradients; if all are finite it was the update.

    Args:
        network: the network.
        likelihood: gives cost and error vector.
        params: θ of the step.
        state: running statistics of the step.
        minibatch: the step's x, y, weight.
        key: the step's randomness.
    """
    found = _quantities(network, likelihood, params, state, minibatch, key)
    return next((name for name, array in found if not np.all(np.isfinite(array))), "update of the parameters")


def _quantities(
    network: Network, likelihood: Likelihood, params: Params, state: State, minibatch: Chunk, key: Array | None
) -> Iterator[tuple[str, Array]]:
    """Yield a step's quantities with their names, in the order of computation."""
    layers = layer_names(network)
    x, y, weight, _ = minibatch
    yield "input x of the minibatch", x
    yield "target y of the minibatch", y
    h = x
    for i, layer in enumerate(network.layers):
        layer_key = None if key is None else fold_in(key, i)
        h, _ = layer.forward(params[i], state[i], h, key=layer_key, training=True)
        yield f"output of {layers[i]}", h
    passed = backprop(network, likelihood, params, state, x, y, weight, key=key)
    yield f"cost ({likelihood.name})", passed.loss
    for name, delta in zip(reversed(layers), reversed(passed.deltas), strict=True):
        yield f"error vector at the output of {name}", delta
    for kind, name, array in _by_layer(network, passed.grads):
        yield f"gradient of the {kind} of {name}", array


def broken_parameter(network: Network, params: Params) -> str | None:
    """Return a name for the first parameter that an update made infinite or not a number, or None.

    Example:
        >>> import numpy as np
        >>> from thalweg.network import Dense
        >>> broken_parameter(Network(1, (Dense(1),)), ({"weight": np.full((1, 1), np.inf)},))
        'weight of layer 1 (dense) after the update'
    """
    for kind, layer, array in _by_layer(network, params):
        if not np.all(np.isfinite(array)):
            return f"{kind} of {layer} after the update"
    return None


def layer_names(network: Network) -> list[str]:
    """Return a name a layer: its place, from 1, and its kind."""
    return [f"layer {i + 1} ({getattr(layer, 'name', layer.kind)})" for i, layer in enumerate(network.layers)]


def _by_layer(network: Network, arrays: Params) -> Iterator[tuple[str, str, Array]]:
    layers = layer_names(network)
    for name, array in named_arrays(arrays):
        index, _, kind = name.partition(".")
        yield kind, layers[int(index)], array
