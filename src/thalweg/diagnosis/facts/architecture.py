"""Facts about the network: its layers, and how its output meets the loss."""

from __future__ import annotations

from itertools import takewhile
from typing import Any

from thalweg.likelihoods import Likelihood
from thalweg.network import BatchNorm, LayerNorm, Network, Residual, activation_name, dense_sites, sequence, summary


def network_facts(network: Network, likelihood: Likelihood) -> dict[str, Any]:
    """Return what the network is made of.

    Returns:
        ``widths`` of the hidden layers, ``activations`` behind them (``"identity"`` for none), ``names`` of the dense
        layers, their ``levels``, equal for those side by side, ``output_activations`` at its end, ``outputs``,
        ``inputs``, ``parameters``, ``normalized``, ``residual``, ``dropout``, and ``outputs_mean``: what the likelihood
        takes the outputs for.

    Example:
        >>> from thalweg.likelihoods import Categorical
        >>> from thalweg.network import dense_network
        >>> facts = network_facts(dense_network(3, (4, 5), 2, "tanh"), Categorical())
        >>> facts["widths"], facts["activations"], facts["output_activations"]
        ([4, 5], ['tanh', 'tanh'], [])
    """
    sites = dense_sites(network)
    flat = list(sequence.flat(network.layers))
    ending = list(takewhile(lambda name: name != "identity", map(activation_name, reversed(flat))))
    return {
        "names": [site.name for site in sites],
        "levels": [site.level for site in sites],
        "widths": [site.product.units for site in sites[:-1]],
        "activations": [site.activation for site in sites[:-1]],
        "output_activations": ending[::-1],
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
