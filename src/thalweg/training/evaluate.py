"""Loss and metric of a network on a set."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from thalweg.core.types import Params, State
from thalweg.data.batches import Batches, Chunk
from thalweg.data.read_ahead import close
from thalweg.likelihoods import Likelihood
from thalweg.network import Network
from thalweg.training.mesh import DataMesh
from thalweg.training.step import evaluation_program


def evaluate(
    network: Network,
    likelihood: Likelihood,
    params: Params,
    state: State,
    batches: Batches,
    score_scale: NDArray[Any] | float = 1.0,
) -> dict[str, float]:
    """Return ``{"loss": …, "error": …}`` for classification, ``{"loss": …, "rmse": …}`` for regression.

    Args:
        network: the network.
        likelihood: gives cost and score.
        params: θ.
        state: running statistics.
        batches: the set.
        score_scale: (targets,) factors that bring residuals to the units of the target.

    Example:
        >>> import jax, numpy as np
        >>> from thalweg.data.batches import ArrayBatches
        >>> from thalweg.likelihoods import make_likelihood
        >>> from thalweg.network import dense_network
        >>> x, y = np.ones((4, 2), np.float32), np.zeros(4, np.int32)
        >>> network = dense_network(2, (), 1, initializer="zeros")
        >>> params = network.init(jax.random.key(0))
        >>> round(evaluate(network, make_likelihood("bernoulli"), params, ({},), ArrayBatches(x, y, 4))["loss"], 4)
        0.6931
    """
    program = evaluation_program(network, likelihood)
    loss, score, counted = totals(lambda chunk: program(params, state, chunk), batches)
    return {"loss": float(loss) / batches.rows} | metric(likelihood, score, float(counted), score_scale)


def totals(
    program: Callable[[Chunk], tuple[Any, Any, Any]], batches: Batches
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return a set's loss times its rows, sums of scores and rows counted, with the leading axes of the program.

    Args:
        program: chunk ↦ losses (…, S), score sums (…, S, scores) and counted rows (…, S).
        batches: the set.
    """
    loss, score, counted = np.zeros(()), np.zeros(()), np.zeros(())
    chunks = batches.chunks(epoch=None)
    try:
        for chunk in chunks:
            # Waits for the result: the chunk's memory is used again when further ones are taken.
            losses, scores, rows = (np.asarray(a, float) for a in program(placed(chunk, None)))
            loss = loss + np.sum(losses * chunk.rows, axis=-1)
            score = score + scores.sum(axis=-2)
            counted = counted + rows.sum(axis=-1)
    finally:
        close(chunks)
    return loss, score, counted


def metric(
    likelihood: Likelihood, score: Sequence[float] | NDArray[Any], counted: float, score_scale: NDArray[Any] | float
) -> dict[str, float]:
    """Return the metric from its terms' sums: mean over targets of Σ mistakes / N, or √(mean of s² Σ r² / N)."""
    mean = np.asarray(score, float) / max(counted, 1.0)
    if likelihood.metric == "rmse":
        return {"rmse": math.sqrt(float(np.mean(np.square(score_scale) * mean)))}
    return {likelihood.metric: float(np.mean(mean))}


def placed(chunk: Chunk, mesh: DataMesh | None) -> Chunk:
    """Return the chunk on the devices: its minibatches split over the mesh, in place when there is none."""
    if mesh is not None:
        spread: Chunk = jax.device_put(chunk, Chunk(mesh.split, mesh.split, mesh.split, mesh.whole))
        return spread
    # The ring of buffers in thalweg.data.read_ahead makes sharing their memory safe.
    return chunk._replace(x=jax.device_put(chunk.x, may_alias=True))
