"""The noise scale of a trained regression model, which training itself holds fixed."""

from __future__ import annotations

import dataclasses
from typing import Any

from numpy.typing import NDArray

from thalweg.deploy import Model
from thalweg.likelihoods import Likelihood

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
