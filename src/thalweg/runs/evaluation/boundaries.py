"""How far a predicted boundary lies from the true one."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

TOLERANCE = 2.0
"""Pixels within which a predicted boundary counts as found."""


@dataclass(frozen=True)
class BoundaryErrors:
    """Distances between two boundaries, in pixels; NaN where one of them is empty.

    Attributes:
        mean: mean distance from a pixel of either boundary to the other boundary.
        hausdorff_95: the larger of the two 95th percentiles of these distances, one for each direction.
        f1: harmonic mean of the shares of predicted and true boundary that lie within `TOLERANCE` of the other.
    """

    mean: float
    hausdorff_95: float
    f1: float


def boundary(mask: np.ndarray) -> np.ndarray:
    """Return the pixels of a region that have a neighbor outside of it, edge to edge; the image's border is no outside.

    Example:
        >>> boundary(np.pad(np.ones((3, 3), bool), 1)).sum()
        np.int64(8)
    """
    from scipy.ndimage import binary_erosion

    return np.asarray(mask & ~binary_erosion(mask, border_value=1))


def boundary_errors(true: np.ndarray, predicted: np.ndarray) -> BoundaryErrors:
    """Compare the boundaries of two regions.

    Args:
        true: (H, W) or (D, H, W) boolean.
        predicted: the same shape.

    Example:
        >>> square = np.zeros((12, 12), bool)
        >>> square[2:6, 2:6] = True
        >>> boundary_errors(square, np.roll(square, 3, axis=1)).hausdorff_95
        3.0

    Source: Csurka et al., *What is a good evaluation measure for semantic segmentation?* (2013); Taha & Hanbury,
    *Metrics for evaluating 3D medical image segmentation* (2015).
    """
    from scipy.ndimage import distance_transform_edt

    edges = boundary(true), boundary(predicted)
    if not edges[0].any() or not edges[1].any():
        found = math.nan if edges[0].any() == edges[1].any() else 0.0
        return BoundaryErrors(math.nan, math.nan, found)
    from_true, from_predicted = (
        distance_transform_edt(~other)[edge] for edge, other in zip(edges, edges[::-1], strict=True)
    )
    recall, precision = (float(np.mean(d <= TOLERANCE)) for d in (from_true, from_predicted))
    return BoundaryErrors(
        float(np.concatenate([from_true, from_predicted]).mean()),
        float(max(np.percentile(from_true, 95), np.percentile(from_predicted, 95))),
        2 * precision * recall / (precision + recall) if precision + recall else 0.0,
    )
