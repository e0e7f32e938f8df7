"""Facts about the trained network: what its answers explain, against a constant."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import numpy as np
from jaxtyping import Array
from numpy.typing import NDArray

from thalweg.core.types import Params, State
from thalweg.diagnosis.facts.dependence import as_numbers
from thalweg.likelihoods import Likelihood
from thalweg.network import Network


@partial(jax.jit, static_argnums=0)
def _answers(network: Network, params: Params, state: State, x: Array) -> Array:
    return network.apply(params, state, x)


def outcome_facts(
    network: Network, likelihood: Likelihood, params: Params, state: State, x: NDArray[Any], y: NDArray[Any]
) -> dict[str, Any]:
    """Return what the network's answers are worth on rows of the training set.

    Args:
        network: the network.
        likelihood: gives score and mean.
        params: θ at the end.
        state: running statistics.
        x: (n, d) rows.
        y: their targets.

    Returns:
        ``finite``; ``skill``: 1 - (mean score) / (that of the best constant answer): R² for numbers, the share of the
        constant's mistakes that are avoided for classes; ``answers_spread``: deviation of the answers over rows, over
        that of the targets (as indicators, for classes); ``classes_answered``: how many classes are ever the answer.
    """
    outputs: Any = np.asarray(_answers(network, params, state, np.asarray(x, np.float32)))
    if not np.isfinite(outputs).all():
        return {"finite": False, "skill": None, "answers_spread": None, "classes_answered": None}
    answers: Any = np.asarray(y)
    means = np.asarray(likelihood.mean(outputs), np.float64)
    score = np.asarray(likelihood.score(outputs, answers), np.float64)
    targets = as_numbers(likelihood, y)
    if likelihood.targets in ("classes", "ordered"):
        labels = np.asarray(y).ravel()
        constant = 1.0 - np.unique(labels, return_counts=True)[1].max() / len(labels)
        deviation = np.sqrt(np.mean([(labels == c).var() for c in np.unique(labels)]))
        answered = len(np.unique(means.argmax(axis=1) if means.shape[1] > 1 else means > 0.5))
    else:
        values = np.asarray(y, np.float64).reshape(len(y), -1)
        answered = None
        deviation = float(np.sqrt(np.mean(values.var(axis=0))))
        share = values.mean(axis=0)
        constant = float(
            np.mean(np.minimum(share, 1 - share) if likelihood.targets == "labels" else values.var(axis=0))
        )
    spread = float(np.sqrt(np.mean(means.var(axis=0)))) / max(deviation, 1e-12)
    skill = 1.0 - float(score.mean()) / constant if constant > 0 and targets.size else None
    return {"finite": True, "skill": skill, "answers_spread": spread, "classes_answered": answered}
