"""Facts about a single minibatch: whether the program can fit it at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalweg.core.errors import DivergedError
from thalweg.core.types import Params
from thalweg.data.batches import ArrayBatches
from thalweg.diagnosis.facts.dependence import as_numbers
from thalweg.diagnosis.facts.outcome import outcome_facts
from thalweg.likelihoods import Likelihood
from thalweg.network import Network
from thalweg.optimizers import Optimizer
from thalweg.training import train

STEPS = 400
"""Steps on the minibatch: seconds, and enough for a sound program to learn some dozen rows by heart."""

ROWS = 32


def one_batch_facts(
    network: Network,
    likelihood: Likelihood,
    optimizers: Mapping[str, Optimizer],
    x: NDArray[Any],
    y: NDArray[Any],
    *,
    params: Params | None = None,
    seed: int = 0,
    steps: int = STEPS,
) -> dict[str, Any]:
    """Train on one minibatch alone, from the start, and return how well its rows are then answered.

    A sound program learns a few rows by heart whatever they are, so that one that cannot has something wrong with
    network, loss or step.

    Args:
        network: the network.
        likelihood: its loss.
        optimizers: name ↦ optimizer, each tried from the same start.
        x: (n, d) rows; the first 32 are the minibatch.
        y: their targets.
        params: θ_0; drawn from the seed when absent.
        seed: of starting weights and dropout.
        steps: on the minibatch.

    Returns:
        ``rows``, ``steps``, ``floor``: the share of a constant's error that no answer can avoid, as equal rows have
        different targets, and for every optimizer ``left_NAME``: the share that is left after training, all of it
        where training diverged; None where all rows have one target.

    Example:
        >>> from thalweg.likelihoods import Gaussian
        >>> from thalweg.network import dense_network
        >>> from thalweg.optimizers import make_optimizer
        >>> x = np.random.default_rng(0).normal(size=(32, 4))
        >>> adam = make_optimizer("adam", learning_rate=0.01, total_steps=STEPS, steps_per_epoch=1)
        >>> facts = one_batch_facts(dense_network(4, (32,), 1), Gaussian(), {"adam": adam}, x, x[:, :1] ** 2)
        >>> facts["left_adam"] < 0.01
        True

    Source: Goodfellow, Bengio, Courville, *Deep Learning* (2016), section 11.5 (fit a tiny dataset).
    """
    inputs, targets = np.asarray(x[:ROWS], np.float32), np.asarray(y[:ROWS])
    found: dict[str, Any] = {"rows": len(inputs), "steps": steps, "floor": _floor(likelihood, inputs, targets)}
    for name, optimizer in optimizers.items():
        batch = ArrayBatches(inputs, targets, len(inputs), seed=seed)
        try:
            trained = train(network, likelihood, batch, optimizer, epochs=steps, seed=seed, params=params)
        except DivergedError:
            found[f"left_{name}"] = 1.0
            continue
        outcome = outcome_facts(network, likelihood, trained.params, trained.state, inputs, targets)
        found[f"left_{name}"] = None if outcome["skill"] is None else 1.0 - outcome["skill"]
    return found


def _floor(likelihood: Likelihood, x: NDArray[Any], y: NDArray[Any]) -> float:
    """Return the share of a constant's error that stays where equal rows are given one answer."""
    _, groups = np.unique(x, axis=0, return_inverse=True)
    groups = groups.ravel()
    if likelihood.targets in ("classes", "ordered"):
        labels = np.unique(np.asarray(y).ravel(), return_inverse=True)[1]
        counts = np.zeros((groups.max() + 1, labels.max() + 1))
        np.add.at(counts, (groups, labels), 1)
        wrong, constant = len(y) - counts.max(axis=1).sum(), len(y) - counts.sum(axis=0).max()
        return float(wrong / constant) if constant else 0.0
    values = as_numbers(likelihood, y)
    if not values.size:
        return 0.0
    sums = np.zeros((groups.max() + 1, values.shape[1]))
    np.add.at(sums, groups, values)
    means = sums / np.bincount(groups)[:, None]
    return float(np.mean((values - means[groups]) ** 2))
