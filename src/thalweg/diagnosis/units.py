r"""Dead and saturated units: where an activation is so flat that hardly any gradient passes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from thalweg.core.types import Params
from thalweg.diagnosis.instrument import Cost, Instrument, MeasuredRun, Values, mean, without_layers
from thalweg.diagnosis.step import Step
from thalweg.network import Activation, Site

FLAT = 0.05
"""A slope below this share of the activation's largest is flat."""

# σ' is 1/4 at most, the other slopes about 1.
_LARGEST = {"sigmoid": 0.25}
# Their slopes are bounded away from zero, or they act on the whole vector.
_NEVER_FLAT = ("identity", "leaky_relu", "softmax")


def flat_below(site: Site) -> float | None:
    """Return the slope below which the activation after a dense layer counts as flat, or None if it never is.

    Example:
        >>> from thalweg.network import dense_network, dense_sites
        >>> [flat_below(site) for site in dense_sites(dense_network(3, (4,), 1, "sigmoid"))]
        [0.0125, None]
    """
    follower = site.follower and site.follower.layer
    if not isinstance(follower, Activation) or follower.name in _NEVER_FLAT:
        return None
    return FLAT * _LARGEST.get(follower.name, 1.0)


BYTE = 64
"""Rows that are counted in a byte, which holds 127."""


def count(flags: Bool[Array, "rows units"]) -> Float[Array, " units"]:
    """Return how often each column is true.

    In bytes first: four times as many fit into a vector as of numbers, on 128 × 512 units 6 µs in place of 20.

    Example:
        >>> count(jnp.ones((200, 2), bool)).tolist()
        [200.0, 200.0]
    """
    units, whole = flags.shape[1], len(flags) // BYTE * BYTE
    parts = [flags[:whole].reshape(whole // BYTE, BYTE, units), flags[None, whole:]]
    often = [jnp.sum(part, axis=1, dtype=jnp.int8) for part in parts if part.size]
    return sum((jnp.sum(some, axis=0, dtype=jnp.float32) for some in often), jnp.zeros(units))


@dataclass(frozen=True)
class Units(Instrument):
    r"""Shares of saturated and of dead units.

    saturated = mean over rows n and units i of [|φ'(a_i(n))| < τ], τ = 0.05 max |φ'|
    dead = mean over units i of Π_n [|φ'(a_i(n))| < τ], n over every measured row of the epoch

    For ReLU, whose slope is 0 or 1, ``saturated`` is the share of zeros, half of which is normal, and ``dead`` the
    share of units that were zero on every row the epoch measured; for sigmoid and tanh a dead unit is one always
    saturated. A unit that members share is dead where it is so in all of them. Identity, leaky ReLU and PReLU have no
    flat part, and softmax no slope of single units: they are left out. Cost: one pass over the activations a step.

    Source: Glorot, Bengio, *Understanding the difficulty of training deep feedforward neural networks* (2010); Lu,
    Shin, Su, Karniadakis, *Dying ReLU and Initialization* (2020).
    """

    name: ClassVar[str] = "units"
    cost: ClassVar[Cost] = "cheap"
    quantities: ClassVar[tuple[str, ...]] = ("dead", "saturated")

    def unsupported(self, run: MeasuredRun) -> str:
        if reason := without_layers(run):
            return reason
        if all(flat_below(site) is None for site in run.sites):
            return "no activation of this network has a flat part"
        return ""

    def measure(self, step: Step) -> Values:
        found: Values = {}
        for site in step.sites:
            limit = flat_below(site)
            if limit is not None:
                # One count serves both: how often each unit is steep.
                often = count((jnp.abs(step.slope(site)) >= limit) & step.counted[:, None])
                alive = jnp.any(often.reshape(site.shared, -1) > 0, axis=0)
                found[site.name] = {"alive": alive, "saturated": 1.0 - jnp.mean(often) / step.rows}
        return found

    def summarize(self, values: Values, run: MeasuredRun, params: Params) -> Values:
        return {
            name: {
                "dead": float(np.mean(~np.any(found["alive"], axis=0))) if len(found["alive"]) else float("nan"),
                "saturated": mean(found["saturated"]),
            }
            for name, found in values.items()
        }
