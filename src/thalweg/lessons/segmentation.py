r"""Finding what is rare: four losses on an image of nine tenths background.

Each pixel is classified by a small network from the window around it. Cross entropy adds up over pixels, so nine tenths
of it are about the background, and calling a doubtful pixel background is the safe thing. Three remedies: weigh a pixel
by one over its class's share; or descend the overlap of masks, in which a class counts as a whole however small it is.
With α = Σ y ⊙ ŷ and β = Σ (y + ŷ) over the pixels, for each class

    J = (α + ε) / (β - α + ε),   D = (2α + ε) / (β + ε),   loss 1 - mean over classes.

Found masks are judged by the same indices with ŷ rounded to 0 or 1. The share of wrong pixels tells little: without
finding anything it is one tenth.

Source: Milletari, Navab, Ahmadi, *V-Net* (2016).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

import thalweg as tw
from thalweg.diagnosis.style import BLUE, GREEN, INK, ORANGE, PALE, bare, figure, house_style, label
from thalweg.lessons.text import table, words

Array = NDArray[Any]

LOSSES: dict[str, dict[str, Any]] = {
    "cross entropy": {"likelihood": "categorical"},
    "weighted": {"likelihood": "categorical", "class_weight": "balanced"},
    "soft Jaccard": {"likelihood": "soft_jaccard"},
    "soft Dice": {"likelihood": "soft_dice"},
}
"""Settings of training under each loss."""


def draw_images(count: int, size: int, noise: float, seed: int) -> tuple[Array, Array]:
    """Return noisy images (count, size, size) of bright blobs, with their masks; about a tenth is blob."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:size, :size]
    masks = np.zeros((count, size, size), np.int64)
    for mask in masks:
        while mask.mean() < 0.09:
            y, x = rng.uniform(0, size, 2)
            tall, wide = rng.uniform(0.03, 0.09, 2) * size
            mask[((rows - y) / tall) ** 2 + ((columns - x) / wide) ** 2 < 1] = 1
    return masks + noise * rng.normal(size=masks.shape), masks


@dataclass(frozen=True, eq=False)
class Segmentation:
    """Numbers of the lesson; dictionaries are by loss.

    Attributes:
        share: of the test pixels that belong to a blob.
        image: (size, size) a test image.
        mask: (size, size) its blobs.
        found: (size, size) pixels called blob.
        dice: Dice index of the blobs over all test images.
        jaccard: Jaccard index of the blobs over all test images.
        called: share of the test pixels called blob.
        wrong: share of wrong test pixels.
    """

    share: float
    image: Array
    mask: Array
    found: dict[str, Array]
    dice: dict[str, float]
    jaccard: dict[str, float]
    called: dict[str, float]
    wrong: dict[str, float]


def compute(
    images: int = 8, size: int = 96, noise: float = 3.0, window: int = 7, epochs: int = 20, seed: int = 0
) -> Segmentation:
    """Train the same network under four losses.

    Args:
        images: to train on, and as many to test on.
        size: pixels along each side.
        noise: standard deviation, where blob and background differ by 1.
        window: pixels along each side of what the network sees around a pixel.
        epochs: passes over the training pixels.
        seed: of images and starting weights.
    """
    x, y = draw_images(images, size, noise, seed)
    x_test, y_test = draw_images(images, size, noise, seed + 1)
    found, dice, jaccard, called, wrong = {}, {}, {}, {}, {}
    settings: dict[str, Any] = {"hidden": 16, "batch_size": 2048, "learning_rate": 0.01, "epochs": epochs, "seed": seed}
    for name, loss in LOSSES.items():
        model = tw.fit_segmentation(x, y, window=window, **settings, **loss)
        result = model.evaluate(x_test, y_test)
        predicted = model.predict(x_test)
        found[name], called[name], wrong[name] = predicted[0], float(predicted.mean()), result["error"]
        dice[name], jaccard[name] = result["dice"][1], result["jaccard"][1]
    return Segmentation(float(y_test.mean()), x_test[0], y_test[0], found, dice, jaccard, called, wrong)


def tell(numbers: Segmentation) -> str:
    """Return the numbers in words."""
    rows: list[tuple[object, ...]] = [
        (
            name,
            f"{numbers.dice[name]:.3f}",
            f"{numbers.jaccard[name]:.3f}",
            f"{100 * numbers.called[name]:.1f} %",
            f"{100 * numbers.wrong[name]:.1f} %",
        )
        for name in numbers.dice
    ]
    rows.append(("call all background", "0.000", "0.000", "0.0 %", f"{100 * numbers.share:.1f} %"))
    header = ("loss", "Dice of the blobs", "Jaccard", "called blob", "wrong pixels")
    best = max(numbers.dice, key=lambda name: numbers.dice[name])
    return f"{table(header, rows)}\n\n" + words(
        f"""{100 * numbers.share:.1f} % of the pixels are blob. Plain cross entropy makes few mistakes and calls too few
        pixels blob, since each doubtful one is more likely background. With weights both classes count alike: far less
        is overlooked, and much background is called blob. The overlap losses descend what the masks are judged by;
        here {best} has the best Dice index, {numbers.dice[best]:.2f}."""
    )


@house_style()
def draw(numbers: Segmentation) -> Figure:
    """Draw a test image, its blobs, and what was found under each loss."""
    picture = figure(5.1)
    grid = picture.subplots(2, 3).ravel()
    grid[0].imshow(numbers.image, cmap="gray", interpolation="nearest")
    grid[0].set_title("Image")
    grid[1].imshow(numbers.mask, cmap="gray_r", vmin=0, vmax=1.6, interpolation="nearest")
    grid[1].set_title("Its blobs")
    for axes, (name, found) in zip(grid[2:], numbers.found.items(), strict=True):
        _draw_found(axes, found, numbers.mask)
        axes.set_title(f"{name[0].upper()}{name[1:]}: Dice {numbers.dice[name]:.2f}")
    for axes in grid:
        bare(axes)
    for x, text, color in ((0.0, "found", GREEN), (0.3, "overlooked", BLUE), (0.75, "false", ORANGE)):
        label(grid[1], x, -0.08, text, color, transform=grid[1].transAxes, ha="left")
    return picture


def _draw_found(axes: Axes, found: Array, mask: Array) -> None:
    from matplotlib.colors import ListedColormap

    kinds = found + 2 * mask  # 0 background, 1 false, 2 overlooked, 3 found
    axes.imshow(kinds, cmap=ListedColormap([PALE, ORANGE, BLUE, GREEN]), vmin=0, vmax=3, interpolation="nearest")
    axes.contour(mask, [0.5], colors=INK, linewidths=0.7)
