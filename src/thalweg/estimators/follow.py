"""What follows a fit: callbacks of the user, and scores that early stopping watches."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray
from sklearn.metrics import get_scorer

from thalweg.core.errors import ArgumentError
from thalweg.core.types import Params, State
from thalweg.deploy import Model
from thalweg.training import Hook

SCORE = "validation_score"
"""Name of the score in a line of the history."""


class _Callback(Hook):
    """A function of an epoch's line; training ends after the epoch for which it returns True."""

    def __init__(self, function: Callable[[dict[str, Any]], Any]) -> None:
        self.function = function

    def on_epoch_end(self, row: dict[str, Any]) -> None:
        self.stop = self.function(row) is True


def hooks_of(callbacks: Any) -> list[Hook]:
    """Return callbacks as hooks.

    Raises:
        ArgumentError: one of them is neither a hook nor a function.
    """
    given: Sequence[Any] = callbacks if isinstance(callbacks, (list, tuple)) else (callbacks,)
    for one in given:
        if not isinstance(one, Hook) and not callable(one):
            raise ArgumentError("callbacks", "hooks of thalweg.training or functions of a dictionary", repr(one))
    return [one if isinstance(one, Hook) else _Callback(one) for one in given]


def validation_score(
    estimator: Any, model: Model, X: Any, y: Any, weight: NDArray[Any] | None = None
) -> Callable[[Params, State], float]:
    """Return what a network is worth by the estimator's ``scoring`` on rows held out.

    Args:
        estimator: with all that its predictions need but the model.
        model: the model that will be, whatever its parameters.
        X: rows, as the user has them.
        y: their targets.
        weight: their weights, for scorers that take some.

    Raises:
        ValueError: no scorer of that name.
    """
    scorer = get_scorer(estimator.scoring) if isinstance(estimator.scoring, str) else estimator.scoring
    if not callable(scorer):
        raise ArgumentError("scoring", "the name of a scorer or a function", repr(scorer))
    view = copy.copy(estimator)
    weights = {} if weight is None or not _takes_weights(scorer) else {"sample_weight": weight}

    def score(params: Params, state: State) -> float:
        view.model_ = replace(model, params=params, state=state)
        return float(scorer(view, X, y, **weights))

    return score


def _takes_weights(scorer: Callable[..., Any]) -> bool:
    """Whether a scorer takes sample weights; those of scikit-learn do where their metric does."""
    try:
        return "sample_weight" in inspect.signature(getattr(scorer, "_score_func", scorer)).parameters
    except ValueError:  # some functions that are not written in Python tell no signature
        return False
