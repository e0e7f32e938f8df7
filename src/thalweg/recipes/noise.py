"""What is fitted to held-out rows once a network is trained: the noise scale, and the weights of members."""

from __future__ import annotations

import dataclasses
from typing import Any

from numpy.typing import NDArray

from thalweg.deploy import Model
from thalweg.likelihoods import Likelihood, Members
from thalweg.network.embeddings import view_sizes

NOISE_ROWS = 100_000
"""The noise scale is fitted to at most so many residuals."""


def with_noise(model: Model, x: Any, y: NDArray[Any]) -> Model:
    """Return the model with its noise scale fitted to the residuals; families without one stay as they are.

    Args:
        model: a trained one.
        x: rows as the model takes them; at most ``NOISE_ROWS`` of them are worth giving.
        y: their targets (N, K), scaled as in training.
    """
    if type(model.likelihood).with_noise is Likelihood.with_noise:
        return model
    return dataclasses.replace(model, likelihood=model.likelihood.with_noise(model.outputs(x), y))


def with_weights(model: Model, x: Any, y: NDArray[Any]) -> Model:
    """Return the model with its members weighted by the view of the inputs that they have, where there are several.

    Which view fits a table is not known before: bins suit steps and noise, waves suit smooth targets.

    Args:
        model: a trained one.
        x: rows held out of training, as the model takes them; at most ``NOISE_ROWS`` of them are worth giving.
        y: their targets (N, K), scaled as in training.
    """
    groups = view_sizes(model.network)
    if len(groups) < 2 or not isinstance(model.likelihood, Members):
        return model
    return dataclasses.replace(model, likelihood=model.likelihood.with_weights(model.outputs(x), y, groups))
