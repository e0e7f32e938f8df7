"""Facts about the starting weights."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from thalweg.core.types import Params
from thalweg.network import Network, dense_sites
from thalweg.network.sequence import at


def start_facts(network: Network, params: Params) -> dict[str, Any]:
    """Return for each dense layer the spread of its starting weights, and how many of its units are copies.

    Returns:
        ``gains``: deviation of the weights times √fan_in, about 1 to 1.4 for the usual initializers; ``copies``: share
        of units whose incoming weights and bias equal another unit's; ``bias``: mean bias over the size that inputs of
        unit variance give, ``gain``.

    Example:
        >>> import jax
        >>> from thalweg.network import dense_network
        >>> network = dense_network(3, (4,), 1, initializer="zeros")
        >>> start_facts(network, network.init(jax.random.key(0)))["copies"]
        [1.0, 0.0]
    """
    gains, copies, biases = [], [], []
    for site in dense_sites(network):
        layer = at(params, site.path)
        weight, bias = np.asarray(layer["weight"], np.float64), np.asarray(layer["bias"], np.float64)
        weight = weight.reshape(-1, weight.shape[-1])
        gain = float(np.sqrt(np.mean(np.square(weight))) * math.sqrt(weight.shape[1]))
        # Members that share weights may have biases of their own.
        rows = np.column_stack([np.tile(weight, (len(bias) // len(weight), 1)), bias])
        units = len(np.unique(rows, axis=0))
        gains.append(gain)
        copies.append(0.0 if len(rows) == 1 else 1.0 if units == 1 else 1 - units / len(rows))
        biases.append(float(bias.mean() / max(gain, 1e-3)))
    return {"gains": gains, "copies": copies, "bias": biases}
