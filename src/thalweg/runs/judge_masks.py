"""Testing a segmenter on images with masks, for ``evaluation.json`` and the command ``evaluate``."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalweg.data.volumes import Plane, Volumes
from thalweg.deploy import Segmenter
from thalweg.runs.evaluation import segmentation_evaluation

DRAWN = 3
"""Slices that are drawn: of the most mistakes, of the fewest, and between."""


def judge_masks(
    model: Segmenter, volumes: Volumes, slices: NDArray[np.intp] | None = None, *, majority: int | None = None
) -> dict[str, Any]:
    """Return what a segmenter does on slices of images, see `thalweg.runs.evaluation`.

    Args:
        model: a trained one.
        volumes: images with masks.
        slices: places on the first axis; all when absent.
        majority: the class the constant guess takes.

    Raises:
        ArgumentError: images unlike those of training.
        DataError: labels that did not occur in training.
    """
    model.windows.check(volumes)
    assert volumes.labels is not None, "whoever tests has masks"
    numbers = np.arange(volumes.slices) if slices is None else slices
    planes = volumes.planes(numbers)
    true = [model.windows.codes(volumes.labels[v, d, rows], volumes.name) for v, d, rows in planes]
    predicted = [np.empty(mask.shape, np.uint16) for mask in true]
    confidence = [np.empty(mask.size, np.float32) for mask in true]
    loss = 0.0
    for number, first, outputs in model.blocks(volumes, planes):
        place = slice(first, first + len(outputs))
        probability = np.asarray(model.likelihood.mean(outputs))  # type: ignore[arg-type]
        predicted[number].reshape(-1)[place] = probability.argmax(axis=1)
        confidence[number][place] = probability.max(axis=1)
        of_true = probability[np.arange(len(outputs)), true[number].reshape(-1)[place]]
        loss -= float(np.log(np.maximum(of_true, np.finfo(np.float32).tiny), dtype=np.float64).sum())
    pixels = sum(mask.size for mask in true)
    return segmentation_evaluation(
        _regions(model, volumes, numbers, true, predicted),
        np.concatenate(confidence),
        loss / pixels,
        model.windows.classes,
        majority=majority,
        slices=[
            (_place(volumes, planes[i]), true[i], predicted[i], partial(_image, volumes, planes[i]))
            for i in _told_apart(true, predicted)
        ],
    )


def _regions(
    model: Segmenter,
    volumes: Volumes,
    numbers: NDArray[np.intp],
    true: list[NDArray[Any]],
    predicted: list[NDArray[Any]],
) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """Pairs of masks whose boundaries are compared: volumes for deep windows and adjoining slices, else slices."""
    depth = 1
    if model.windows.window[0] > 1 and len(volumes.shape) == 4:
        depth = volumes.shape[1]
    elif model.windows.window[0] > 1 and len(volumes.shape) == 3 and (np.diff(numbers) == 1).all():
        depth = len(true)
    if depth == 1:
        return list(zip(true, predicted, strict=True))
    starts = range(0, len(true), depth)
    return [(np.stack(true[i : i + depth]), np.stack(predicted[i : i + depth])) for i in starts]


def _told_apart(true: list[NDArray[Any]], predicted: list[NDArray[Any]]) -> list[int]:
    """The slices to draw, worst first."""
    errors = [float(np.mean(t != p)) for t, p in zip(true, predicted, strict=True)]
    order = np.argsort(errors, kind="stable")[::-1]
    return list(dict.fromkeys(int(order[i]) for i in np.linspace(0, len(order) - 1, DRAWN).astype(int)))


def _place(volumes: Volumes, plane: Plane) -> str:
    volume, depth, rows = plane
    if len(volumes.shape) == 4:
        return f"slice {depth} of volume {volume}"
    if len(volumes.shape) == 3:
        return f"slice {depth}"
    return "the image" if rows == slice(None) else f"rows {rows.start} to {rows.stop - 1}"


def _image(volumes: Volumes, plane: Plane) -> NDArray[Any]:
    volume, depth, rows = plane
    image: NDArray[Any] = volumes.values[volume, depth, rows]
    return image
