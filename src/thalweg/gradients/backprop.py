r"""The explicit backward pass: cost, gradients, and the error vectors δ_l.

Forward: a_l = W_l x_{l-1} + b_l, x_l = φ_l(a_l). Backward: δ_L = ∂L/∂a_L from the likelihood, then
δ_lᵀ = δ_{l+1}ᵀ W_{l+1} diag(φ'(a_l)), ∂L/∂W_l = δ_l x_{l-1}ᵀ, ∂L/∂b_l = δ_l.

Source: Rumelhart, Hinton & Williams 1986; Goodfellow, Bengio & Courville, *Deep Learning* (2016), §6.5.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from thalweg.core.types import Params, State, Tape
from thalweg.likelihoods import Likelihood
from thalweg.network import Network, sequence


class BackwardPass(NamedTuple):
    """Everything one forward and backward pass computes; inside a jitted program unused parts cost nothing.

    Attributes:
        loss: L = Σ w_n cost(f(x_n), y_n), a scalar.
        outputs: raw outputs x_L, shape (batch, outputs).
        grads: ∂L/∂θ, the structure of the parameters.
        deltas: for each layer ∂L/∂y of its output, shape (batch, width); δ_l for a dense layer.
        tapes: what each layer kept for its backward rule.
        delta_in: ∂L/∂x, shape (batch, inputs).
    """

    loss: Float[Array, ""]
    outputs: Float[Array, "batch outputs"]
    grads: Params
    deltas: tuple[Array, ...]
    tapes: tuple[Tape, ...]
    delta_in: Float[Array, "batch inputs"]


def backprop(
    network: Network,
    likelihood: Likelihood,
    params: Params,
    state: State,
    x: Float[Array, "batch inputs"],
    y: Array,
    weight: Float[Array, " batch"] | None = None,
    *,
    key: Array | None = None,
    training: bool = True,
) -> BackwardPass:
    r"""Return loss, outputs, gradients and error vectors of one minibatch.

    L = Σ_n w_n cost(f(x_n; θ), y_n)

    Args:
        network: the network f.
        likelihood: gives cost and output error vector.
        params: θ.
        state: running statistics.
        x: (batch, inputs).
        y: targets as the likelihood takes them.
        weight: (batch,) weights w_n; 1/batch each when absent, so that L is the mean cost.
        key: randomness of this pass, for dropout and noise.
        training: run layers as in training.

    Example:
        >>> import jax, numpy as np
        >>> from thalweg.likelihoods import make_likelihood
        >>> from thalweg.network import dense_network
        >>> network = dense_network(3, (4,), 1)
        >>> params, state = network.init(jax.random.key(0)), network.init_state()
        >>> x, y = np.ones((5, 3), np.float32), np.ones((5, 1), np.float32)
        >>> result = jax.jit(lambda p: backprop(network, make_likelihood("gaussian"), p, state, x, y))(params)
        >>> result.grads[0]["weight"].shape
        (4, 3)
    """
    if weight is None:
        weight = jnp.full(x.shape[0], 1.0 / x.shape[0], x.dtype)
    outputs, tapes = network.forward(params, state, x, key=key, training=training)
    loss, delta = likelihood.loss_and_error(outputs, y, weight)
    grads, delta_in, deltas = sequence.backward(network.layers, params, tapes, delta)
    return BackwardPass(loss, outputs, grads, deltas, tapes, delta_in)


def error_vectors(network: Network, params: Params, result: BackwardPass) -> dict[str, Array]:
    """Return δ_l = ∂L/∂a_l of every dense layer, by where its parameters are, those in blocks and stacks included.

    Args:
        network: the network the pass ran on.
        params: the θ it ran with.
        result: the pass.

    Returns:
        Name of the layer (``"0"``, ``"2"``, ``"3.0"`` inside a block, ``"0.1.2"`` in the second stack of parallel
        ones) ↦ δ_l, shape (batch, M_l), that of members side by side. Layers of stacked members are left out.
    """
    return _collect(network.layers, params, result.tapes, result.deltas, "")


def _collect(
    layers: sequence.Layers, params: Params, tapes: tuple[Tape, ...], deltas: tuple[Array, ...], prefix: str
) -> dict[str, Array]:
    found: dict[str, Array] = {}
    for i, layer in enumerate(layers):
        if layer.product is not None:
            found[f"{prefix}{i}"] = deltas[i]
        elif layer.inside and not layer.stacked:
            # The layer's backward rule ran this already; XLA merges the repeated operations.
            inner = layer.deltas_inside(params[i], tapes[i], deltas[i])
            for (path, within), own in zip(layer.inside.items(), inner, strict=True):
                theta, taped = sequence.at(params[i], path), sequence.at(tapes[i], path)
                found |= _collect(within, theta, taped, own, prefix + "".join(f"{place}." for place in (i, *path)))
    return found
