"""A trained network on the window of each pixel: images in, masks out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalweg.core.errors import ArgumentError
from thalweg.data.volumes import Plane, Volumes, as_volumes
from thalweg.data.windows import WindowEncoder
from thalweg.deploy.model import Model
from thalweg.deploy.rows import BUCKETS
from thalweg.likelihoods.overlap import count_pairs, overlap_indices

BLOCK_BYTES = 32 * 2**20
"""Upper bound for the windows that exist at any moment of a prediction."""


@dataclass(frozen=True, eq=False)
class Segmenter(Model):
    """A trained network with the encoder that cuts the window of each pixel out of a user's images.

    Whatever the size of an image, windows of a few ten thousand pixels exist at a time. Made by
    `thalweg.fit_segmentation` and `thalweg.load`; ``outputs`` and ``encode`` of the base class take windows (N, d).

    Args:
        windows: fitted on the training images.

    Example:
        >>> import numpy as np
        >>> from thalweg import fit_segmentation
        >>> images = np.random.default_rng(0).random((4, 16, 16))
        >>> model = fit_segmentation(images, images > 0.5, window=1, hidden=(8,), epochs=20)
        >>> model.predict(images).shape, model.predict_proba(images[0]).shape
        ((4, 16, 16), (16, 16, 2))
    """

    windows: WindowEncoder = field(kw_only=True)

    @property
    def classes(self) -> NDArray[Any]:
        """Labels in the order of `predict_proba`."""
        return np.asarray(self.windows.classes)

    def encode(self, x: Any) -> NDArray[np.float32]:
        """Return windows (N, d) as they are.

        Raises:
            ArgumentError: images, which `predict`, `predict_proba` and `evaluate` take.
        """
        if np.ndim(x) != 2 or np.shape(x)[1] != self.network.inputs:
            raise ArgumentError(
                "x",
                f"windows (N, {self.network.inputs})",
                f"shape {np.shape(x)}",
                "Images are for predict, predict_proba and evaluate; what follows works on the probabilities of "
                "predict_proba, such as thalweg.decisions.decide.",
            )
        return super().encode(x)

    def volumes(self, images: Any, masks: Any = None) -> Volumes:
        """Return images (and masks) as volumes, checked to be like those of training.

        Args:
            images: (H, W), (N, H, W) or (N, D, H, W), with channels at the end if training had them; or the path of a
                file or folder.
            masks: labels of the pixels.

        Raises:
            ArgumentError: another number of channels than in training, or images smaller than the window.
            DataError: images that cannot be read.
        """
        if isinstance(images, (str, Path)):
            from thalweg.data.readers.masks import read_volumes

            images = read_volumes(images, need_mask=False, channel_axis=self.windows.channel_axis)
            if masks is not None:
                images = images.with_masks(masks)
        volumes = images if isinstance(images, Volumes) else None
        if volumes is None:
            volumes = as_volumes(images, masks, channel_axis=self.windows.channel_axis)
        self.windows.check(volumes)
        return volumes

    def blocks(self, volumes: Volumes, planes: Iterable[Plane]) -> Iterator[tuple[int, int, NDArray[np.float32]]]:
        """Yield the raw outputs of the pixels of these planes, block by block, row by row.

        Args:
            volumes: images.
            planes: which of their pictures, see `Volumes.planes`.

        Yields:
            The plane's number, how many of its pixels came before, and outputs (n, K).
        """
        pixels = max(1, BLOCK_BYTES // (4 * self.network.inputs) // BUCKETS[-1]) * BUCKETS[-1]
        deep = self.windows.window[0] > 1
        at, cut = None, None
        for number, (volume, depth, rows) in enumerate(planes):
            # A window within its slice needs no more than that padded; a deeper one the volume.
            place = (volume, None) if deep else (volume, depth)
            if cut is None or place != at:
                values = volumes.values[volume : volume + 1]
                at, cut = place, self.windows.windows(values if deep else values[:, depth : depth + 1])
            starts = cut.starts((0, depth if deep else 0, rows))
            for first in range(0, len(starts), pixels):
                yield number, first, self.outputs(cut.gather(starts[first : first + pixels]))

    def predict(self, x: Any) -> NDArray[Any]:
        """Return the most probable label of each pixel, in the shape of the images without their channels."""
        volumes = self.volumes(x)
        planes = volumes.planes(range(volumes.slices))
        codes = np.empty((len(planes), math.prod(volumes.values.shape[2:4])), np.uint16)
        for number, first, outputs in self.blocks(volumes, planes):
            codes[number, first : first + len(outputs)] = self._codes(outputs)
        return self.windows.labels(codes).reshape(volumes.shape)

    def predict_proba(self, x: Any) -> NDArray[np.float32]:
        """Return the probability of each label, in the shape of the images with the labels as last axis."""
        volumes = self.volumes(x)
        planes = volumes.planes(range(volumes.slices))
        result = np.empty((len(planes), math.prod(volumes.values.shape[2:4]), len(self.classes)), np.float32)
        for number, first, outputs in self.blocks(volumes, planes):
            result[number, first : first + len(outputs)] = np.asarray(self.likelihood.mean(outputs))  # type: ignore[arg-type]
        return result.reshape(*volumes.shape, -1)

    def evaluate(self, x: Any, y: Any = None) -> dict[str, Any]:
        """Test on images with masks.

        Args:
            x: images, or the path of a file that holds masks as well; `Volumes` may have weights, and then all
                quantities are of the weighted pixels.
            y: masks, labels of the pixels.

        Returns:
            ``rows`` (pixels), ``loss`` (mean -ln q(y|x; θ) in nats), ``error`` (share of pixels whose most probable
            label is wrong), ``jaccard`` and ``dice`` (a number for each label), ``mean_jaccard`` and ``mean_dice``.

        Raises:
            ArgumentError: masks of another size than the images.
            DataError: labels that did not occur in training.
        """
        if isinstance(x, (str, Path)) and y is None:
            from thalweg.data.readers.masks import read_volumes

            x = read_volumes(x)
        volumes = self.volumes(x, y)
        if volumes.labels is None:
            raise ArgumentError("y", "the masks of the images", "none")
        size = len(self.classes)
        confusion, loss, pixels = np.zeros((size, size)), 0.0, 0
        planes = volumes.planes(range(volumes.slices))
        for number, first, outputs in self.blocks(volumes, planes):
            volume, depth, rows = planes[number]
            block = slice(first, first + len(outputs))
            probability = np.asarray(self.likelihood.mean(outputs), np.float64)  # type: ignore[arg-type]
            labels, weight = volumes.labels[volume, depth, rows].reshape(-1)[block], None
            if volumes.weights is not None:
                weight = volumes.weights[volume, depth, rows].reshape(-1)[block]
                weighs = weight > 0
                labels, probability, weight = labels[weighs], probability[weighs], weight[weighs]
            codes = self.windows.codes(labels)
            confusion += count_pairs(codes, probability.argmax(axis=1), size, weight)
            true = probability[np.arange(len(codes)), codes]
            cost = -np.log(np.maximum(true, np.finfo(np.float32).tiny))
            loss += float(cost.sum() if weight is None else weight @ cost)
            pixels += len(codes)
        jaccard, dice = overlap_indices(confusion)
        total = float(confusion.sum())
        names = self.classes.tolist()
        return {
            "rows": pixels,
            "loss": loss / total,
            "error": 1 - float(np.trace(confusion)) / total,
            "jaccard": dict(zip(names, jaccard.tolist(), strict=True)),
            "dice": dict(zip(names, dice.tolist(), strict=True)),
            "mean_jaccard": float(np.nanmean(jaccard)),
            "mean_dice": float(np.nanmean(dice)),
        }

    def describe(self) -> dict[str, Any]:
        return super().describe() | {"windows": self.windows.to_dict()}

    def _codes(self, outputs: NDArray[np.float32]) -> NDArray[np.intp]:
        codes: NDArray[np.intp] = np.asarray(self.likelihood.most_probable(outputs))  # type: ignore[arg-type]
        return codes
