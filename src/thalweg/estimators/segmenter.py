"""The segmenter: a label for each pixel of images, learned from masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from thalweg.data.volumes import Volumes, as_volumes
from thalweg.decisions import Decisions, decide
from thalweg.deploy import Model, Segmenter
from thalweg.estimators.fitted import Fitted
from thalweg.estimators.follow import hooks_of
from thalweg.estimators.inputs import pair_of
from thalweg.estimators.parameters import config_of, documented, seed_of, settings_of
from thalweg.estimators.rows import class_factors
from thalweg.estimators.train import run
from thalweg.likelihoods import auto_likelihood
from thalweg.recipes.segmentation import prepare_segmentation


@documented(class_weight="balanced: every label counts as much as any other; or a dictionary from label to weight.")
@dataclass(kw_only=True, eq=False, repr=False)
class DenseSegmenter(Fitted):
    """A dense network on the window around each pixel, as a scikit-learn estimator of images and masks.

    The first axis of the images is that of the samples, along which `cross_validate` and the like split. Weights of
    samples, ``partial_fit`` and ``warm_start`` are for rows of tables alone.

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

    def fit(self, X: Any, y: Any, eval_set: Any = None) -> Self:
        """Train on images and their masks.

        Args:
            X: (N, H, W) a stack of images or a volume, (N, D, H, W) volumes, (H, W) one image; one axis more than the
                masks at the end holds channels.
            y: masks, a label for each pixel.
            eval_set: (images, masks) to watch, never to train on.

        Raises:
            ValueError: images, masks or parameters that cannot be used.
            DivergedError: a quantity was not finite; tells which step size to try.
            KeyboardInterrupt: Ctrl-C before the end of the first epoch; later what was learned so far is kept.
        """
        if y is None:
            raise ValueError(f"This {type(self).__name__} estimator requires y to be passed, but the target y is None.")
        volumes = as_volumes(np.asarray(X), np.asarray(y))
        watched: Volumes | None = None
        if eval_set is not None:
            images, masks = pair_of(eval_set, "a pair (images, masks)")
            watched = as_volumes(np.asarray(images), np.asarray(masks), name="eval_set")
        own = {"task": "segment"} | self._weighted(np.asarray(y))
        if watched is not None:
            own["validation"] = 0.0
        config = config_of(self, seed_of(self.random_state), **own)
        plan = prepare_segmentation(config, volumes, validation=watched)
        trained = run(plan, config.epochs, hooks_of(self.callbacks), None)
        self.adopt(plan.model(trained), {"dtype": np.asarray(y).dtype.str, "ndim": np.ndim(y)})
        self.best_epoch_ = trained.epoch
        return self

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

    def score(self, X: Any, y: Any) -> float:
        """Return the mean over labels of the Dice index 2 |A ∩ B| / (|A| + |B|) of predicted and true pixels."""
        check_is_fitted(self, "model_")
        return float(self.model_.evaluate(X, y)["mean_dice"])

    def _weighted(self, y: NDArray[Any]) -> dict[str, Any]:
        """Return the settings that give labels their weight."""
        if not isinstance(self.class_weight, Mapping):
            return {"class_weight": self.class_weight or "none"}
        labels, counts = np.unique(y, return_counts=True)
        factors = class_factors(self.class_weight, labels)
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
