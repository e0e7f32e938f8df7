"""What training changes from step to step."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from numpy.typing import NDArray

from thalweg.core.types import Params, State
from thalweg.data.batches import Batches, known_targets
from thalweg.likelihoods import Likelihood
from thalweg.network import Network
from thalweg.optimizers import Optimizer


class TrainState(NamedTuple):
    """The state of a run between two steps: with data, seed and settings it decides everything that follows.

    Attributes:
        params: θ_t.
        state: running statistics of the layers.
        optimizer_state: what the optimizer remembers.
        average: exponential moving average of θ, or () when not asked for.
        step: updates made so far, t.
        finite: false once a loss or gradient was not finite; from then on nothing changes any more.
    """

    params: Params
    state: State
    optimizer_state: Any
    average: Params
    step: Array
    finite: Array


KNOT_ROWS = 20_000
"""Layers that learn from rows before training, such as knots at quantiles, see at most so many."""


def initial_params(
    network: Network, likelihood: Likelihood, batches: Batches, key: Array, y: NDArray[Any] | None = None
) -> Params:
    """Return starting parameters: initializers, then the output bias that predicts the training targets' average.

    Args:
        network: the network.
        likelihood: gives the best constant output for the targets.
        batches: the training set; some of its rows serve data-dependent initializers.
        key: random key.
        y: the targets to predict the average of, where some rows of the set are held out.

    Example:
        >>> import jax, numpy as np
        >>> from thalweg.data.batches import ArrayBatches
        >>> from thalweg.likelihoods import make_likelihood
        >>> from thalweg.network import dense_network
        >>> x, y = np.zeros((4, 2), np.float32), np.full((4, 1), 3.0, np.float32)
        >>> params = initial_params(
        ...     dense_network(2, (3,), 1), make_likelihood("gaussian"), ArrayBatches(x, y, 4), jax.random.key(0)
        ... )
        >>> np.asarray(params[-1]["bias"]).tolist()
        [3.0]
    """
    params = network.init(key, jnp.asarray(batches.sample(256)))
    targets = known_targets(batches) if y is None else y
    bias = np.asarray(likelihood.output_bias(targets, network.outputs), np.float32)
    return (*params[:-1], network.layers[-1].with_output_bias(params[-1], bias))


def initial_state(
    network: Network,
    optimizer: Optimizer,
    params: Params,
    *,
    average: bool,
    rows: NDArray[Any] | None = None,
    members: bool = False,
) -> TrainState:
    """Return the state before the first step; one program, so that no small operation is compiled by itself.

    Args:
        network: the network.
        optimizer: whose state is begun.
        params: θ_0.
        average: whether a moving average of θ is kept.
        rows: (rows, inputs) training rows, for layers that learn from them before training, such as knots.
        members: the parameters, and with them the state, have a leading axis of members.
    """
    # Rows are for NumPy, outside of the program: it then serves for other rows as well.
    fitted = None if rows is None else network.init_state(rows)
    state: TrainState = _initial_program(network, optimizer.init, average, members)(params, fitted)
    return state


@lru_cache(maxsize=64)
def _initial_program(network: Network, init: Any, average: bool, members: bool) -> Any:
    def build(params: Params, fitted: State) -> TrainState:
        copy = jax.tree.map(jnp.copy, params)
        return TrainState(
            copy,
            network.init_state() if fitted is None else jax.tree.map(jnp.copy, fitted),
            init(params),
            jax.tree.map(jnp.copy, params) if average else (),
            jnp.zeros((), jnp.int32),
            jnp.ones((), bool),
        )

    return jax.jit(jax.vmap(build, in_axes=(0, None)) if members else build)
