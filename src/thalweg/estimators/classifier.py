"""The classifier: classes of any kind, ordered ones, and several labels at once."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import assert_all_finite, column_or_1d

from thalweg.core.errors import ArgumentError
from thalweg.core.registry import lookup
from thalweg.data.kinds import TASKS
from thalweg.data.table import Table
from thalweg.data.target_values import column_names
from thalweg.data.targets import Targets
from thalweg.deploy import Model
from thalweg.estimators.base import DenseEstimator
from thalweg.estimators.going_on import check_same_classes, check_weights_of_parts, settings_of_parts
from thalweg.estimators.parameters import documented
from thalweg.estimators.rows import Rows, Weights, class_factors, with_class_weights
from thalweg.likelihoods import LIKELIHOODS, auto_likelihood
from thalweg.recipes.config import RunConfig
from thalweg.recipes.tables import unfit


@documented()
@dataclass(kw_only=True, eq=False, repr=False)
class DenseClassifier(ClassifierMixin, DenseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """A dense network that tells classes apart, as a scikit-learn estimator.

    It minimizes the mean of -ln q(y|x; θ) over minibatches, q being the ``likelihood``. Labels may be text, whole
    numbers, booleans or ordered categories; rows of zeros and ones are several labels at once.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> X, y = load_iris(return_X_y=True, as_frame=True)
        >>> classifier = DenseClassifier(hidden=(32,), learning_rate=0.01, epochs=30).fit(X, y)
        >>> classifier.score(X, y) > 0.9, classifier.predict_proba(X).shape
        (True, (150, 3))
    """

    classes: Sequence[Any] | None = None
    class_weight: str | Mapping[Any, float] | None = None
    label_smoothing: float = 0.0

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None, eval_set: Any = None) -> Self:
        """Train one epoch on these rows, and keep the optimizer's state for the next call.

        The first call fits the encoder and the network; later ones go on from there, with a step size that the
        schedule ``auto`` holds constant. With ``patience`` the best epoch over all calls is kept; once it is used up,
        further calls train no more.

        Args:
            X: features.
            y: labels.
            classes: all labels that will come; needed in the first call, where ``y`` lacks some.
            sample_weight: (N,) weights of at least 0.
            eval_set: (X, y) to watch.

        Raises:
            ValueError: labels or features that the first call did not know, or ``class_weight="balanced"``.
        """
        check_weights_of_parts(self.class_weight, more="; for labels {label: (1 - share) / share}")
        known = hasattr(self, "model_")
        if known:
            check_same_classes(classes, self.classes_)
        # Which labels there are, not their order: that is for the parameter, or an ordered category, to say.
        told = self._told(y) if classes is None or self._told(y) is not None else np.unique(classes)
        return self._fit(
            X, y, sample_weight, eval_set, go_on=known, known=told, epochs=1, **settings_of_parts(self.schedule)
        )

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the most probable class of each row (N,), or for several labels zeros and ones (N, K)."""
        p = self.predict_proba(X)
        if self.model_.task == "multilabel":
            return (p > 0.5).astype(np.int64)
        predicted: NDArray[Any] = self.classes_[p.argmax(axis=1)]
        return predicted

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the probability of each class (N, C) in the order of ``classes_``, or of each label (N, K)."""
        rows = self._rows(X)
        return self._answers(self.model_, self.model_.outputs(rows))

    def predict_log_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the logarithms of `predict_proba`."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def predict_sets(self, X: Any, coverage: float = 0.9) -> NDArray[np.bool_]:
        """Return the classes (N, C) of each row's conformal set; needs ``calibrate="conformal"``.

        Raises:
            ArgumentError: the classifier has no conformal scores, or too few for this coverage.
        """
        rows = self._rows(X)
        sets: NDArray[np.bool_] = self._in_order(self.model_.predict_sets(rows, coverage))
        return sets

    @classmethod
    def takes(cls, model: Model) -> bool:
        return model.encoder is not None and model.task != "regression"

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def _answers(self, model: Model, outputs: NDArray[Any]) -> NDArray[np.float64]:
        p = np.asarray(model.probabilities(outputs.astype(np.float64)), np.float64)
        ordered: NDArray[np.float64] = p if model.task == "multilabel" else self._in_order(p)
        return ordered

    def _score_of(self, y: NDArray[Any], answers: NDArray[np.float64]) -> float:
        return float(accuracy_score(y, answers > 0.5 if y.ndim == 2 else self.classes_[answers.argmax(axis=1)]))

    def _in_order(self, columns: Any) -> Any:
        """Return columns in the order of ``classes_``; the model's classes may have an order of their own."""
        own, wanted = self.model_.classes.tolist(), self.classes_.tolist()
        return columns if own == wanted else columns[:, [own.index(label) for label in wanted]]

    def _check_targets(self, y: Any) -> NDArray[Any]:
        array: NDArray[Any] = y.toarray() if sparse.issparse(y) else np.asarray(y)
        if array.ndim < 2 or array.shape[1] < 2:
            array = column_or_1d(array, warn=True)
        assert_all_finite(array, input_name="y", estimator_name=type(self).__name__)
        with warnings.catch_warnings():
            # Of classes with few rows each a fit warns itself, as the command line does.
            warnings.filterwarnings("ignore", "The number of unique classes is greater than 50%", UserWarning)
            check_classification_targets(array)
        if array.ndim == 2 and type_of_target(array) != "multilabel-indicator":
            raise ValueError("Multioutput target data is supported for labels of zeros and ones only.")
        return array

    def _told(self, y: Any) -> Any:
        return _category_order(y) if self.classes is None else self.classes

    def _weights(self, weight: Weights, y: NDArray[Any], known: Any) -> Weights:
        return weight if y.ndim == 2 else with_class_weights(weight, self.class_weight, y, known)

    def _outputs(self, config: RunConfig, table: Table, rows: Rows, known: Any) -> tuple[Targets, RunConfig]:
        y = table.target_array()
        if config.likelihood != "auto":
            lookup(LIKELIHOODS, config.likelihood, "likelihood")
        if y.ndim == 2:
            return self._label_outputs(config, rows.train)
        classes = _ordered(y, known)
        name = auto_likelihood("classification", len(classes)) if config.likelihood == "auto" else config.likelihood
        if TASKS[LIKELIHOODS[name].targets] != "classification":
            raise unfit(name, "classes")
        outputs = Targets(LIKELIHOODS[name].targets, tuple(classes), column_names(None, 1), np.zeros(1), np.ones(1))
        return outputs, config.model_copy(update={"likelihood": name})

    def _label_outputs(self, config: RunConfig, table: Table) -> tuple[Targets, RunConfig]:
        name = "multilabel" if config.likelihood == "auto" else config.likelihood
        if LIKELIHOODS[name].targets != "labels":
            raise unfit(name, "labels")
        return Targets.fit(table, kind="labels"), config.model_copy(update={"likelihood": name})

    def _options(self, y: NDArray[Any]) -> dict[str, Any]:
        if y.ndim == 1 or self.class_weight in (None, "none"):
            return {}
        if self.class_weight == "balanced":
            share = y.mean(axis=0)
            factors = (1 - share) / np.maximum(share, 1 / len(y))
        else:
            factors = class_factors(self.class_weight, np.arange(y.shape[1]))
        return {"positive_weights": tuple(np.maximum(factors, 1e-6).tolist())}

    def adopt(self, model: Model, target: dict[str, Any]) -> None:
        super().adopt(model, target)
        if model.task == "multilabel":
            self.classes_ = np.arange(len(model.classes))
            return
        dtype, labels = np.dtype(target["dtype"]), model.classes.tolist()
        array = np.array(labels, object) if dtype.hasobject else np.asarray(labels)
        self.classes_ = np.unique(array.astype(dtype) if array.dtype.kind in "biuf" else array)


FEW = 20
"""Of no more rows each may well be the only one of its class."""


def _ordered(y: NDArray[Any], order: Any) -> list[Any]:
    """Return the classes in their order.

    Raises:
        ValueError: fewer than two, as many as there are rows, or labels that the order lacks.
    """
    found: list[Any] = np.unique(y).tolist()
    if order is None:
        if len(found) < 2:
            raise ValueError(f"y: expected at least 2 classes, got 1 class, {found[0]!r}, that weighs anything.")
        if len(found) == len(y) > FEW:
            raise ValueError(
                f"y: expected classes that several rows share, got {len(found)} different values in as many rows: an "
                "identifier, from which nothing can be learned. Numbers are for DenseRegressor; classes that are all "
                "different are named in `classes`."
            )
        return found
    classes: list[Any] = np.asarray(order).tolist()
    absent = [label for label in found if label not in classes]
    if absent:
        raise ValueError(f"y: expected labels among the classes {classes}, got {absent[0]!r}.")
    if len(set(classes)) < max(2, len(classes)):
        raise ArgumentError("classes", "at least two, all different", str(classes))
    return classes


def _category_order(y: Any) -> list[Any] | None:
    """Return the order of ordered categories of pandas, or of an enumeration of Polars."""
    dtype = getattr(y, "dtype", None)
    if getattr(dtype, "ordered", False) or type(dtype).__name__ == "Enum":
        return list(dtype.categories)  # type: ignore[union-attr]  # both have them
    return None
