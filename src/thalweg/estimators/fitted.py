"""What is learned, and what can be done with it whatever the estimator: history, picture, folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from thalweg.deploy import Model
from thalweg.estimators.parameters import Parameters
from thalweg.estimators.saving import load_estimator, save_estimator

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(kw_only=True, eq=False, repr=False)
class Fitted(Parameters, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """An estimator around a model.

    Attributes:
        model_: the trained model, with all that `thalweg.Model` can do.
        history_: a dictionary an epoch, as in the log of a run.
        best_epoch_: epoch whose weights are kept, from 1.
    """

    def plot_history(self, quantity: str = "loss", ax: Axes | None = None) -> Axes:
        """Draw a quantity of the history by epochs, for training and validation rows.

        Args:
            quantity: ``"loss"``, ``"error"``, ``"rmse"`` or ``"score"``.
            ax: where to draw; by default a new figure.
        """
        from thalweg.estimators.plot import plot_history

        check_is_fitted(self, "model_")
        return plot_history(self.history_, quantity, ax)

    def save(self, folder: Path | str) -> None:
        """Write the model folder, which `load` and `thalweg.load` read; it holds no code.

        The optimizer's state and parameters that are functions stay behind.

        Raises:
            StorageError: the place is read-only, full, or holds something other than a model.
        """
        check_is_fitted(self, "model_")
        save_estimator(self, folder)

    @classmethod
    def load(cls, folder: Path | str) -> Self:
        """Return the estimator that `save` wrote, or one around the model of a run folder.

        Raises:
            ModelError: missing or damaged files, or a model of another task.
        """
        estimator: Self = load_estimator(cls, folder)
        return estimator

    @property
    def loss_curve_(self) -> list[float]:
        """Training loss of each epoch."""
        return [row["train_loss"] for row in self.history_]

    @property
    def n_iter_(self) -> int:
        """Epochs trained."""
        return len(self.history_)

    @classmethod
    def takes(cls, model: Model) -> bool:
        """Return whether such an estimator can be made around a model."""
        raise NotImplementedError

    def adopt(self, model: Model, target: dict[str, Any]) -> None:
        """Take over a model, or one that will be.

        Args:
            model: the model.
            target: ``dtype`` and ``ndim`` of the targets it was trained on.
        """
        self.model_, self.target_ = model, target
        self.history_ = [dict(row) for row in model.history]
        self.best_epoch_ = len(self.history_)
