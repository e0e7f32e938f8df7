"""Where training went to infinity: the first quantity of a step that is not finite."""

from __future__ import annotations

from collections.abc import Iterator

import jax
import numpy as np
from jaxtyping import Array

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

    Parameters, inputs and targets come first, then activations layer by layer, the cost, error vectors from the last
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
    layers = [f"layer {i + 1} ({getattr(layer, 'name', layer.kind)})" for i, layer in enumerate(network.layers)]

    def of_layers(arrays: Params, what: str) -> Iterator[tuple[str, Array]]:
        for name, array in named_arrays(arrays):
            index, _, kind = name.partition(".")
            yield what.format(kind=kind, layer=layers[int(index)]), array

    x, y, weight, _ = minibatch
    yield from of_layers(params, "{kind} of {layer} after the update before")
    yield "input x of the minibatch", x
    yield "target y of the minibatch", y
    h = x
    for i, layer in enumerate(network.layers):
        layer_key = None if key is None else jax.random.fold_in(key, i)
        h, _ = layer.forward(params[i], state[i], h, key=layer_key, training=True)
        yield f"output of {layers[i]}", h
    passed = backprop(network, likelihood, params, state, x, y, weight, key=key)
    yield f"cost ({likelihood.name})", passed.loss
    for name, delta in zip(reversed(layers), reversed(passed.deltas), strict=True):
        yield f"error vector at the output of {name}", delta
    yield from of_layers(passed.grads, "gradient of the {kind} of {layer}")
