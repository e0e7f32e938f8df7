"""Facts about the network: its layers, and how its output meets the loss."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import Any

from thalweg.diagnosis.step import dense_sites
from thalweg.likelihoods import Likelihood
from thalweg.network import Activation, BatchNorm, Dense, Layer, LayerNorm, Network, PReLU, Residual, summary
from thalweg.network.sequence import Layers


def network_facts(network: Network, likelihood: Likelihood) -> dict[str, Any]:
    """Return what the network is made of.

    Returns:
        ``widths`` of the hidden layers, ``activations`` behind them (``"identity"`` for none), ``names`` of the dense
        layers, ``output_activations`` at its end, ``outputs``, ``inputs``, ``parameters``,
        ``normalized``, ``residual``, ``dropout``, and ``outputs_mean``: what the likelihood takes the outputs for.

    Example:
        >>> from thalweg.likelihoods import Categorical
        >>> from thalweg.network import dense_network
        >>> facts = network_facts(dense_network(3, (4, 5), 2, "tanh"), Categorical())
        >>> facts["widths"], facts["activations"], facts["output_activations"]
        ([4, 5], ['tanh', 'tanh'], [])
    """
    sites = dense_sites(network)
    flat = list(_flat(network.layers))
    dense = [layer for layer in flat if isinstance(layer, Dense)]
    ending = [_name(layer) for layer in takewhile(lambda layer: _name(layer) != "identity", reversed(flat))]
    return {
        "names": [site.name for site in sites],
        "widths": [layer.units for layer in (dense[:-1] if _ends_dense(flat) else dense)],
        "activations": [_name(site.layer) for site in sites[:-1]],
        "output_activations": ending[::-1],
        "inputs": network.inputs,
        "outputs": network.outputs,
        "parameters": summary(network).parameters,
        "normalized": any(isinstance(layer, BatchNorm | LayerNorm) for layer in flat),
        "residual": any(isinstance(layer, Residual) for layer in network.layers),
        "dropout": max((layer.rate for layer in flat if hasattr(layer, "rate")), default=0.0),
        "outputs_mean": getattr(likelihood, "outputs_mean", _meaning(likelihood)),
    }


def _ends_dense(flat: Sequence[Layer]) -> bool:
    """Whether the output comes from a dense layer, and not from one that shares or stacks weights."""
    last = next((layer for layer in reversed(flat) if _name(layer) == "identity"), None)
    return isinstance(last, Dense)


def _meaning(likelihood: Likelihood) -> str:
    return {"classes": "logits", "labels": "logits", "ordered": "logits"}.get(likelihood.targets, likelihood.targets)


def _name(layer: Layer | None) -> str:
    if isinstance(layer, Activation):
        return layer.name
    return "prelu" if isinstance(layer, PReLU) else "identity"


def _flat(layers: Layers) -> Iterator[Layer]:
    for layer in layers:
        if isinstance(layer, Residual):
            yield from _flat(layer.layers)
        else:
            yield layer
