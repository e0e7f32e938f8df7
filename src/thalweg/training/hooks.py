"""Hooks: how progress bars, records and instruments follow a run without the loop knowing them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from thalweg.core.types import Params, State
from thalweg.data.batches import Batches
from thalweg.likelihoods import Likelihood
from thalweg.network import Network
from thalweg.optimizers import Optimizer
from thalweg.training.step import StepView


class RunInfo(NamedTuple):
    """What a run is about to do.

    Attributes:
        network: the network.
        rows: N, rows of the training set.
        batch_size: B.
        steps: ⌈N/B⌉ minibatches an epoch.
        epochs: epochs at most.
        first_epoch: 1, or the epoch a resumed run goes on with.
        likelihood: gives cost and error.
        optimizer: gives the updates.
        batches: the training set.
        params: θ_0, also when the run is resumed.
    """

    network: Network
    rows: int
    batch_size: int
    steps: int
    epochs: int
    first_epoch: int
    likelihood: Likelihood
    optimizer: Optimizer
    batches: Batches
    params: Params


class ChunkInfo(NamedTuple):
    """What a chunk of steps did.

    Attributes:
        epoch: epoch, from 1.
        step: minibatches of this epoch done so far.
        steps: minibatches of an epoch.
        loss: (S,) loss of each minibatch of the chunk.
        measured: what this hook's measure gave, stacked over the steps it was due in; None without one.
        params: θ after the chunk; to be read during the call only, the next step takes over its memory.
        state: running statistics after the chunk; the same holds.
    """

    epoch: int
    step: int
    steps: int
    loss: NDArray[np.float32]
    measured: Any
    params: Params
    state: State


class Hook:
    """Base of hooks: override what you need. Hooks run between chunks, on the host.

    A hook that sets ``measure``, at the latest in :meth:`on_train_start`, has it traced into the training program and
    gets what it returns, stacked over the steps, in :meth:`on_chunk_end`; ``due`` says which steps are measured, and
    ``read`` what to read of θ before and after the update (see `thalweg.training.step.Measure`). A chunk in which
    training diverged is told up to the step that was not finite. A hook that sets ``stop`` ends training after the
    epoch.
    """

    stop: bool = False
    measure: Callable[[StepView], Any] | None = None
    due: Callable[[jax.Array], jax.Array] | None = None
    read: Callable[[Params, jax.Array], Any] | None = None

    def on_train_start(self, info: RunInfo) -> None:
        """Run before the first step."""

    def on_epoch_start(self, epoch: int) -> None:
        """Run before an epoch's first step."""

    def on_chunk_end(self, info: ChunkInfo) -> None:
        """Run after each chunk of steps."""

    def on_epoch_end(self, row: dict[str, Any]) -> None:
        """Run after an epoch, with its line of the log."""

    def on_train_end(self) -> None:
        """Run after the last epoch, also when training was interrupted or diverged."""


def _statistics(view: StepView) -> dict[str, jax.Array]:
    def norm(tree: Any) -> jax.Array:
        return jnp.sqrt(sum((jnp.sum(jnp.square(leaf)) for leaf in jax.tree.leaves(tree)), jnp.zeros(())))

    return {
        "gradient_norm": norm(view.passed.grads),
        "update_norm": norm(jax.tree.map(jnp.subtract, view.after, view.params)),
        "parameter_norm": norm(view.params),
    }


@dataclass
class StepStatistics(Hook):
    """Record for every step the loss and the norms ‖∇L‖, ‖Δθ‖, ‖θ‖.

    Attributes:
        steps: name ↦ values, one a step, after training.

    Example:
        >>> sorted(StepStatistics().steps)
        ['gradient_norm', 'loss', 'parameter_norm', 'update_norm']
    """

    names = ("loss", "gradient_norm", "update_norm", "parameter_norm")
    steps: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in StepStatistics.names})

    def __post_init__(self) -> None:
        self.measure = _statistics

    def on_chunk_end(self, info: ChunkInfo) -> None:
        for name, values in {"loss": info.loss, **info.measured}.items():
            self.steps[name].extend(np.asarray(values, float).tolist())
