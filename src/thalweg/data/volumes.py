"""Images and their masks: one image, a stack, or volumes, with one channel or several.

Whatever comes is seen as volumes (V, D, H, W, C): an image is a volume of depth one, a stack of images a volume whose
slices are they. So the same code cuts 2-D and 3-D windows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalweg.core.errors import ArgumentError, DataError

Plane = tuple[int, int, slice]
"""A picture within volumes: volume, depth and rows."""

AXES = {2: "(height, width)", 3: "(slices, height, width)", 4: "(volumes, depth, height, width)"}


@dataclass(frozen=True, eq=False)
class Volumes:
    """Images, and the masks that belong to them.

    Attributes:
        name: where they are from.
        values: (V, D, H, W, C), in the type they came in.
        labels: (V, D, H, W) whole numbers as in the user's masks, or None.
        shape: the axes of a mask as the user has them, such as (30, 512, 512).
        channel_axis: whether the user's images end in an axis of channels.
        weights: (V, D, H, W) of the pixels, at least 0; None for equal ones. A pixel that weighs nothing is not
            learned from, whatever its label.
    """

    name: str
    values: NDArray[Any]
    labels: NDArray[Any] | None
    shape: tuple[int, ...]
    channel_axis: bool
    weights: NDArray[Any] | None = None

    @property
    def slices(self) -> int:
        """Length of the first axis, along which images are held out: rows of an image, slices, or volumes."""
        return self.shape[0]

    @property
    def pixels_per_slice(self) -> int:
        """Pixels of one place on the first axis."""
        return int(np.prod(self.shape[1:]))

    def with_masks(self, masks: Any) -> Volumes:
        """Return the images with these masks.

        Raises:
            ArgumentError: masks of another size.
            DataError: labels that are none.
        """
        return as_volumes(self.values.reshape(*self.shape, -1), masks, name=self.name)

    def weighted(self, weights: NDArray[Any] | None) -> Volumes:
        """Return the images with these weights of their pixels, in the shape of the masks."""
        shape = self.values.shape[:-1]
        return replace(self, weights=None if weights is None else weights.reshape(shape))

    def of_pixels(self, array: NDArray[Any], plane: Plane, stride: int = 1) -> NDArray[Any]:
        """Return what the pixels have that a plane's every ``stride``-th row and column hold and that weigh something.

        Args:
            array: (V, D, H, W) labels or weights; or (pixels,) something for each of these pixels, row by row.
            plane: which picture.
            stride: of rows and columns.

        Example:
            >>> volumes = as_volumes(np.zeros((2, 2)), np.array([[0, 1], [2, 3]])).weighted(np.array([[1, 0], [0, 1]]))
            >>> volumes.of_pixels(volumes.labels, (0, 0, slice(None))).tolist()
            [0, 3]
        """
        volume, depth, rows = plane
        own = array if array.ndim == 1 else array[volume, depth, rows][::stride, ::stride].ravel()
        if self.weights is None:
            return own
        chosen: NDArray[Any] = own[self.weights[volume, depth, rows][::stride, ::stride].ravel() > 0]
        return chosen

    def weighing(self) -> NDArray[np.intp]:
        """Return the places on the first axis of which some pixels weigh something."""
        if self.weights is None:
            return np.arange(self.slices)
        return np.flatnonzero(self.weights.reshape(self.slices, -1).any(axis=1))

    def planes(self, slices: Sequence[int] | NDArray[Any]) -> list[Plane]:
        """Return the pictures that these places on the first axis stand for, in their order.

        Example:
            >>> volumes = as_volumes(np.zeros((2, 3, 8, 8)), np.zeros((2, 3, 8, 8), int))
            >>> volumes.planes([1])
            [(1, 0, slice(None, None, None)), (1, 1, slice(None, None, None)), (1, 2, slice(None, None, None))]
        """
        chosen = np.asarray(slices)
        if len(self.shape) == 4:
            return [(int(v), d, slice(None)) for v in chosen for d in range(self.shape[1])]
        if len(self.shape) == 3:
            return [(0, int(d), slice(None)) for d in chosen]
        ends = np.flatnonzero(np.diff(chosen, prepend=-2, append=self.shape[0] + 2) != 1)
        return [(0, 0, slice(int(chosen[a]), int(chosen[b - 1]) + 1)) for a, b in pairwise(ends)]

    def slice_hashes(self, slices: Sequence[int] | NDArray[Any]) -> list[bytes]:
        """Return a digest of the image at each place on the first axis."""
        along = self.values.reshape(*self.shape, self.values.shape[-1])
        return [hashlib.sha256(np.ascontiguousarray(along[i]).tobytes()).digest() for i in slices]


def as_volumes(image: Any, mask: Any = None, *, name: str = "images", channel_axis: bool | None = None) -> Volumes:
    """Return images, and masks if there are any, as volumes.

    Args:
        image: numbers, of the mask's shape, or with one axis of channels more at the end.
        mask: (H, W) of one image, (N, H, W) of a stack or a volume, (N, D, H, W) of volumes; labels are whole numbers
            of at least 0.
        name: for messages.
        channel_axis: without a mask, whether the images end in an axis of channels.

    Raises:
        ArgumentError: shapes that do not belong together.
        DataError: values that are no numbers, not finite, or no labels.

    Example:
        >>> as_volumes(np.zeros((30, 64, 48, 3)), np.zeros((30, 64, 48), int)).values.shape
        (1, 30, 64, 48, 3)
    """
    try:
        values = np.asarray(image)
    except ValueError:
        raise DataError(f"{name}: expected images of one size, got arrays of several.") from None
    if values.dtype.kind not in "biuf":
        raise DataError(f"{name}: expected images of numbers, got {values.dtype}.")
    labels = None if mask is None else _labels(np.asarray(mask), name)
    if labels is not None:
        channel_axis = values.ndim == labels.ndim + 1
    spatial = values.shape[:-1] if channel_axis else values.shape
    if len(spatial) in AXES and not values.size:
        raise ArgumentError("images", "at least one pixel", f"none: shape {values.shape}")
    if len(spatial) not in AXES:
        kinds = ", ".join(AXES.values())
        raise ArgumentError("images", f"a shape {kinds}, each with channels at the end or without", f"{values.shape}")
    if labels is not None and labels.shape != spatial:
        raise ArgumentError(
            "masks",
            f"the shape of the images, {values.shape}, with or without its last axis as channels",
            f"shape {labels.shape}",
            "A mask has one label for each pixel.",
        )
    if values.dtype.kind == "f":
        _check_finite(values, name)
    shape = (*(1,) * (4 - len(spatial)), *spatial)
    return Volumes(
        name,
        values.reshape(*shape, values.shape[-1] if channel_axis else 1),
        None if labels is None else labels.reshape(shape),
        tuple(spatial),
        bool(channel_axis),
    )


def _check_finite(values: NDArray[Any], name: str) -> None:
    """Windows are float32: what that cannot hold would be infinite in them."""
    largest = float(np.finfo(np.float32).max)
    if float(values.min()) >= -largest and float(values.max()) <= largest:
        return
    place = tuple(int(i) for i in np.argwhere(~(np.abs(values) <= largest))[0])
    finite = np.isfinite(values[place])
    advice = "Scale it down: float32 ends at 3.4e+38." if finite else "Replace pixels that are not finite."
    raise DataError(f"{name}: the image is {values[place]} at {place}. {advice}")


def _labels(mask: NDArray[Any], name: str) -> NDArray[Any]:
    """Masks as whole numbers; floats that are whole count."""
    if mask.dtype.kind == "f":
        odd = mask[~(np.isfinite(mask) & (mask == np.round(mask)))]
        if odd.size:
            raise DataError(f"{name}: expected masks of whole numbers, one label a pixel, got {odd[0]}.")
        mask = mask.astype(np.int64)
    if mask.dtype.kind not in "biu":
        raise DataError(f"{name}: expected masks of whole numbers, one label a pixel, got {mask.dtype}.")
    if mask.dtype.kind == "b":
        mask = mask.astype(np.uint8)
    if mask.size and mask.min() < 0:
        raise DataError(f"{name}: expected labels from 0 on, got {mask.min()} in a mask.")
    return mask
