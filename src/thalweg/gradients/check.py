r"""Checks of the backward pass: against automatic differentiation and against finite differences."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from thalweg.core.types import Params, State
from thalweg.gradients.backprop import backprop
from thalweg.likelihoods import Likelihood
from thalweg.network import Network, flatten, unflatten


class GradientCheck(NamedTuple):
    """Relative differences ‖g - g_ref‖ / max(‖g‖, ‖g_ref‖, tiny) of the explicit gradient g.

    Attributes:
        autodiff: against ``jax.grad`` of the same loss.
        differences: against central differences; only meaningful in float64.
    """

    autodiff: float
    differences: float


def check_gradients(
    network: Network,
    likelihood: Likelihood,
    params: Params,
    state: State,
    x: Array,
    y: Array,
    *,
    key: Array | None = None,
    step: float = 1e-5,
) -> GradientCheck:
    r"""Compare the explicit gradient with ``jax.grad`` and with [L(θ + h e_i) - L(θ - h e_i)] / 2h.

    Args:
        network: the network.
        likelihood: gives cost and error.
        params: θ; in float64 for a meaningful finite-difference figure (``jax.enable_x64``).
        state: running statistics.
        x: (batch, inputs).
        y: targets.
        key: fixed randomness of the pass, for dropout.
        step: h.

    Returns:
        Both relative differences.

    Source: Griewank & Walther, *Evaluating Derivatives* (2008); Nocedal & Wright (2006), §8.1.
    """
    theta = flatten(params)

    def loss(vector: Array) -> Array:
        outputs, _ = network.forward(unflatten(vector, params), state, x, key=key, training=True)
        return likelihood.loss(outputs, y, jnp.full(len(outputs), 1 / len(outputs), outputs.dtype))

    def all_three(p: Params) -> tuple[Array, Array, Array]:
        explicit = flatten(backprop(network, likelihood, p, state, x, y, key=key, training=True).grads)
        offsets = step * jnp.eye(theta.size, dtype=theta.dtype)
        ahead, behind = jax.lax.map(loss, theta + jnp.stack([offsets, -offsets]).reshape(-1, theta.size)).reshape(2, -1)
        return explicit, jax.grad(loss)(theta), (ahead - behind) / (2 * step)

    # One program for the three: most of the time goes into compiling.
    explicit, automatic, central = jax.jit(all_three)(params)
    return GradientCheck(_relative(explicit, automatic), _relative(explicit, central))


def _relative(a: Array, b: Array) -> float:
    u, v = np.asarray(a, np.float64), np.asarray(b, np.float64)
    return float(np.linalg.norm(u - v)) / max(float(np.linalg.norm(u)), float(np.linalg.norm(v)), 1e-12)
