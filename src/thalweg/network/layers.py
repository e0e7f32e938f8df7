"""The registry of layers, and reading a layer back from its JSON form."""

from __future__ import annotations

from typing import Any

from thalweg.core.errors import ModelError
from thalweg.core.registry import lookup
from thalweg.network.activation_layer import Activation, ParametricActivation, PReLU
from thalweg.network.batch_ensemble import BatchEnsemble, MemberDense
from thalweg.network.dense import Dense
from thalweg.network.dropout import Dropout, GaussianNoise
from thalweg.network.embed import Embed
from thalweg.network.layer import Layer
from thalweg.network.members import Members
from thalweg.network.normalization import BatchNorm, LayerNorm
from thalweg.network.parallel import Parallel
from thalweg.network.periodic import Periodic
from thalweg.network.piecewise_linear import PiecewiseLinear
from thalweg.network.residual import Residual
from thalweg.network.scale import Scale
from thalweg.network.tabm_mini import MemberScale, SharedDense

LAYERS: dict[str, type[Layer]] = {
    kind.kind: kind
    for kind in (
        *(Dense, Activation, PReLU, ParametricActivation),
        *(Dropout, GaussianNoise, BatchNorm, LayerNorm, Residual),
        *(Scale, PiecewiseLinear, Periodic, Embed),
        *(Parallel, Members, BatchEnsemble, MemberScale, SharedDense, MemberDense),
    )
}
"""Layers by kind."""


def layer_from_dict(description: dict[str, Any]) -> Layer:
    """Return the layer that :meth:`Layer.to_dict` described.

    Raises:
        ArgumentError: unknown kind, or settings out of range.
        ModelError: settings that do not belong to that kind.

    Example:
        >>> layer_from_dict({"kind": "dropout", "rate": 0.1})
        Dropout(rate=0.1)
    """
    settings = dict(description)
    kind = lookup(LAYERS, settings.pop("kind", ""), "kind")
    if "layers" in settings:
        settings["layers"] = tuple(layer_from_dict(entry) for entry in settings["layers"])
    if "stacks" in settings:
        settings["stacks"] = tuple(tuple(layer_from_dict(entry) for entry in stack) for stack in settings["stacks"])
    try:
        return kind(**settings)
    except TypeError as error:
        raise ModelError(f"layer {kind.kind!r}: {error}") from None
