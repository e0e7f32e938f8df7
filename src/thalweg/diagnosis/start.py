r"""Instruments that look back at the start: how far the weights have moved, and what predicting a constant costs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from numpy.typing import NDArray

from thalweg.core.types import Params
from thalweg.data.batches import Batches, spread, taken_targets
from thalweg.diagnosis.instrument import NETWORK, Cost, Instrument, MeasuredRun, Values, ratio, root
from thalweg.likelihoods import Likelihood
from thalweg.network.sequence import at

ROWS = 2**16
"""Targets, spread over the set, that the loss of a constant is taken over."""


@dataclass(frozen=True)
class Distance(Instrument):
    r"""Distance from the start.

    distance_from_start = ‖W_l - W_l(0)‖_F / ‖W_l(0)‖_F of a layer, ‖θ - θ_0‖ / ‖θ_0‖ of the network

    Taken once an epoch, after its last step. A layer that stays at 0 does not learn. Cost: a pass over θ an epoch, and
    the memory of θ_0.

    Source: Hoffer, Hubara, Soudry, *Train longer, generalize better* (2017); Nagarajan, Kolter, *Generalization in Deep
    Networks: The Role of Distance from Initialization* (2019).
    """

    name: ClassVar[str] = "distance"
    cost: ClassVar[Cost] = "cheap"
    quantities: ClassVar[tuple[str, ...]] = ("distance_from_start",)

    def summarize(self, values: Values, run: MeasuredRun, params: Params) -> Values:
        # Each array is read once: for its own layer and for the network.
        moved = jax.tree.map(lambda new, old: _square(np.subtract(new, old)), params, run.info.params)
        size = jax.tree.map(_square, run.info.params)
        found: Values = {
            site.name: {"distance_from_start": root(ratio(*(at(p, site.path)["weight"] for p in (moved, size))))}
            for site in run.sites
        }
        total = root(ratio(*(sum(jax.tree.leaves(squares)) for squares in (moved, size))))
        return found | {NETWORK: {"distance_from_start": total}}


@dataclass(frozen=True)
class Baseline(Instrument):
    r"""Loss of the best constant prediction over the training targets.

    constant_loss = min over c of mean_n cost(c, y(n)): the entropy of the classes' frequencies, or half the variance of
    a number with a Gaussian's constant

    A training loss that stays at it has learned nothing from the inputs. Sample weights are left out. Cost: once a run;
    of more than 2¹⁶ rows as many, spread over the set.

    Source: Cover, Thomas, *Elements of Information Theory* (2006), chapter 2.
    """

    name: ClassVar[str] = "baseline"
    cost: ClassVar[Cost] = "cheap"
    quantities: ClassVar[tuple[str, ...]] = ("constant_loss",)

    def prepare(self, run: MeasuredRun) -> Values:
        y = sampled_targets(run.info.batches, ROWS)
        return {NETWORK: {"constant_loss": constant_loss(run.info.likelihood, y, run.info.network.outputs)}}


def sampled_targets(batches: Batches, rows: int) -> NDArray[Any]:
    """Return the targets of so many rows, spread over the set; class numbers as the loss takes them."""
    return taken_targets(batches, spread(rows, batches.rows))


def constant_loss(likelihood: Likelihood, y: NDArray[Any], outputs: int) -> float:
    """Return the mean cost of the best constant output.

    Args:
        likelihood: gives cost and best constant.
        y: (N, …) targets.
        outputs: width of the output.

    Example:
        >>> from thalweg.likelihoods import Bernoulli
        >>> round(constant_loss(Bernoulli(), np.array([0, 1, 1, 0], np.int32), 1), 4)  # ln 2
        0.6931
    """
    constant = np.asarray(likelihood.output_bias(y, outputs), np.float32)
    return float(_loss_of(likelihood, np.broadcast_to(constant, (outputs,)), y))


@partial(jax.jit, static_argnums=0)
def _loss_of(likelihood: Likelihood, constant: Array, y: Array) -> Array:
    rows = jnp.broadcast_to(constant, (len(y), *constant.shape))
    return likelihood.loss(rows, y, jnp.full(len(y), 1.0 / len(y)))


def _square(array: Any) -> float:
    flat = np.asarray(array).ravel()
    return float(np.dot(flat, flat))
