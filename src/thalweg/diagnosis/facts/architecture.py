"""Facts about the network: its layers, and how its output meets the loss."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from thalweg.diagnosis.step import dense_sites
from thalweg.likelihoods import Likelihood
from thalweg.network import Activation, BatchNorm, Dense, Layer, LayerNorm, Network, PReLU, Residual, summary
from thalweg.network.sequence import Layers


def network_facts(network: Network, likelihood: Likelihood) -> dict[str, Any]:
    """Return what the network is made of.

    Returns:
        ``widths`` of the hidden layers, ``activations`` behind them (``"identity"`` for none), ``names`` of the dense
        layers, ``output_activations`` behind the last dense layer, ``outputs``, ``inputs``, ``parameters``,
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
    last = max((i for i, layer in enumerate(flat) if isinstance(layer, Dense)), default=-1)
    return {
        "names": [site.name for site in sites],
        "widths": [layer.units for layer in flat[:last] if isinstance(layer, Dense)],
        "activations": [_name(site.layer) for site in sites[:-1]],
        "output_activations": [name for layer in flat[last + 1 :] if (name := _name(layer)) != "identity"],
        "inputs": network.inputs,
        "outputs": network.outputs,
        "parameters": summary(network).parameters,
        "normalized": any(isinstance(layer, BatchNorm | LayerNorm) for layer in flat),
        "residual": any(isinstance(layer, Residual) for layer in network.layers),
        "dropout": max((layer.rate for layer in flat if hasattr(layer, "rate")), default=0.0),
        "outputs_mean": getattr(likelihood, "outputs_mean", _meaning(likelihood)),
    }


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
