"""Facts about inputs: the sizes of their columns."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def input_facts(x: NDArray[np.float64], codes: int = 0) -> dict[str, Any]:
    """Return how large the columns of x (n, d) are, and how unlike each other.

    Columns of one or two values, such as indicators, have no scale to mend: ``median_size`` and ``spread`` leave them
    out, and are those of all columns where no other is left. Codes of levels that have learned vectors are no sizes:
    nothing is told of them.

    Args:
        x: (n, d) rows.
        codes: how many of the last columns hold such codes.

    Returns:
        ``columns``, ``constant`` (columns of one value), ``indicators`` (of two), ``largest_rms`` and ``largest``
        (number of that column), ``median_size`` (median over columns of max |x|), ``spread`` (largest over smallest
        deviation), ``offset`` (largest |mean| / deviation).

    Example:
        >>> facts = input_facts(np.array([[0.0, 100.0, 1.0], [1.0, 300.0, 1.0], [1.0, 200.0, 1.0]]))
        >>> facts["constant"], facts["indicators"], facts["largest"], facts["median_size"]
        (1, 1, 1, 300.0)
    """
    x = x[:, : x.shape[1] - codes]
    if not x.shape[1]:
        return {"columns": 0}
    distinct = np.array([min(len(np.unique(column)), 3) for column in x.T])
    rms, deviation = np.sqrt(np.mean(np.square(x), axis=0)), x.std(axis=0)
    scaled = distinct > 2
    if not scaled.any():
        scaled = distinct > 1
    if not scaled.any():
        scaled = distinct > 0
    sizes, deviations = np.abs(x).max(axis=0)[scaled], deviation[scaled]
    moving = deviations[deviations > 0]
    return {
        "columns": x.shape[1],
        "constant": int(np.sum(distinct == 1)),
        "indicators": int(np.sum(distinct == 2)),
        "largest_rms": float(rms.max()),
        "largest": int(rms.argmax()),
        "median_size": float(np.median(sizes)),
        "spread": float(moving.max() / moving.min()) if moving.size else 1.0,
        "offset": float(np.max(np.abs(x.mean(axis=0)[scaled])[deviations > 0] / moving)) if moving.size else 0.0,
    }
