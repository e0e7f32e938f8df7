"""Facts about the loss, found by trying it: what it does to batches it should treat alike, or apart."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from numpy.typing import NDArray

from thalweg.likelihoods import Likelihood

ROWS = 32
"""Rows of the batch that the loss is tried on."""


def loss_facts(likelihood: Likelihood, y: NDArray[Any], outputs: int) -> dict[str, Any]:
    """Return how the loss L of a minibatch behaves.

    Args:
        likelihood: gives L.
        y: a sample of targets.
        outputs: width of the network's output.

    Returns:
        ``doubled``: L of every row twice, over L: 1 for a mean, 2 for a sum. ``pairing``: the change of L when targets
        change places among rows whose outputs differ, over L; 0 if L does not pair them, None where all targets are
        equal. ``best_is_truth``: whether outputs equal to the targets cost less than others, None where outputs are no
        predictions themselves. ``finite``: whether L is.

    Example:
        >>> from thalweg.likelihoods import Gaussian
        >>> facts = loss_facts(Gaussian(), np.linspace(-1, 1, 50)[:, None], 1)
        >>> round(facts["doubled"], 3), facts["best_is_truth"]
        (1.0, True)
    """
    generator = np.random.default_rng(0)
    some = np.asarray(y)[generator.permutation(len(y))[:ROWS]]
    n = len(some)
    values = some.reshape(n, -1)
    own = likelihood.targets == "numbers" and likelihood.target_width(outputs) == outputs == values.shape[1]
    spread = np.maximum(values.std(axis=0), 1e-3) if own else 1.0
    # Outputs about as large and as far apart as predictions would be; positive, as probabilities have to be.
    noise = generator.uniform(0.05, 0.95, (n, outputs))
    guess = (values.mean(axis=0) + spread * 2 * (noise - 0.5) if own else noise).astype(np.float32)

    def loss(o: Any, t: Any) -> Array:
        return likelihood.loss(o, t, jnp.full(len(o), 1.0 / len(o), jnp.float32))

    def tried(o: Array, t: Array) -> dict[str, Array]:
        # Outputs in the order of the targets, and against it.
        up = jnp.argsort(o[:, 0])
        order = jnp.argsort(t.reshape(n, -1)[:, 0])
        straight, crossed = loss(o[up], t[order]), loss(o[up], t[order[::-1]])
        found = {
            "once": loss(o, t),
            "twice": loss(jnp.tile(o, (2, 1)), jnp.tile(t, (2,) + (1,) * (t.ndim - 1))),
            "straight": straight,
            "crossed": crossed,
        }
        if own:
            found["truth"] = loss(t.reshape(o.shape), t)
            found["beside"] = jnp.stack([loss(t.reshape(o.shape) + s * spread, t) for s in (-2.0, -0.5, 0.5, 2.0)])
        return found

    order = np.argsort(values[:, 0], kind="stable")
    exchanged = bool((values[order] != values[order[::-1]]).any())  # else no exchange of targets changes any loss
    result = {name: np.asarray(value, np.float64) for name, value in jax.jit(tried)(guess, some).items()}
    once, scale = float(result["once"]), abs(float(result["once"])) + 1e-9
    facts: dict[str, Any] = {
        "finite": bool(np.isfinite(once)),
        "doubled": float(result["twice"]) / once if abs(once) > 1e-6 else None,
        "pairing": abs(float(result["straight"] - result["crossed"])) / scale if exchanged else None,
        "best_is_truth": None,
    }
    if own:
        facts["best_is_truth"] = bool(np.all(result["truth"] <= result["beside"] + 1e-6 * scale))
    return facts
