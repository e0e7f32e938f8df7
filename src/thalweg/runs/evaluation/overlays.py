"""Pictures of a predicted mask: both boundaries over the image, and where the mask is wrong."""

from __future__ import annotations

import base64

import numpy as np

from .png import encode_png

SIDE = 640
"""Longest side of a picture; larger ones are thinned."""

TRUE, PREDICTED, BOTH, WRONG = (0, 158, 255), (255, 150, 0), (255, 255, 255), (225, 60, 45)


def overlay(image: np.ndarray, true: np.ndarray, predicted: np.ndarray) -> str:
    """Return the image with the true boundary in blue, the predicted one in orange and what they share in white.

    Args:
        image: (H, W, C) numbers; the first channel, or the first three, are shown.
        true: (H, W) class numbers.
        predicted: (H, W) class numbers.

    Returns:
        A PNG, base64.
    """
    step = _step(true.shape)
    pixels = _gray(image[::step, ::step])
    at_true, at_predicted = (edges(mask[::step, ::step]) for mask in (true, predicted))
    for where, color in ((at_true, TRUE), (at_predicted, PREDICTED), (at_true & at_predicted, BOTH)):
        pixels[where] = color
    return _png(pixels)


def error_map(true: np.ndarray, predicted: np.ndarray, classes: int) -> str:
    """Return the true classes in grays, and wrong pixels in red: a PNG, base64."""
    step = _step(true.shape)
    true, predicted = true[::step, ::step], predicted[::step, ::step]
    shades = np.linspace(40, 215, classes).astype(np.uint8)
    pixels = np.repeat(shades[true][..., None], 3, axis=2)
    pixels[true != predicted] = WRONG
    return _png(pixels)


def edges(mask: np.ndarray) -> np.ndarray:
    """Return the pixels whose right or lower neighbor has another class.

    Example:
        >>> edges(np.array([[0, 0, 1], [0, 0, 1]])).astype(int).tolist()
        [[0, 1, 0], [0, 1, 0]]
    """
    found = np.zeros(mask.shape, bool)
    found[:-1] |= mask[:-1] != mask[1:]
    found[:, :-1] |= mask[:, :-1] != mask[:, 1:]
    return found


def _gray(image: np.ndarray) -> np.ndarray:
    """The image as red, green and blue, stretched from its 1st to its 99th percentile."""
    shown = image[..., :3] if image.shape[-1] >= 3 else np.repeat(image[..., :1], 3, axis=2)
    low, high = np.percentile(shown, (1, 99))
    return np.asarray(np.clip((shown - low) * (255 / max(high - low, 1e-12)), 0, 255), np.uint8)


def _step(shape: tuple[int, ...]) -> int:
    return -(-max(shape) // SIDE)


def _png(pixels: np.ndarray) -> str:
    return base64.b64encode(encode_png(pixels)).decode()
