"""A network that is there already, to train on with in place of a new one."""

from __future__ import annotations

from typing import Any

from thalweg.core.errors import ArgumentError
from thalweg.deploy import Model, Segmenter, load
from thalweg.likelihoods import Likelihood, Members
from thalweg.network import BatchNorm, Dropout, LayerNorm, Network, dense_sites, sequence
from thalweg.recipes.config import RunConfig

NORMALIZATIONS = {BatchNorm: "batch", LayerNorm: "layer"}


def origin_of(config: RunConfig) -> Model | None:
    """Return the model that training starts from, None for a new network.

    Raises:
        StorageError: there is no such folder.
        ModelError: it holds no model, or a damaged one.
        ArgumentError: a model of images with masks.
    """
    if config.start is None:
        return None
    model = load(config.start)
    if isinstance(model, Segmenter):
        raise ArgumentError("start", "a model of rows", f"one of images with masks in {config.start}")
    return model


def with_origin(config: RunConfig, origin: Model) -> RunConfig:
    """Return the settings with those of the network as the model has them, so far as settings express it."""
    family = origin.likelihood
    shared = family.members if isinstance(family, Members) else 1
    return config.model_copy(update=network_settings(origin.network) | {"shared_members": shared})


def check_origin(network: Network, likelihood: Likelihood, inputs: int, outputs: int) -> None:
    """Check that a network takes the encoded rows, and gives what the likelihood needs.

    Raises:
        ArgumentError: another width.
    """
    if network.inputs != inputs:
        raise ArgumentError("start", f"a network of {inputs} inputs, as the rows have", f"{network.inputs}")
    if network.outputs != outputs:
        raise ArgumentError(
            "start", f"a network of {outputs} output(s), as {likelihood.name!r} needs here", f"{network.outputs}"
        )


def network_settings(network: Network) -> dict[str, Any]:
    """Return settings that make a network of the same widths, activations, dropout and normalization.

    Example:
        >>> from thalweg.network import Dense
        >>> network_settings(Network(3, (Dense(8), "tanh", Dropout(0.1), Dense(4), "relu", Dense(2))))
        {'hidden': (8, 4), 'activation': 'tanh,relu', 'dropout': 0.1, 'normalization': 'none'}
    """
    hidden = list({site.level: site for site in dense_sites(network)}.values())[:-1]
    kinds = [site.activation for site in hidden]
    dropout, normalization = 0.0, "none"
    for layer in sequence.flat(network.layers):
        if isinstance(layer, Dropout):
            dropout = dropout or layer.rate
        normalization = NORMALIZATIONS.get(type(layer), normalization)
    names = kinds if len(set(kinds)) > 1 else kinds[:1] or ["relu"]
    return {
        "hidden": tuple(site.product.units for site in hidden),
        "activation": ",".join(names),
        "dropout": dropout,
        "normalization": normalization,
    }
