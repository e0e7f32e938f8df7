r"""Rank of activations: in how many directions the examples of a minibatch differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from thalweg.diagnosis.instrument import Cost, Instrument, MeasuredRun, Values, without_layers
from thalweg.diagnosis.step import Step

ROWS = 256
"""Rows looked at; a product of this side is small beside those of a step."""
POWER_STEPS = 16


@dataclass(frozen=True)
class Rank(Instrument):
    r"""Effective and stable rank of the activations.

    With λ_i the eigenvalues of the covariance of x_l over the minibatch:
    effective_rank = (Σ λ_i)² / Σ λ_i², stable_rank = Σ λ_i / max λ_i

    Both are at least 1 and at most min(M_l, B - 1); in a deep network they may fall towards 1 from layer to
    layer: the examples can no longer be told apart. Members that share weights give a row each for an example. Of large
    minibatches 256 rows are looked at. Cost: the product X Xᵀ
    of each layer, or XᵀX where that is smaller, and 16 power iterations with it.

    Source: Roy, Vetterli, *The effective rank* (2007) (here with the participation ratio in place of the entropy);
    Rudelson, Vershynin, *Sampling from large matrices* (2007); Feng et al., *Rank Diminishing in Deep Neural Networks*
    (2022).
    """

    name: ClassVar[str] = "rank"
    cost: ClassVar[Cost] = "examples"
    quantities: ClassVar[tuple[str, ...]] = ("effective_rank", "stable_rank")

    def unsupported(self, run: MeasuredRun) -> str:
        return without_layers(run)

    def measure(self, step: Step) -> Values:
        found: Values = {}
        for site in step.sites:
            rows, shared = step.output(site), site.shared
            each = rows.reshape(len(rows) * shared, -1)[:ROWS]
            found[site.name] = _ranks(each, jnp.repeat(step.counted, shared)[:ROWS])
        return found


def _ranks(x: Float[Array, "rows units"], counted: Array) -> dict[str, Array]:
    weight = counted[:, None].astype(x.dtype)
    centered = (x - jnp.sum(weight * x, axis=0) / jnp.sum(weight)) * weight
    gram = centered @ centered.T if x.shape[0] <= x.shape[1] else centered.T @ centered
    trace = jnp.trace(gram)
    # The row of largest norm is never orthogonal to all of the leading eigenspace by accident of symmetry.
    start = gram[jnp.argmax(jnp.diag(gram))]

    def power(_: int, v: Array) -> Array:
        w = gram @ v
        return w / jnp.maximum(jnp.linalg.norm(w), np.finfo(w.dtype).tiny)

    v = jax.lax.fori_loop(0, POWER_STEPS, power, start)
    largest = v @ gram @ v / jnp.maximum(v @ v, np.finfo(v.dtype).tiny)
    return {"effective_rank": trace**2 / jnp.sum(jnp.square(gram)), "stable_rank": trace / largest}
