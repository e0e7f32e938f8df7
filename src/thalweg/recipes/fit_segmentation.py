"""Training a segmenter from Python: images and masks, and back comes a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from thalweg.core.errors import ArgumentError
from thalweg.data.volumes import Volumes, as_volumes
from thalweg.deploy import Segmenter
from thalweg.recipes.config import make_config
from thalweg.recipes.fit import finished
from thalweg.recipes.plan import train_plan
from thalweg.recipes.segmentation import prepare_segmentation
from thalweg.training import Hook


def fit_segmentation(
    images: Any,
    masks: Any,
    *,
    window: int | Sequence[int] = 5,
    test: Any = None,
    hooks: Sequence[Hook] = (),
    **settings: Any,
) -> Segmenter:
    """Train a dense network on the window around each pixel, to tell the pixel's label.

    Args:
        images: (H, W) one image, (N, H, W) a stack or a volume, (N, D, H, W) volumes; one axis more than the masks
            at the end holds channels.
        masks: labels of the pixels, whole numbers of at least 0.
        window: odd size of the window: one number within a slice, three (depth, height, width) across slices.
        test: what is evaluated after every epoch: (images, masks), a fraction of the slices, or slices as in
            ``"20:30"`` and ``"::3"``; none by default.
        hooks: follow the training.
        settings: any setting of ``thalweg train``: ``hidden``, ``epochs``, ``likelihood``, ``padding``, ``stride``,
            ``sampling``, ``batch_size``, ``seed`` …

    Returns:
        The model; its ``history`` holds a dictionary an epoch.

    Raises:
        ArgumentError: settings or shapes that cannot be used.
        DataError: masks with one label only, or with labels that training does not know.
        DivergedError: a quantity was not finite; names epoch, step and quantity.

    Example:
        >>> import numpy as np
        >>> images = np.random.default_rng(0).random((4, 16, 16))
        >>> model = fit_segmentation(images[:3], images[:3] > 0.5, window=1, learning_rate=0.01, epochs=9)
        >>> model.evaluate(images[3], images[3] > 0.5)["mean_dice"] > 0.8
        True
    """
    held: Volumes | None = None
    if isinstance(test, tuple):
        held = as_volumes(*test, name="test")
        test = None
    elif test is not None and not isinstance(test, (str, float)):
        raise ArgumentError("test", "(images, masks), a fraction, or slices such as '20:30'", repr(test))
    volumes = as_volumes(images, masks)
    if volumes.labels is None or (held is not None and held.labels is None):
        raise ArgumentError("masks", "a label for each pixel", "none")
    if not isinstance(settings.get("likelihood", ""), str):
        got = type(settings["likelihood"]).__name__
        raise ArgumentError("likelihood", "a name, with its settings as likelihood_options", got)
    given = {"data": volumes.name, "task": "segment", "window": window, "test": "none" if test is None else test}
    config = make_config(given | settings)
    plan = prepare_segmentation(config, volumes, held)
    trained = train_plan(plan, hooks)
    finished(trained, config.epochs)
    model = plan.model(trained)
    assert isinstance(model, Segmenter), "made by this plan"
    return model
