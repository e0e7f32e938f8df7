"""Predicted masks against true ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from thalweg.likelihoods.overlap import count_pairs, overlap_indices

from .boundaries import TOLERANCE, boundary_errors
from .classification import SCHEMA, counted, reliability_bins
from .examples import number
from .overlays import error_map, overlay

REGIONS = 64
"""Boundaries are compared in at most so many slices, evenly spread."""

Pair = tuple[np.ndarray, np.ndarray]


def segmentation_evaluation(
    regions: Sequence[Pair],
    confidence: np.ndarray,
    loss: float,
    class_names: Sequence[object],
    *,
    majority: int | None = None,
    slices: Sequence[tuple[str, np.ndarray, np.ndarray, Callable[[], np.ndarray]]] = (),
) -> dict[str, Any]:
    """Evaluate predicted masks against true ones.

    J = TP / (TP + FP + FN) and D = 2 TP / (2 TP + FP + FN) of each class over all pixels; boundary errors are means
    over the regions in which both boundaries exist.

    Args:
        regions: true and predicted class numbers, (H, W) for slices and (D, H, W) for volumes.
        confidence: (pixels,) probability of the predicted class, in the order of the regions' pixels.
        loss: mean -ln p(true class).
        class_names: C names.
        majority: class the constant guess takes, usually the most frequent one in training.
        slices: slices to draw: what to call each, its true and predicted class numbers (H, W), and a function that
            returns its image (H, W, C).

    Returns:
        The dictionary described in :mod:`thalweg.runs.evaluation`.

    Example:
        >>> true = np.array([[0, 0, 1], [0, 1, 1]])
        >>> e = segmentation_evaluation([(true, np.array([[0, 0, 1], [0, 0, 1]]))], np.full(6, 0.9), 0.2, ["no", "yes"])
        >>> e["mistakes"], e["segmentation"]["per_class"][1]["dice"]
        (1, 0.8)
    """
    classes = len(class_names)
    names = [str(name) for name in class_names]
    pairs = sum((count_pairs(t, p, classes) for t, p in regions), np.zeros((classes, classes), np.int64))
    right = np.concatenate([(t == p).ravel() for t, p in regions])
    jaccard, dice = overlap_indices(pairs)
    some = [regions[i] for i in np.unique(np.linspace(0, len(regions) - 1, REGIONS).astype(int))]
    per_class = [
        {"class": names[c], "jaccard": number(jaccard[c]), "dice": number(dice[c]), **_boundaries(some, c)}
        for c in range(classes)
    ]
    return (
        {"schema": SCHEMA, "task": "classification", "not_finite": 0, "loss": number(loss)}
        | counted(pairs, names, majority)
        | {
            **reliability_bins(confidence, right),
            "confident_mistakes": [],
            "features": None,
            "picture": False,
            "segmentation": {
                "dimensions": regions[0][0].ndim,
                "regions": len(regions),
                "compared": len(some),
                "tolerance": TOLERANCE,
                "mean_jaccard": number(np.nanmean(jaccard)),
                "mean_dice": number(np.nanmean(dice)),
                "per_class": per_class,
                "slices": [_drawn(*drawn, classes) for drawn in slices],
            },
        }
    )


def _drawn(
    place: str, true: np.ndarray, predicted: np.ndarray, image: Callable[[], np.ndarray], classes: int
) -> dict[str, Any]:
    _, dice = overlap_indices(count_pairs(true, predicted, classes))
    return {
        "slice": place,
        "error": float(np.mean(true != predicted)),
        "dice": number(np.nanmean(dice)),
        "overlay": overlay(image(), true, predicted),
        "errors": error_map(true, predicted, classes),
    }


def _boundaries(regions: Sequence[Pair], c: int) -> dict[str, float | None]:
    found = [boundary_errors(true == c, predicted == c) for true, predicted in regions]

    def mean(values: list[float]) -> float | None:
        known = [value for value in values if not math.isnan(value)]
        return number(np.mean(known)) if known else None

    return {
        "boundary_f1": mean([e.f1 for e in found]),
        "boundary_distance": mean([e.mean for e in found]),
        "hausdorff_95": mean([e.hausdorff_95 for e in found]),
    }
