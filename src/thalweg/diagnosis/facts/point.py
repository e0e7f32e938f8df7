"""Facts about the point where training ended: slope, curvature and noise of the loss there."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array
from numpy.typing import NDArray

from thalweg.core.types import Params, State
from thalweg.data.batches import spread
from thalweg.diagnosis.instrument import ratio, root
from thalweg.diagnosis.lanczos import lanczos, ritz
from thalweg.likelihoods import Likelihood
from thalweg.network import Network

ROWS = 500
"""Rows that the loss is the mean over."""

STEPS = 24
"""Of the Lanczos recursion: enough for both ends of a spectrum that has few values far from zero."""

PROBES = 8
"""Vectors of random signs that the trace is estimated with (Hutchinson)."""


def point_facts(
    network: Network, likelihood: Likelihood, params: Params, state: State, x: NDArray[Any], y: NDArray[Any]
) -> dict[str, Any]:
    r"""Return slope and curvature of the mean loss over some rows, as the network answers: without dropout.

    Args:
        network: the network.
        likelihood: gives L.
        params: θ, the point.
        state: running statistics.
        x: (n, d) rows; at most 500 of them are looked at.
        y: their targets.

    Returns:
        ``rows``, ``loss``; ``gradient_norm`` ‖ḡ‖; ``agreement`` = ‖ḡ‖ / √(mean_n ‖g(n)‖²), 1 where all rows pull
        one way and near 0 where their pulls cancel; ``noise_scale`` = tr Σ / G² with G² = ‖ḡ‖² - tr Σ / n, None where
        the gradient is lost in the noise; ``first_share``, the rms gradient of the first layer as a share of the last
        one's; ``sharpness`` λ_max, ``smallest_eigenvalue`` λ_min, ``negative_curvature`` =
        max(0, -λ_min) / λ_max, ``trace``, ``condition`` = λ_max N_p / tr H.

    Example:
        >>> from thalweg.likelihoods import Gaussian
        >>> from thalweg.network import dense_network
        >>> x = np.linspace(-1, 1, 50)[:, None]
        >>> params = ({"weight": np.full((1, 1), 2.0), "bias": np.zeros(1)},)
        >>> facts = point_facts(dense_network(1, (), 1), Gaussian(), params, ((),), x, 2 * x)
        >>> facts["gradient_norm"], round(facts["sharpness"], 2), facts["negative_curvature"]  # (y - wx - b)²/2
        (0.0, 1.0, 0.0)

    Source: Dauphin et al., *Identifying and attacking the saddle point problem in high-dimensional non-convex
    optimization* (2014); McCandlish et al., *An Empirical Model of Large-Batch Training* (2018).
    """
    some = spread(ROWS, len(x))
    inputs, targets = jnp.asarray(np.asarray(x)[some], jnp.float32), jnp.asarray(np.asarray(y)[some])
    point = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), params)
    n = len(some)

    def loss(theta: Params, a: Array, b: Array) -> Array:
        return likelihood.loss(network.apply(theta, state, a), b, jnp.full(len(a), 1.0 / len(a), jnp.float32))

    def squares(row: tuple[Array, Array]) -> tuple[Array, ...]:
        """‖g(n)‖² of the first layer with parameters, of the last one, and of all."""
        layers = [_square(layer) for layer in jax.grad(loss)(point, row[0][None], row[1][None]) if _leaves(layer)]
        return layers[0], layers[-1], sum(layers, jnp.zeros(()))

    @jax.jit
    def measured(a: Array, b: Array) -> tuple[Any, ...]:
        flat, unravel = ravel_pytree(point)
        value, product = jax.linearize(jax.grad(lambda theta: loss(unravel(theta), a, b)), flat)
        start = jax.random.normal(jax.random.key(0), flat.shape)
        signs = jax.random.rademacher(jax.random.key(1), (PROBES, flat.size), jnp.float32)
        trace = jnp.mean(jax.lax.map(lambda z: jnp.sum(z * product(z)), signs))
        each = jax.lax.map(squares, (a, b), batch_size=16) if likelihood.sums_examples else None
        return loss(point, a, b), value, lanczos(product, start, STEPS), trace, each

    value, gradient, (alpha, beta), trace, each = jax.tree.map(
        lambda a: np.asarray(a, np.float64), measured(inputs, targets)
    )
    ends, size = ritz(alpha, beta), len(gradient)
    norm = float(gradient @ gradient)
    found: dict[str, Any] = {
        "rows": n,
        "loss": float(value),
        "gradient_norm": root(norm),
        "sharpness": ends.largest,
        "smallest_eigenvalue": ends.smallest,
        "negative_curvature": ratio(max(0.0, -ends.smallest), ends.largest),
        "trace": float(trace),
        "condition": ratio(ends.largest * size, float(trace)),
    }
    if each is not None and n > 1:
        first, last, whole = (float(part.mean()) for part in each)
        scatter = max(0.0, (whole - norm) * n / (n - 1))
        found |= {
            "agreement": root(ratio(norm, whole)),
            "first_share": root(ratio(first, last)),
            "noise_scale": ratio(scatter, norm - scatter / n),
        }
    return found


def _leaves(layer: Any) -> list[Any]:
    return jax.tree.leaves(layer)


def _square(layer: Any) -> Array:
    return sum((jnp.sum(jnp.square(leaf)) for leaf in _leaves(layer)), jnp.zeros(()))
