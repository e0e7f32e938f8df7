"""Training that begins with weights that are there already."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from thalweg.core.types import Params, State
from thalweg.network import Network
from thalweg.optimizers import Optimizer
from thalweg.training.loop import Trained
from thalweg.training.state import initial_state


def begin(network: Network, optimizer: Optimizer, params: Params, state: State, *, average: bool = False) -> Trained:
    """Return training of no steps, from which `train` goes on.

    Args:
        network: the network.
        optimizer: gives the updates.
        params: θ_0.
        state: running statistics.
        average: keep a moving average of θ as well.

    Example:
        >>> import numpy as np
        >>> from thalweg.network import dense_network
        >>> from thalweg.optimizers import make_optimizer
        >>> network, sgd = dense_network(1, (), 1), make_optimizer("sgd", total_steps=1, steps_per_epoch=1)
        >>> params = ({"weight": np.ones((1, 1), np.float32), "bias": np.zeros(1, np.float32)},)
        >>> start = begin(network, sgd, params, network.init_state())
        >>> start.history, int(start.last.step)
        ([], 0)
    """
    params, state = jax.tree.map(jnp.asarray, (params, state))
    last = initial_state(network, optimizer, params, average=average)._replace(state=state)
    return Trained(params, state, [], 0, "interrupted", last)
