"""Facts about targets: their kind, scale and balance."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalweg.likelihoods import Likelihood


def target_facts(likelihood: Likelihood, y: NDArray[Any], outputs: int) -> dict[str, Any]:
    """Return what the targets are.

    Args:
        likelihood: tells their kind.
        y: (n, …) a sample of them.
        outputs: width of the network's output.

    Returns:
        ``kind``; of classes ``classes`` (as many as the output tells apart), ``largest_share`` and ``smallest_share``
        of those that occur, ``present``; of numbers ``scale`` (largest deviation of a column), ``smallest_scale``,
        ``offset`` (largest |mean|), ``low`` and ``high``, ``distinct`` values, and ``one_hot``: whether each row has a
        single 1 among zeros, or its only column nothing but zeros and ones.

    Example:
        >>> from thalweg.likelihoods import Gaussian
        >>> target_facts(Gaussian(), np.array([[0.0, 1.0], [1.0, 0.0]]), 2)["one_hot"]
        True
    """
    if likelihood.targets in ("classes", "ordered"):
        counts = np.bincount(np.asarray(y, np.int64).ravel(), minlength=likelihood.target_width(outputs))
        shares = counts[counts > 0] / counts.sum()
        return {
            "kind": likelihood.targets,
            "classes": len(counts),
            "present": len(shares),
            "largest_share": float(shares.max()),
            "smallest_share": float(shares.min()),
        }
    values = np.asarray(y, np.float64).reshape(len(y), -1)
    if likelihood.targets == "labels":
        shares = np.maximum(values.mean(axis=0), 1 - values.mean(axis=0))
        return {"kind": "labels", "labels": values.shape[1], "largest_share": float(shares.max())}
    whole = bool(np.isin(values, (0.0, 1.0)).all())
    return {
        "kind": likelihood.targets,
        "scale": float(values.std(axis=0).max()),
        "smallest_scale": float(values.std(axis=0).min()),
        "offset": float(np.abs(values.mean(axis=0)).max()),
        "low": float(values.min()),
        "high": float(values.max()),
        "distinct": len(np.unique(values)),
        "one_hot": whole and (values.shape[1] == 1 or bool((values.sum(axis=1) == 1).all())),
    }
