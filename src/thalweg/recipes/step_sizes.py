r"""A step size from a short experiment: many of them trained together from one start, over a few hundred steps.

All networks start from the same weights and see the same minibatches, so that their losses differ by the step size
alone. The experiment has the run's own schedule in short. Of each step size γ the late loss f(γ) is known (infinite
where it diverged); smoothed over its neighbors, its share of what can be gained is

p(γ) = (f_0 - f(γ)) / (f_0 - min f)

with f_0 the loss at the start. The recommended value is the mean of ln γ weighted by how near p(γ) is to 1; that mean
moves far less than the place of the least loss, which is flat.

Source: Smith, *Cyclical Learning Rates for Training Neural Networks* (2017), for the idea of a range test; Vaswani et
al., *Painless Stochastic Gradient* (2019), for what a safe step size is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalweg.core.errors import ArgumentError
from thalweg.data.batches import ArrayBatches, Batches, spread, taken
from thalweg.likelihoods import Likelihood
from thalweg.network import Network
from thalweg.optimizers import OPTIMIZERS, Optimizer
from thalweg.recipes.choices import choose_optimizer
from thalweg.recipes.config import RunConfig
from thalweg.training import Hook
from thalweg.training.members import train_members

BELOW, ABOVE, COUNT = 1 / 1000, 100.0, 24
"""Step sizes tried: so many, from the optimizer's usual one times these factors."""

MOST_STEPS, FEWEST_STEPS = 300, 40
SHARE = 0.1
"""Time of the experiment as a share of the run's."""

CHEAPER = 2.5
"""How many steps of members take the time of one network's step alone (benchmarks, "Members")."""

NEAR = 0.9
"""From this share of the possible gain on, a step size counts for the recommended value."""

SAFE = 0.8
"""From this share of the possible gain on, a step size belongs to the safe interval."""


@dataclass(frozen=True, eq=False)
class StepSizes:
    """What an experiment says.

    Attributes:
        rates: (K,) the step sizes tried, ascending.
        losses: (K,) late loss of each, infinite where it diverged.
        start: loss before the first step.
        recommended: the value to use.
        low: smallest value of the safe interval.
        high: largest value of it, never one that diverged or the next one below.
        steps: steps of the experiment.
    """

    rates: NDArray[np.float64]
    losses: NDArray[np.float64]
    start: float
    recommended: float
    low: float
    high: float
    steps: int


def find_step_size(
    network: Network,
    likelihood: Likelihood,
    batches: Batches,
    optimizer: Callable[[int], Optimizer],
    usual: float,
    *,
    total_steps: int,
    seed: int = 0,
    hooks: Sequence[Hook] = (),
) -> StepSizes:
    """Try step sizes together and return what they say.

    Args:
        network: the network.
        likelihood: gives its loss.
        batches: the training set; rows evenly spread over it serve the experiment.
        optimizer: number of steps ↦ the optimizer, at its usual step size, with the run's schedule in so many steps.
        usual: that step size.
        total_steps: steps of the run, of which the experiment may take a share.
        seed: of starting weights and order.
        hooks: follow the experiment.

    Raises:
        ArgumentError: no step size makes the loss smaller.

    Example:
        >>> from thalweg.likelihoods import Gaussian
        >>> from thalweg.network import dense_network
        >>> from thalweg.optimizers import make_optimizer
        >>> x = np.linspace(-1, 1, 256, dtype=np.float32)[:, None]
        >>> adam = lambda steps: make_optimizer("adam", total_steps=steps, steps_per_epoch=steps, schedule="cosine")
        >>> found = find_step_size(
        ...     dense_network(1, (16,), 1),
        ...     Gaussian(),
        ...     ArrayBatches(x, np.sin(3 * x), 32),
        ...     adam,
        ...     1e-3,
        ...     total_steps=10000,
        ... )
        >>> found.low <= found.recommended <= found.high, 0.001 < found.recommended < 0.3
        (True, True)
    """
    steps = int(np.clip(SHARE * CHEAPER * total_steps / COUNT, FEWEST_STEPS, MOST_STEPS))
    rows = spread(min(batches.rows, steps * batches.batch_size), batches.rows)
    some = ArrayBatches(
        batches.sample(len(rows)), _targets(batches, rows), min(batches.batch_size, len(rows)), seed=seed
    )
    epochs = -(-steps // some.steps)
    factors = np.geomspace(BELOW, ABOVE, COUNT)
    trained = train_members(
        network,
        likelihood,
        some,
        optimizer(epochs * some.steps),
        epochs=epochs,
        seeds=[seed] * COUNT,
        step_factors=factors.tolist(),
        hooks=hooks,
        record_losses=True,
    )
    assert trained.losses is not None, "losses were asked for"
    curves = np.asarray(trained.losses, np.float64)
    curves[list(trained.diverged)] = np.inf
    return judge_curves(usual * factors, curves)


def judge_curves(rates: NDArray[np.float64], curves: NDArray[np.float64]) -> StepSizes:
    """Return what the losses of step sizes say.

    Args:
        rates: (K,) step sizes, ascending.
        curves: (K, steps) loss of every step, infinite where it diverged.

    Raises:
        ArgumentError: none of them makes the loss smaller.

    Example:
        >>> rates, steps = np.geomspace(1e-3, 10, 9), np.arange(100)
        >>> curves = np.where(rates[:, None] < 2, np.exp(-rates[:, None] * steps / 10), np.inf)
        >>> found = judge_curves(rates, curves)
        >>> 0.1 < found.recommended < 1.0, found.high < 2
        (True, True)
    """
    steps = curves.shape[1]
    start = float(np.median(curves[np.isfinite(curves[:, 0]), 0]))
    late = curves[:, -max(3, steps // 4) :]
    with np.errstate(invalid="ignore"):
        losses = np.where(np.isfinite(late).all(axis=1), late.mean(axis=1), np.inf)
    # A value that climbed on the way is not safe, wherever it ended.
    losses = np.where(
        np.nanmax(np.where(np.isfinite(curves), curves, np.inf), axis=1) > _ceiling(curves), np.inf, losses
    )
    smooth = _smoothed(losses)
    best = float(smooth.min())
    if not best < start:
        raise ArgumentError(
            "learning_rate",
            "a step size that makes the loss smaller",
            "none among those tried",
            "See: thalweg diagnose",
        )
    share = (start - smooth) / (start - best)
    share[~np.isfinite(smooth)] = -np.inf
    top = int(share.argmax())
    inside = share >= SAFE
    low = next((i for i in range(top, -1, -1) if not inside[i]), -1) + 1
    high = next((i for i in range(top, len(rates)) if not inside[i]), len(rates)) - 1
    weight = np.where((np.arange(len(rates)) >= low) & (np.arange(len(rates)) <= high), share - NEAR, 0.0).clip(min=0)
    recommended = float(np.exp(np.sum(weight * np.log(rates)) / weight.sum()))
    return StepSizes(rates, losses, start, recommended, float(rates[low]), float(rates[high]), steps)


def _ceiling(curves: NDArray[np.float64]) -> float:
    """Return a loss that no sound step size reaches: far above what minibatches scatter at the start."""
    first = curves[np.isfinite(curves).all(axis=1)][:, : max(3, curves.shape[1] // 10)]
    if not first.size:
        return float("inf")
    spread_ = np.median(first[0]) + 10 * np.std(first[0]) + 0.5 * abs(np.median(first[0]))
    return float(spread_)


def _smoothed(losses: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each loss averaged with its neighbors, weights ¼, ½, ¼; infinite where it or the next larger one is."""
    above = np.append(losses[1:], losses[-1])
    below = np.insert(losses[:-1], 0, losses[0])
    finite_below = np.where(np.isfinite(below), below, losses)
    with np.errstate(invalid="ignore"):
        return np.where(np.isfinite(losses) & np.isfinite(above), losses / 2 + (finite_below + above) / 4, np.inf)


def _targets(batches: Batches, rows: NDArray[np.int64]) -> NDArray[Any]:
    y = taken(batches.y, rows)
    return y.astype(np.int32) if y.dtype.kind in "iub" else y


def step_sizes_of(
    config: RunConfig, network: Network, likelihood: Likelihood, batches: Batches, hooks: Sequence[Hook] = ()
) -> StepSizes:
    """Return what an experiment says of the step size of a run.

    Args:
        config: its settings.
        network: the network.
        likelihood: gives its loss.
        batches: its training set.
        hooks: follow the experiment.

    Raises:
        ArgumentError: an optimizer that finds its own step size, or no step size makes the loss smaller.
    """
    choice = OPTIMIZERS[config.optimizer]
    if choice.full_batch:
        raise ArgumentError(
            "learning_rate", f"none for {config.optimizer!r}, which finds its own step size", repr(config.learning_rate)
        )
    usual = config.model_copy(update={"learning_rate": choice.learning_rate, "epochs": 1})
    return find_step_size(
        network,
        likelihood,
        batches,
        lambda steps: choose_optimizer(usual, steps, network.step_factors()),
        choice.learning_rate,
        total_steps=config.epochs * batches.steps,
        seed=config.seed,
        hooks=hooks,
    )
