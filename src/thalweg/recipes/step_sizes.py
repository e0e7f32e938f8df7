r"""A step size from a short experiment: many of them trained together from one start, over a few hundred steps.

Networks of one start begin with the same weights and see the same minibatches, under the run's own schedule in short,
so that they differ by the step size alone. Each is judged where its schedule ends, by its loss on rows that the
experiment does not train on, cut into pieces; a loss that climbs at first and falls later counts by where it ends. The
whole range is tried from one start, then the half of it around the best from two more.

The recommended value is e to the mean of ln γ over all step sizes that are as good as the best one: their losses exceed
the best one's, piece by piece, by no more than two standard errors on average. Near its least value the loss is flat,
and the mean of all that cannot be told apart moves less than any one choice; pieces are drawn anew many times, so that
it moves smoothly. A step size that fails to lower the loss is out, and so is the next one below.

Source: Smith, *Cyclical Learning Rates for Training Neural Networks* (2017), for the idea of a range test; Jamieson,
Talwalkar, *Non-stochastic Best Arm Identification and Hyperparameter Optimization* (2016), for spending more on the
better half; Breiman, Friedman, Olshen, Stone, *Classification and Regression Trees* (1984), for equals within standard
errors; Breiman, *Bagging Predictors* (1996); Lewkowycz et al., *The large learning rate phase of deep learning: the
catapult mechanism* (2020), for losses that climb before they fall.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from thalweg.core.errors import ArgumentError
from thalweg.core.types import Params, State
from thalweg.data.batches import ArrayBatches, Batches, spread, taken_targets
from thalweg.likelihoods import Likelihood
from thalweg.network import Network
from thalweg.optimizers import OPTIMIZERS, Optimizer
from thalweg.recipes.choices import choose_optimizer
from thalweg.recipes.config import RunConfig
from thalweg.training import Hook
from thalweg.training.members import train_members
from thalweg.training.step import evaluation_program

BELOW, ABOVE, COUNT = 1 / 100, 100.0, 16
"""Step sizes tried: so many, from the optimizer's usual one times these factors."""

MOST_STEPS, FEWEST_STEPS = 300, 40
SHARE = 0.12
"""Time of the experiment as a share of the run's, where that allows the fewest steps."""

CHEAPER = 2.5
"""How many steps of members take the time of one network's step alone (benchmarks, "Members")."""

PIECES = 32
"""Rows to judge by are cut into so many."""

MORE = 2
"""Further starts, of the step sizes around the best that remain."""

DRAWS = 200
"""How often pieces are drawn anew."""

ERRORS = 2.0
"""So many standard errors from the best, a step size is as good."""

SAFE = 0.8
"""From this share of the possible gain on, a step size belongs to the safe interval."""


@dataclass(frozen=True, eq=False)
class StepSizes:
    """What an experiment says.

    Attributes:
        rates: (K,) the step sizes tried, ascending.
        losses: (K,) loss of each at the end, infinite where it diverged or ended no lower than the start.
        start: loss before the first step.
        recommended: the value to use.
        low: smallest value of the safe interval.
        high: largest value of it, never one that diverged or the next one below.
        best: place of the one of least loss in the safe interval.
        steps: steps of each network.
    """

    rates: NDArray[np.float64]
    losses: NDArray[np.float64]
    start: float
    recommended: float
    low: float
    high: float
    best: int
    steps: int = 0


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
    steps = int(np.clip(SHARE * CHEAPER * total_steps / (2 * COUNT), FEWEST_STEPS, MOST_STEPS))
    training, pieces = rows_to_try(batches, steps, seed)
    epochs = -(-steps // training.steps)
    factors = np.geomspace(BELOW, ABOVE, COUNT)

    def ends(chosen: NDArray[np.float64], seeds: list[int]) -> tuple[NDArray[np.float64], float]:
        """Return the loss of each member on each piece, and the loss before the first step."""
        trained = train_members(
            network,
            likelihood,
            replace(training, seed=seeds[0]),
            optimizer(epochs * training.steps),
            epochs=epochs,
            seeds=seeds,
            step_factors=chosen.tolist(),
            hooks=hooks,
            record_losses=True,
        )
        assert trained.losses is not None, "losses were asked for"
        found = np.stack([_losses(network, likelihood, *trained.member(m), pieces) for m in range(COUNT)])
        found[list(trained.diverged)] = np.inf
        return found, float(np.nanmedian(trained.losses[:, 0]))

    first, start = ends(factors, [seed] * COUNT)
    whole = judge_losses(usual * factors, first, start)
    size = COUNT // MORE
    place = int(np.clip(whole.best - size // 2 + 1, 0, COUNT - size))
    around = slice(place, place + size)
    # As many members as before, so that the program is there already.
    again, _ = ends(np.tile(factors[around], MORE), [seed + 1 + i // size for i in range(COUNT)])
    losses = np.concatenate([first[around], *np.split(again, MORE)], axis=1)
    found = judge_losses(usual * factors[around], losses, start)
    whole.losses[around] = found.losses
    return replace(
        found,
        rates=whole.rates,
        losses=whole.losses,
        low=min(whole.low, found.low) if found.low == whole.rates[place] else found.low,
        best=place + found.best,
        steps=epochs * training.steps,
    )


def rows_to_try(batches: Batches, steps: int, seed: int) -> tuple[ArrayBatches, ArrayBatches]:
    """Return minibatches for so many steps, and other rows in pieces to judge by, a fifth at most.

    Args:
        batches: the training set; rows evenly spread over it are taken.
        steps: of the experiment.
        seed: decides which rows are judged by, and the order of the others.
    """
    size = min(batches.batch_size, max(1, batches.rows * 4 // 5))
    rows = spread(min(batches.rows, (steps + PIECES) * size), batches.rows)
    order = np.random.default_rng(seed).permutation(len(rows))
    x, y = batches.sample(len(rows))[order], taken_targets(batches, rows)[order]
    judges = max(1, min(PIECES * size, len(rows) // 5))
    left = max(1, len(rows) - judges)
    epochs = -(-steps * size // left)
    used = min(left, -(-steps // epochs) * size)
    return (
        ArrayBatches(x[:used], y[:used], min(size, used), seed=seed),
        ArrayBatches(x[-judges:], y[-judges:], -(-judges // PIECES)),
    )


def judge_losses(rates: NDArray[np.float64], losses: NDArray[np.float64], start: float) -> StepSizes:
    """Return what the losses of step sizes say.

    Args:
        rates: (K,) step sizes, ascending.
        losses: (K, pieces) loss of each at the end of its steps on each piece of the rows to judge by.
        start: loss before the first step.

    Raises:
        ArgumentError: none of them makes the loss smaller.

    Example:
        >>> rates = np.geomspace(1e-3, 10, 9)
        >>> ends = np.where(rates < 2, np.exp(-10 * rates), np.inf)
        >>> found = judge_losses(rates, ends[:, None] + np.zeros(4), 1.0)
        >>> round(found.recommended, 3), round(found.high, 3)  # 1 is good, but the next one above is not
        (0.316, 0.316)
    """
    with np.errstate(invalid="ignore"):
        means = np.where(np.isfinite(losses).all(axis=1), losses.mean(axis=1), np.inf)
    means[~(means < start)] = np.inf
    if not np.isfinite(means).any():
        raise ArgumentError(
            "learning_rate",
            "a step size that makes the loss smaller",
            "none among those tried",
            "See: thalweg diagnose",
        )
    usable = np.isfinite(means) & np.isfinite(np.append(means[1:], means[-1]))
    usable |= ~usable.any() & np.isfinite(means)
    share = np.where(usable, (start - means) / (start - means[usable].min()), -np.inf)
    top, inside = int(share.argmax()), share >= SAFE
    low = next((i for i in range(top, -1, -1) if not inside[i]), -1) + 1
    high = next((i for i in range(top, len(rates)) if not inside[i]), len(rates)) - 1
    recommended = _mean_of_the_best(np.log(rates[low : high + 1]), losses[low : high + 1])
    return StepSizes(rates, means, start, recommended, float(rates[low]), float(rates[high]), top)


def _mean_of_the_best(places: NDArray[np.float64], losses: NDArray[np.float64]) -> float:
    """Return e to the mean, over draws of pieces, of the mean ln γ of those within two standard errors of the best."""
    rng, count = np.random.default_rng(0), losses.shape[1]
    chosen = []
    for _ in range(DRAWS):
        drawn = losses[:, rng.integers(0, count, count)]
        excess = drawn - drawn[drawn.mean(axis=1).argmin()]
        good = excess.mean(axis=1) <= ERRORS * excess.std(axis=1) / np.sqrt(count)
        chosen.append(places[good].mean())
    return float(np.exp(np.mean(chosen)))


def _losses(
    network: Network, likelihood: Likelihood, params: Params, state: State, pieces: ArrayBatches
) -> NDArray[np.float64]:
    """Return the loss on each piece."""
    program = evaluation_program(network, likelihood)
    found = [np.asarray(program(params, state, chunk)[0], float)[chunk.rows > 0] for chunk in pieces.chunks(epoch=None)]
    return np.concatenate(found)


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
