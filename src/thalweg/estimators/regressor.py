"""The regressor: numbers and counts, one or several a row, with their distribution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils.validation import check_array

from thalweg.core.registry import lookup
from thalweg.data.kinds import TASKS
from thalweg.data.table import Table
from thalweg.data.targets import Targets
from thalweg.deploy import Model
from thalweg.estimators.base import DenseEstimator
from thalweg.estimators.going_on import settings_of_parts
from thalweg.estimators.parameters import documented
from thalweg.estimators.rows import Rows
from thalweg.likelihoods import LIKELIHOODS, auto_likelihood
from thalweg.recipes.config import RunConfig
from thalweg.recipes.tables import unfit


@documented()
@dataclass(kw_only=True, eq=False, repr=False)
class DenseRegressor(RegressorMixin, DenseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """A dense network that predicts numbers, as a scikit-learn estimator.

    It minimizes the mean of -ln q(y|x; θ) over minibatches, q being the ``likelihood``; targets may be one number
    a row or several.

    Example:
        >>> import numpy as np
        >>> X = np.linspace(-2, 2, 200)[:, None]
        >>> regressor = DenseRegressor(hidden=(32,), learning_rate=0.01, epochs=60).fit(X, X[:, 0] ** 2)
        >>> regressor.score(X, X[:, 0] ** 2) > 0.95, regressor.predict_interval(X, 0.9).shape
        (True, (200, 2))
    """

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, eval_set: Any = None) -> Self:
        """Train one epoch on these rows, and keep the optimizer's state for the next call.

        The first call fits the encoder, the scale of the target among it; later ones go on from there, with a step
        size that the schedule ``auto`` holds constant. With ``patience`` the best epoch over all calls is kept; once
        it is used up, further calls train no more.

        Args:
            X: features.
            y: targets.
            sample_weight: (N,) weights of at least 0.
            eval_set: (X, y) to watch.

        Raises:
            ValueError: features that the first call did not know.
        """
        settings = settings_of_parts(self.schedule)
        go_on = hasattr(self, "model_")
        return self._fit(X, y, sample_weight, eval_set, go_on=go_on, epochs=1, **settings)

    def predict(self, X: Any) -> NDArray[np.float64]:
        """Return the mean of the predictive distribution, in the units and the shape of the targets: (N,) or (N, K)."""
        rows = self._rows(X)
        return self._answers(self.model_, self.model_.outputs(rows))

    def predict_interval(self, X: Any, coverage: float = 0.9) -> NDArray[np.float64]:
        """Return lower and upper ends (N, 2), or (N, K, 2), see `thalweg.Model.predict_interval`."""
        rows = self._rows(X)
        return self.model_.predict_interval(rows, coverage)

    def predict_quantiles(self, X: Any, levels: Sequence[float]) -> NDArray[np.float64]:
        """Return quantiles (N, Q), or (N, K, Q), see `thalweg.Model.predict_quantiles`."""
        rows = self._rows(X)
        return self.model_.predict_quantiles(rows, levels)

    @classmethod
    def takes(cls, model: Model) -> bool:
        return model.encoder is not None and model.task == "regression"

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _answers(self, model: Model, outputs: Any) -> NDArray[np.float64]:
        mean = np.asarray(model.in_units(np.asarray(model.likelihood.mean(outputs))), np.float64)
        return mean[:, 0] if self.target_["ndim"] == 1 else mean

    def _score_of(self, y: NDArray[Any], answers: NDArray[np.float64]) -> float:
        return float(r2_score(y, answers))

    def _check_targets(self, y: Any) -> NDArray[Any]:
        array: NDArray[Any] = check_array(y, ensure_2d=False, dtype="numeric", input_name="y", estimator=self)
        return array

    def _outputs(self, config: RunConfig, table: Table, rows: Rows, known: Any) -> tuple[Targets, RunConfig]:
        del table, known
        name = auto_likelihood("regression") if config.likelihood == "auto" else config.likelihood
        kind = lookup(LIKELIHOODS, name, "likelihood").targets
        if TASKS[kind] != "regression":
            raise unfit(name, "numbers")
        outputs = Targets.fit(rows.train, kind=kind, standardize=config.standardize)
        return outputs, config.model_copy(update={"likelihood": name})
