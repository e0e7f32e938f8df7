"""A trained model's answers mended on rows that were held out of its training."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from thalweg.data.batches import weighted_spread
from thalweg.data.table import Table
from thalweg.deploy import Model

ROWS = 10_000
"""A calibration is fitted to at most so many rows; conformal scores are kept in the model folder, one a row."""


def calibrated_on(
    model: Model, table: Table, method: str, weight: NDArray[Any] | None = None, **settings: Any
) -> Model:
    """Return a model calibrated on the rows of a table, at most ``ROWS`` of them, spread evenly.

    Args:
        model: with an encoder.
        table: rows with their target, held out of training.
        method: a name in `thalweg.decisions.calibration.METHODS`.
        weight: of the rows; None for equal ones.
        settings: ``score`` and ``base`` of conformal prediction.
    """
    encoder = model.encoder
    assert encoder is not None, "models of runs have an encoder"
    some = table.rows(weighted_spread(ROWS, len(table), weight, times=1))
    return model.calibrated(model.outputs(some), encoder.targets(some), method, **settings)
