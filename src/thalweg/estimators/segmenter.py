"""The segmenter: a label for each pixel of images, learned from masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from thalweg.core.errors import ArgumentError
from thalweg.data.volumes import Volumes, as_volumes
from thalweg.data.windows import WindowEncoder, window_size
from thalweg.decisions import Decisions, decide
from thalweg.deploy import Model, Segmenter
from thalweg.estimators.fitted import Fitted
from thalweg.estimators.follow import hooks_of
from thalweg.estimators.going_on import (
    another,
    begin_from,
    check_same_classes,
    check_weights_of_parts,
    on_course,
    settings_of_parts,
    with_likelihood_of,
    with_own_patience,
)
from thalweg.estimators.inputs import parts_of
from thalweg.estimators.parameters import config_of, documented, seed_of, settings_of
from thalweg.estimators.rows import class_factors, pixel_weights, with_fitting_batches
from thalweg.estimators.train import run
from thalweg.estimators.words import about_eval_set, speaks_python
from thalweg.likelihoods import auto_likelihood
from thalweg.recipes.config import RunConfig
from thalweg.recipes.segmentation import make_slices, prepare_segmentation


@documented(class_weight="balanced: every label counts as much as any other; or a dictionary from label to weight.")
@dataclass(kw_only=True, eq=False, repr=False)
class DenseSegmenter(Fitted):
    """A dense network on the window around each pixel, as a scikit-learn estimator of images and masks.

    The first axis of the images is that of the samples, along which `cross_validate` and the like split.

    Example:
        >>> import numpy as np
        >>> images = np.random.default_rng(0).random((4, 16, 16))
        >>> segmenter = DenseSegmenter(window=1, hidden=(8,), learning_rate=0.01, epochs=9)
        >>> segmenter.fit(images[:3], images[:3] > 0.5).score(images[3:], images[3:] > 0.5) > 0.8
        True
    """

    window: int | Sequence[int] = (5,)
    padding: str = "reflect"
    stride: int = 1
    sampling: str = "all"
    class_weight: str | Mapping[Any, float] | None = None
    label_smoothing: float = 0.0
    warm_start: bool = False

    def fit(self, X: Any, y: Any, sample_weight: Any = None, eval_set: Any = None) -> Self:
        """Train on images and their masks.

        Args:
            X: (N, H, W) a stack of images or a volume, (N, D, H, W) volumes, (H, W) one image; one axis more than the
                masks at the end holds channels.
            y: masks, a label for each pixel.
            sample_weight: weights of at least 0: (N,) of the images on the first axis, or in the shape of the masks,
                one a pixel. What weighs nothing is not learned from, and may have any label.
            eval_set: (images, masks) or (images, masks, weights) to watch, never to train on.

        Returns:
            The estimator.

        Raises:
            ValueError: images, masks, weights or parameters that cannot be used.
            DivergedError: a quantity was not finite; tells which step size to try.
            KeyboardInterrupt: Ctrl-C before the end of the first epoch; later what was learned so far is kept.
        """
        go_on = self.warm_start and hasattr(self, "model_")
        return self._fit(X, y, sample_weight, eval_set, go_on=go_on)

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None, eval_set: Any = None) -> Self:
        """Train one epoch on these images, and keep the optimizer's state for the next call.

        The first call fits the scale of the channels and the network; later ones go on from there, with a step size
        that the schedule ``auto`` holds constant. With ``patience`` the best epoch over all calls is kept; once it is
        used up, further calls train no more. Weights count against others of the same call; those of a dictionary
        ``class_weight`` are scaled to a mean of one over the pixels of the first call, and stay so.

        Args:
            X: images.
            y: masks.
            classes: all labels that will come; needed in the first call, where ``y`` lacks some.
            sample_weight: weights of images or of pixels, as in `fit`.
            eval_set: (images, masks) or (images, masks, weights) to watch.

        Returns:
            The estimator.

        Raises:
            ValueError: labels or channels that the first call did not know, or ``class_weight="balanced"``.

        Example:
            >>> images = np.random.default_rng(0).random((4, 16, 16))
            >>> segmenter = DenseSegmenter(window=1, hidden=(8,), learning_rate=0.01)
            >>> for image in images:
            ...     segmenter = segmenter.partial_fit(image, image > 0.5, classes=[False, True])
            >>> segmenter.n_iter_
            4
        """
        check_weights_of_parts(self.class_weight, "images", "y.ravel()")
        go_on = hasattr(self, "model_")
        if go_on:
            check_same_classes(classes, self.classes_)
        known = None if classes is None else np.unique(classes).tolist()
        settings = settings_of_parts(self.schedule)
        return self._fit(X, y, sample_weight, eval_set, go_on=go_on, known=known, epochs=1, **settings)

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the most probable label of each pixel, in the shape of the images without their channels."""
        check_is_fitted(self, "model_")
        masks: NDArray[Any] = self.model_.predict(X).astype(self.target_["dtype"])
        return masks

    def predict_proba(self, X: Any) -> NDArray[np.float32]:
        """Return the probability of each label, in the shape of the images with the labels of ``classes_`` last."""
        check_is_fitted(self, "model_")
        probability: NDArray[np.float32] = self.model_.predict_proba(X)
        return probability

    def decide(self, X: Any, cost: Any = "0-1", **settings: Any) -> Decisions:
        """Return the action of least expected cost for each pixel, in the shape of the images without their channels.

        Args:
            X: images.
            cost: a matrix (true labels × actions) in the order of ``classes_``, a dictionary, or a CSV file's path.
            settings: ``reject``, ``budget`` and others of `thalweg.decisions.decide`.
        """
        return decide(self.predict_proba(X), cost, classes=self.classes_.tolist(), **settings)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the mean over labels of the Dice index 2 |A ∩ B| / (|A| + |B|) of predicted and true pixels.

        Args:
            X: images.
            y: masks.
            sample_weight: weights of images or of pixels, as in `fit`: |A| is what the pixels of A weigh together.
        """
        return float(self._segmenter().evaluate(_weighted_images(X, y, sample_weight))["mean_dice"])

    def _segmenter(self) -> Segmenter:
        check_is_fitted(self, "model_")
        assert isinstance(self.model_, Segmenter), "see takes"
        return self.model_

    @speaks_python
    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        eval_set: Any,
        *,
        go_on: bool,
        known: list[Any] | None = None,
        epochs: int | None = None,
        **settings: Any,
    ) -> Self:
        """Train, or train on.

        Args:
            X: images.
            y: masks.
            sample_weight: weights or None.
            eval_set: images, masks and perhaps weights to watch, or None.
            go_on: whether from where the estimator is.
            known: labels told beforehand.
            epochs: how many to train of those that the settings, and with them the schedule, name; by default all.
            settings: others that win over the parameters.
        """
        if y is None:
            raise ValueError(f"This {type(self).__name__} estimator requires y to be passed, but the target y is None.")
        volumes, watched = _weighted_images(X, y, sample_weight), None
        if eval_set is not None:
            images, masks, *weight = parts_of(eval_set, "(images, masks) or (images, masks, weights)", most=3)
            with about_eval_set():
                watched = _weighted_images(images, masks, *weight, name="eval_set")
            channels, expected = (part.values.shape[-1] for part in (watched, volumes))
            if channels != expected:
                raise ArgumentError("eval_set", f"as many channels as X has, {expected}", channels)
            settings["validation"] = 0.0
        encoder: WindowEncoder | None = self._segmenter().windows if go_on else None
        if encoder is not None:
            known = list(encoder.classes)
        settings |= self._class_weights(volumes, known, go_on=go_on)
        config = config_of(self, seed_of(self.random_state), task="segment", **settings)
        single = epochs is not None
        if encoder is not None:
            self._check_same_windows(config, encoder, single=single)
            config = with_likelihood_of(config, self.model_)
            config, epochs = on_course(config, self, epochs)
        if config.batch_size is not None:
            config = with_fitting_batches(config, make_slices(config, volumes).train.count(config.stride))
        plan = prepare_segmentation(config, volumes, validation=watched, encoder=encoder, known=known)
        if go_on and not single:
            plan = with_own_patience(plan, self)
        start = begin_from(plan, self, single=single) if go_on else None
        trained = run(plan, epochs or config.epochs, hooks_of(self.callbacks), start)
        target = self.target_ if go_on else {"dtype": np.asarray(y).dtype.str, "ndim": np.ndim(y)}
        self.adopt(plan.model(trained), target)
        self.best_epoch_, self._trained = trained.epoch, trained
        self._learning_rate: float = plan.settings["learning_rate"]
        self._standardize = config.standardize
        return self

    def _check_same_windows(self, config: RunConfig, encoder: WindowEncoder, *, single: bool) -> None:
        """Check that settings ask for the windows that there are: a network goes on with what it has seen.

        Args:
            config: the settings.
            encoder: of the fit before.
            single: whether `partial_fit` asks.

        Raises:
            ArgumentError: they ask for others.
        """
        scaled = bool(encoder.mean.any() or (encoder.std != 1).any())  # of a loaded model
        for name, before, now in (
            ("window", encoder.window, window_size(config.window)),
            ("padding", encoder.padding, config.padding),
            ("standardize", getattr(self, "_standardize", scaled), config.standardize),
        ):
            if before != now:
                raise another(f"{name} {before!r}", repr(now), single=single)

    def _class_weights(self, volumes: Volumes, known: list[Any] | None, *, go_on: bool) -> dict[str, Any]:
        """Return the settings that give labels their weight.

        Args:
            volumes: images with masks.
            known: all labels, where they are known beforehand.
            go_on: whether from where the estimator is.
        """
        if not isinstance(self.class_weight, Mapping):
            return {"class_weight": self.class_weight or "none"}
        masks, weights = volumes.labels, volumes.weights
        assert masks is not None, "given to fit"
        if weights is None:
            weights = np.broadcast_to(1.0, masks.shape)
        labels = np.unique(masks[weights > 0]) if known is None else np.asarray(known)
        factors = class_factors(self.class_weight, labels)
        before = getattr(self.model_.likelihood, "class_weights", None) if go_on else None
        if before is not None and factors.any() and _proportional(factors, np.array(before)):
            factors = np.array(before)  # on the same scale losses of all calls compare
        else:
            counts = np.array([np.sum(weights, where=masks == label) for label in labels])
            factors *= counts.sum() / (counts @ factors or 1.0)  # mean one over the pixels, as balanced ones have
        given = settings_of(self)
        name = given["likelihood"]
        return {
            "likelihood": auto_likelihood("classification", len(labels)) if name == "auto" else name,
            "likelihood_options": given.get("likelihood_options", {}) | {"class_weights": tuple(factors.tolist())},
        }

    @classmethod
    def takes(cls, model: Model) -> bool:
        return isinstance(model, Segmenter)

    def adopt(self, model: Model, target: dict[str, Any]) -> None:
        super().adopt(model, target)
        self.classes_ = np.asarray(model.classes).astype(target["dtype"])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        tags.target_tags.required = True
        tags.target_tags.two_d_labels = True
        return tags


def _proportional(one: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    return np.allclose(np.outer(one, other), np.outer(other, one), rtol=1e-9, atol=0)


def _weighted_images(X: Any, y: Any, weight: Any = None, *, name: str = "images") -> Volumes:
    """Return images with their masks, and with the weights of their pixels if there are any.

    Args:
        X: images.
        y: masks.
        weight: of the images or of the pixels, or None.
        name: for messages.
    """
    masks = np.asarray(y)
    weights = pixel_weights(masks, weight)
    if weights is not None and not (weighs := weights > 0).all():
        # What weighs nothing may have a label that is none, as -1 or NaN; any other one does as well.
        masks = np.where(weighs, masks, masks.flat[weighs.argmax()])
    return as_volumes(np.asarray(X), masks, name=name).weighted(weights)
