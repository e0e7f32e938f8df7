"""The window around each pixel, as the input of a dense network."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from thalweg.core.errors import ArgumentError, DataError, nearest
from thalweg.core.validate import number
from thalweg.data.volumes import Plane, Volumes

Padding = Literal["reflect", "edge", "constant", "wrap"]
PADDINGS: tuple[str, ...] = get_args(Padding)


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows of padded images, gathered by where they start, so that never more than asked for exist.

    Args:
        padded: (V, D', H', W', C) float32, with a margin of half a window on each side.
        window: (depth, height, width).
    """

    padded: NDArray[np.float32]
    window: tuple[int, int, int]

    @property
    def features(self) -> int:
        """Numbers of one window: depth · height · width · channels."""
        return math.prod(self.window) * int(self.padded.shape[-1])

    def starts(self, plane: Plane, stride: int = 1) -> NDArray[Any]:
        """Return where the windows of every ``stride``-th row and column of a plane start, row by row."""
        volume, depth, rows = plane
        _, deep, high, wide, _ = self.padded.shape
        kind = np.uint32 if self.padded.size < 2**32 else np.uint64
        height, width = high - self.window[1] + 1, wide - self.window[2] + 1
        first = (volume * deep + depth) * high
        lines = first + np.arange(height)[rows][::stride]
        return np.asarray(np.add.outer(lines * wide, np.arange(0, width, stride)).ravel(), kind)

    def gather(self, starts: NDArray[Any], out: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """Return the windows (n, features) that start there, written into ``out`` when given."""
        _, _, high, wide, channels = self.padded.shape
        deep, tall, broad = self.window
        if out is None:
            out = np.empty((len(starts), self.features), np.float32)
        # A window is a set of lines of consecutive numbers. Taken as records of that size, one fancy index copies them
        # all: 80 ns for 5 × 5 pixels, where taking number by number needs 120 and a sliding_window_view 180.
        line = np.dtype((np.void, 4 * broad * channels))
        flat = self.padded.reshape(-1)
        lines: NDArray[Any] = np.ndarray((flat.size - broad * channels + 1,), line, flat, strides=(4,))
        inside = np.add.outer(np.arange(deep) * high, np.arange(tall)).ravel() * wide
        out.view(line)[...] = lines[(starts.astype(np.intp)[:, None] + inside) * channels]
        return out


@dataclass(frozen=True, eq=False)
class WindowEncoder:
    """What turns a user's images into a network's inputs, and class numbers back into labels.

    Args:
        window: (depth, height, width), odd; depth 1 is a window within a slice.
        padding: how images go on beyond their border, as in ``numpy.pad``.
        mean: (C,) of the channels over the training images.
        std: (C,) of the channels; 1 where a channel is constant.
        classes: labels in the masks, in ascending order.
        channel_axis: whether images end in an axis of channels.
    """

    window: tuple[int, int, int]
    padding: str
    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    classes: tuple[int, ...]
    channel_axis: bool

    @classmethod
    def fit(
        cls,
        volumes: Volumes,
        slices: Sequence[int] | NDArray[Any],
        *,
        window: Sequence[int] | int = 3,
        padding: str = "reflect",
        standardize: bool = True,
        classes: Sequence[Any] | None = None,
        known: Sequence[Any] | None = None,
    ) -> WindowEncoder:
        """Learn channel means, deviations and classes from the training slices.

        Args:
            volumes: images with masks.
            slices: places on the first axis that are trained on.
            window: height and width (one number for both), or depth, height and width.
            padding: how images go on beyond their border.
            standardize: bring each channel to mean 0 and deviation 1.
            classes: labels that the training masks must hold, all of them and no others; any when absent.
            known: all labels there are, where the training masks are a part and may lack some.

        Raises:
            ArgumentError: a window that is even, not positive or larger than the images, an unknown padding, or
                fewer than two known labels.
            DataError: fewer than two classes in the masks, or others than asked for.

        Example:
            >>> from thalweg.data.volumes import as_volumes
            >>> mask = np.arange(64).reshape(8, 8) % 2
            >>> encoder = WindowEncoder.fit(as_volumes(10.0 * mask, mask), range(8), window=5)
            >>> encoder.window, encoder.classes, encoder.mean.tolist()
            ((1, 5, 5), (0, 1), [5.0])
        """
        size = window_size(window)
        check_window(size, volumes)
        if padding not in PADDINGS:
            raise ArgumentError("padding", f"one of {', '.join(PADDINGS)}", repr(padding), nearest(padding, PADDINGS))
        assert volumes.labels is not None, "training images have masks"
        channels = volumes.values.shape[-1]
        mean, std = np.zeros(channels), np.ones(channels)
        planes = volumes.planes(slices)
        if standardize:
            parts = [volumes.values[v, d, rows].reshape(-1, channels) for v, d, rows in planes]
            count = sum(len(part) for part in parts)
            mean = sum((part.sum(axis=0, dtype=np.float64) for part in parts), np.zeros(channels)) / count
            square = sum((np.square(part - mean).sum(axis=0) for part in parts), np.zeros(channels)) / count
            std = np.where(square > 0, np.sqrt(square), 1.0)
        if known is None:
            found = sorted({int(a) for plane in planes for a in np.unique(volumes.of_pixels(volumes.labels, plane))})
        elif len(found := _whole(known)) < 2:
            raise ArgumentError("classes", "at least two, all different", str(found))
        if classes is not None:
            _check_classes(classes, found, volumes.name)
        if len(found) < 2:
            raise DataError(
                f"{volumes.name}: all training masks hold the label {found[0]}: there is nothing to tell apart."
            )
        return cls(size, padding, mean, std, tuple(found), volumes.channel_axis)

    task = "classification"
    target_name = "mask"
    target_scale = 1.0

    @property
    def feature_width(self) -> int:
        """Numbers of one window."""
        return math.prod(self.window) * len(self.mean)

    def windows(self, values: NDArray[Any]) -> Windows:
        """Return the windows of images (V, D, H, W, C), padded and standardized."""
        margin = [(0, 0), *((size // 2, size // 2) for size in self.window), (0, 0)]
        padded = np.pad(values, margin, self.padding)  # type: ignore[call-overload]
        exact = padded.astype(np.float32) if padded.dtype.kind in "bu" or padded.dtype.itemsize < 4 else padded
        scaled = (exact - self.mean.astype(exact.dtype)) / self.std.astype(exact.dtype)
        return Windows(np.ascontiguousarray(scaled, np.float32), self.window)

    def check(self, volumes: Volumes) -> None:
        """Check that images are like those of training.

        Raises:
            ArgumentError: another number of channels, or images smaller than the window.
        """
        channels = volumes.values.shape[-1]
        if channels != len(self.mean):
            raise ArgumentError("images", f"{len(self.mean)} channels, as in training", f"{channels}")
        check_window(self.window, volumes)

    def codes(self, labels: NDArray[Any], name: str = "masks") -> NDArray[Any]:
        """Return the class numbers 0 … c-1 of labels.

        Raises:
            DataError: a label that is no class; names it.
        """
        classes = np.asarray(self.classes)
        places = np.minimum(np.searchsorted(classes, labels), len(classes) - 1)
        if not (known := classes[places] == labels).all():
            unknown = ", ".join(map(str, np.unique(labels[~known])[:5]))
            raise DataError(
                f"{name}: the masks hold the label {unknown}, which is none of the classes "
                f"{', '.join(map(str, self.classes))} of the training masks."
            )
        return places.astype(np.uint8 if len(classes) <= 256 else np.uint16)

    def labels(self, codes: NDArray[Any]) -> NDArray[Any]:
        """Return the labels of class numbers, in the smallest type that holds them all."""
        labels: NDArray[Any] = np.asarray(self.classes, np.min_scalar_type(self.classes[-1]))[codes]
        return labels

    def to_dict(self) -> dict[str, Any]:
        """Return the encoder as JSON values."""
        return {
            "kind": "windows",
            "window": list(self.window),
            "padding": self.padding,
            "mean": self.mean.tolist(),
            "std": self.std.tolist(),
            "classes": list(self.classes),
            "channel_axis": self.channel_axis,
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> WindowEncoder:
        """Return the encoder that `to_dict` described.

        Raises:
            ValueError: says in a few words what cannot be.
            KeyError: a part is missing.
        """
        window = window_size(content["window"])
        mean, std = (np.asarray(content[name], np.float64) for name in ("mean", "std"))
        classes = tuple(content["classes"])
        if content["padding"] not in PADDINGS:
            raise ValueError("the encoder's padding is unknown")
        if mean.ndim != 1 or mean.shape != std.shape or not np.isfinite(mean).all() or not (std > 0).all():
            raise ValueError("the encoder's mean and std are no numbers of its channels")
        if len(classes) < 2 or any(type(label) is not int or label < 0 for label in classes):
            raise ValueError("the encoder's classes are no labels")
        if list(classes) != sorted(set(classes)):
            raise ValueError("the encoder's classes are not in order")
        return cls(window, content["padding"], mean, std, classes, bool(content["channel_axis"]))


def _check_classes(wanted: Sequence[Any], found: list[int], name: str) -> None:
    labels = _whole(wanted)
    for label in labels:
        if label not in found:
            raise DataError(f"{name}: no pixel of the training masks has the label {label}. Leave that class out.")
    if others := [label for label in found if label not in labels]:
        raise DataError(
            f"{name}: the training masks hold the label {others[0]}, which is none of the classes asked for."
        )


def _whole(classes: Sequence[Any]) -> list[int]:
    try:
        return sorted({int(label) for label in classes})
    except (TypeError, ValueError):
        raise ArgumentError("classes", "labels of masks, whole numbers", ", ".join(map(str, classes))) from None


def window_size(window: Sequence[int] | int) -> tuple[int, int, int]:
    """Return (depth, height, width) of a window given as one number, two, or three.

    Raises:
        ArgumentError: another count, or sizes that are not odd and positive.

    Example:
        >>> window_size(5), window_size((3, 5, 5))
        ((1, 5, 5), (3, 5, 5))
    """
    given: list[Any] = [window] if np.isscalar(window) else list(window)  # type: ignore[arg-type]
    sizes = [int(number("window", size, integer=True, at_least=1, hint="Sizes are odd: 1, 3, 5 …")) for size in given]
    if any(size % 2 == 0 for size in sizes):
        raise ArgumentError(
            "window", "odd sizes, so that a window has a middle", ",".join(map(str, sizes)), "Take 3, 5, 7 …"
        )
    if len(sizes) == 1:
        return 1, sizes[0], sizes[0]
    if len(sizes) == 2:
        return 1, sizes[0], sizes[1]
    if len(sizes) == 3:
        return sizes[0], sizes[1], sizes[2]
    raise ArgumentError("window", "one size, or depth, height and width", f"{len(sizes)} sizes")


def check_window(window: tuple[int, int, int], volumes: Volumes) -> None:
    """Check that a window fits into the images.

    Raises:
        ArgumentError: it is larger.
    """
    size = volumes.values.shape[1:4]
    if any(w > s for w, s in zip(window, size, strict=True)):
        shown = " × ".join(map(str, window if window[0] > 1 else window[1:]))
        images = " × ".join(map(str, size if window[0] > 1 else size[1:]))
        raise ArgumentError("window", f"no larger than the images, {images} pixels", shown)
