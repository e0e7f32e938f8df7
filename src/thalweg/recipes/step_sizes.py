r"""A step size from a short experiment: many are trained together from the same start, for some tens of steps or more.

All networks of a start begin with the same weights and see the same minibatches, under the run's own schedule in short,
so that they differ by the step size alone. Each is judged where its schedule ends, by its loss on rows that the
experiment does not train on; a loss that climbs at first and falls later counts by where it ends. There are two starts,
whose losses are averaged. Of members that share their weights one of each kind learns: a third of the work of a step.

Near its least value the loss is flat, and where exactly it is least is chance. So gains are smoothed over neighbors,
and the recommended value is e to the mean of ln γ, weighted by a high power of each one's share of the greatest gain:
the middle of a plateau. With more steps that plateau widens both ways, so that its middle serves a longer run too
(measured: docs/decisions/step-sizes.md). A step size that fails to lower the loss is out, and so is the next below.

Source: Smith, *Cyclical Learning Rates for Training Neural Networks* (2017), for the idea of a range test; Lewkowycz et
al., *The large learning rate phase of deep learning: the catapult mechanism* (2020), for losses that climb before they
fall.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from thalweg.core.errors import ArgumentError
from thalweg.data.batches import ArrayBatches, Batches, spread, taken_targets
from thalweg.likelihoods import Likelihood, Members
from thalweg.network import Network
from thalweg.network.fewer import fewer_members
from thalweg.optimizers import OPTIMIZERS, Optimizer
from thalweg.recipes.choices import choose_optimizer
from thalweg.recipes.config import RunConfig
from thalweg.training import Hook, evaluate
from thalweg.training.loop import keys_of
from thalweg.training.members import train_members
from thalweg.training.state import KNOT_ROWS, initial_params

BELOW, ABOVE, COUNT = 1 / 100, 100.0, 16
"""Step sizes tried: so many, from the usual one times these factors."""

STARTS = 2
"""Each with its own weights and order; two tell more than one of twice the steps (docs/decisions/step-sizes.md)."""

SHARE = 0.09
"""Steps of the experiment as a share of the run's, by their cost; with what is around them it takes an eighth."""

FEWEST_STEPS, MOST_STEPS = 12, 300
"""Steps of each network. A run too short for the fewest pays more than the share."""

APART = 0.1
"""Share of a step's work that all members have in common, so that fewer members do not save it."""

JUDGES = 8
"""Rows to judge by, in minibatches."""

SAFE = 0.8
"""From this share of the possible gain on, a step size belongs to the safe interval."""

SHARPNESS = 8
"""Power of its share of the possible gain with which a step size counts in the mean: half the gain counts 1/256."""


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
        steps: steps of each network.
    """

    rates: NDArray[np.float64]
    losses: NDArray[np.float64]
    start: float
    recommended: float
    low: float
    high: float
    steps: int = 0

    @property
    def told(self) -> str:
        """The value to use and its safe interval, in words."""
        return f"{self.recommended:.2g}, safe from {self.low:.2g} to {self.high:.2g}"


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
    work = 1.0
    if isinstance(likelihood, Members):
        network, members = fewer_members(network, likelihood.members)
        work = APART + (1 - APART) * members / likelihood.members
        likelihood = Members(likelihood.base, members)
    steps = steps_to_try(total_steps, work)
    factors = np.geomspace(BELOW, ABOVE, COUNT)
    ends = [
        _ends(network, likelihood, batches, optimizer, factors, steps, STARTS * seed + start, hooks)
        for start in range(STARTS)
    ]
    *losses, before = np.mean(ends, axis=0)
    return replace(judge_losses(usual * factors, np.array(losses), float(before)), steps=steps)


def steps_to_try(total_steps: int, work: float) -> int:
    """Return how many steps each network of an experiment takes.

    Args:
        total_steps: steps of the run.
        work: of a step of the experiment's network, as a share of that of the run's.

    Example:
        >>> steps_to_try(2400, 0.325), steps_to_try(20_000, 0.325), steps_to_try(1000, 1.0)
        (20, 173, 12)
    """
    return int(np.clip(SHARE * total_steps / (STARTS * COUNT * work), FEWEST_STEPS, MOST_STEPS))


def _ends(
    network: Network,
    likelihood: Likelihood,
    batches: Batches,
    optimizer: Callable[[int], Optimizer],
    factors: NDArray[np.float64],
    steps: int,
    seed: int,
    hooks: Sequence[Hook],
) -> list[float]:
    """Return the loss of each step size at the end, infinite where it diverged, and last the loss before any step."""
    training, judges = rows_to_try(batches, steps, seed)
    params = initial_params(network, likelihood, training, keys_of(seed)[0])
    trained = train_members(
        network,
        likelihood,
        training,
        optimizer(steps),
        epochs=1,
        seeds=[seed] * len(factors),
        step_factors=factors.tolist(),
        params=params,
        validation=judges,
        hooks=hooks,
    )
    ends = [
        np.inf if member in trained.diverged else history[-1]["validation_loss"]
        for member, history in enumerate(trained.histories)
    ]
    state = network.init_state(training.sample(KNOT_ROWS) if network.learns_from_rows else None)
    return [*ends, evaluate(network, likelihood, params, state, judges)["loss"]]


def rows_to_try(batches: Batches, steps: int, seed: int) -> tuple[ArrayBatches, ArrayBatches]:
    """Return minibatches for so many steps, as one epoch, and other rows to judge by, a fifth at most.

    Args:
        batches: the training set; rows evenly spread over it are taken, each as often as it takes to fill the steps.
        steps: of the experiment.
        seed: decides which rows are judged by, and the order of the others.
    """
    size = min(batches.batch_size, max(1, batches.rows * 4 // 5))
    rows = spread((steps + JUDGES) * size, batches.rows)
    x, y = batches.sample(len(rows)), taken_targets(batches, rows)
    weight = getattr(batches, "sample_weight", None)
    weight = None if weight is None else weight[rows]
    order = np.random.default_rng(seed).permutation(len(rows))
    judges = max(1, min(JUDGES * size, len(rows) // 5))

    def part(some: NDArray[np.int64]) -> ArrayBatches:
        own = None if weight is None else weight[some]
        return ArrayBatches(x[some], y[some], min(size, len(some)), own, seed)

    return part(np.resize(order[judges:] if len(order) > judges else order, steps * size)), part(order[:judges])


def judge_losses(rates: NDArray[np.float64], losses: NDArray[np.float64], start: float) -> StepSizes:
    """Return what the losses of step sizes say.

    Args:
        rates: (K,) step sizes, ascending.
        losses: (K,) loss of each at the end of its steps.
        start: loss before the first step.

    Raises:
        ArgumentError: none of them makes the loss smaller.

    Example:
        >>> rates = np.geomspace(1e-3, 10, 9)
        >>> ends = np.where(rates < 2, np.exp(-10 * rates), np.inf)
        >>> found = judge_losses(rates, ends, 1.0)
        >>> round(found.low, 3), round(found.high, 3)  # 1 is good, but the next one above is not
        (0.316, 0.316)
    """
    losses = np.where(np.asarray(losses) < start, losses, np.inf)
    works = np.isfinite(losses)
    if not works.any():
        raise ArgumentError(
            "learning_rate",
            "a step size that makes the loss smaller",
            "none among those tried",
            "See: thalweg diagnose",
        )
    usable = works & np.append(works[1:], True)
    usable |= works & ~usable.any()
    gain = smoothed(np.where(works, start - losses, 0.0))
    share = np.where(usable, gain / gain[usable].max(), 0.0)
    top, safe = int(share.argmax()), share >= SAFE
    first = top - int(np.argmin(np.append(safe[top::-1], False))) + 1
    last = top + int(np.argmin(np.append(safe[top:], False))) - 1
    middle = float(np.exp(np.average(np.log(rates), weights=share**SHARPNESS)))
    low, high = float(rates[first]), float(rates[last])
    return StepSizes(rates, losses, start, float(np.clip(middle, low, high)), low, high)


def smoothed(gain: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each gain averaged with two neighbors on either side, by weights 1, 4, 6, 4, 1; beyond the ends are none.

    Example:
        >>> smoothed(np.array([0.0, 0.0, 16.0, 0.0, 0.0, 0.0])).tolist()
        [1.0, 4.0, 6.0, 4.0, 1.0, 0.0]
    """
    return np.convolve(gain, np.array([1, 4, 6, 4, 1]) / 16, "same")


def step_sizes_of(
    config: RunConfig, network: Network, likelihood: Likelihood, batches: Batches, hooks: Sequence[Hook] = ()
) -> StepSizes:
    """Return what an experiment says of the step size of a run.

    Args:
        config: its settings; around their step size, or the optimizer's usual one, others are tried.
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
    usual = config.learning_rate if isinstance(config.learning_rate, float) else choice.learning_rate
    # A warm-up in epochs is the same share of the experiment as of the run.
    warmup = config.warmup / config.epochs if config.warmup >= 1 else config.warmup
    short = config.model_copy(update={"learning_rate": usual, "epochs": 1, "warmup": warmup})
    epochs = config.epochs
    if config.anneal:
        # Patience ends most of them after a third of their epochs or so; then the step size falls, as it does here.
        short, epochs = short.model_copy(update={"schedule": "cosine"}), -(-epochs // 3)
    return find_step_size(
        network,
        likelihood,
        batches,
        lambda steps: choose_optimizer(short, steps, network.step_factors()),
        usual,
        total_steps=epochs * batches.steps * config.networks,
        seed=config.seed,
        hooks=hooks,
    )
