"""A program that trains a network, right or wrong, and what a checkup says of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import jax
import numpy as np

from thalweg.core.errors import DivergedError
from thalweg.data.batches import ArrayBatches
from thalweg.diagnosis import Checkup, Finding
from thalweg.likelihoods import Likelihood
from thalweg.network import Network
from thalweg.optimizers import Optimizer, make_optimizer
from thalweg.runs.diagnosis import SCHEDULES
from thalweg.training import train


@dataclasses.dataclass(frozen=True, eq=False)
class Program:
    """A network with data, loss and optimizer, and what is known to be wrong with it.

    Args:
        name: to tell it by.
        network: the network.
        likelihood: its loss.
        x: (N, d) training inputs.
        y: their targets.
        held_out: inputs and targets held out.
        optimizer: settings of ``make_optimizer``, ``name`` among them.
        epochs: epochs.
        batch_size: B.
        seed: of starting weights and order.
        params: starting weights, by default the initializers'.
        climbs: whether every gradient has the wrong sign.
        slips: whether inputs are permuted after every epoch and their targets are not.
        causes: what is wrong; nothing for a healthy program.
    """

    name: str
    network: Network
    likelihood: Likelihood
    x: np.ndarray
    y: np.ndarray
    held_out: tuple[np.ndarray, np.ndarray]
    optimizer: Mapping[str, Any]
    epochs: int
    batch_size: int
    seed: int = 0
    params: Any = None
    climbs: bool = False
    slips: bool = False
    causes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Examined:
    """What became of a program."""

    program: Program
    findings: list[Finding]
    held_out_loss: float
    status: str
    checkup: Checkup


class SlippingBatches(ArrayBatches):
    """Minibatches whose inputs are permuted after each epoch, apart from their targets; errors pile up."""

    def chunks(self, epoch: int | None, start: int = 0) -> Any:
        if epoch is None or epoch < 2:
            return super().chunks(epoch, start)
        order = np.arange(self.rows)
        for past in range(1, epoch):
            order = order[np.random.default_rng((self.seed, past)).permutation(self.rows)]
        return ArrayBatches(self.x[order], self.y, self.batch_size, seed=self.seed).chunks(epoch, start)


def examine(program: Program) -> Examined:
    """Train the program with a checkup and return what was found."""
    kind = SlippingBatches if program.slips else ArrayBatches
    size = min(program.batch_size, len(program.x))
    batches = kind(program.x.astype(np.float32), program.y, size, seed=program.seed)
    held_out = ArrayBatches(
        program.held_out[0].astype(np.float32), program.held_out[1], min(1000, len(program.held_out[0]))
    )
    params = program.params
    if params is None:
        params = program.network.init(jax.random.key(program.seed), program.x[:256].astype(np.float32))
    kind, every, first = SCHEDULES["cheap"]
    checkup = Checkup(
        kind, every=every, first=first, settings={"optimizer": program.optimizer["name"], **program.optimizer}
    )
    status, loss = "finished", float("inf")
    try:
        trained = train(
            program.network,
            program.likelihood,
            batches,
            optimizer_of(program, batches.steps),
            epochs=program.epochs,
            seed=program.seed,
            params=params,
            validation=held_out,
            hooks=[checkup],
        )
        loss = float(trained.history[-1]["validation_loss"])
    except DivergedError:
        status = "diverged"
    return Examined(program, checkup.findings(status), loss, status, checkup)


def optimizer_of(program: Program, steps: int) -> Optimizer:
    """Return the optimizer; of a program that climbs, one that is given every gradient with the wrong sign."""
    settings = dict(program.optimizer)
    name = settings.pop("name")
    settings = {"schedule": "constant"} | settings
    # The length of training is part of what is compiled, and matters only where the step size follows it.
    lengths = {"total_steps": max(1, steps * program.epochs), "steps_per_epoch": steps}
    if settings["schedule"] == "constant":
        lengths = dict.fromkeys(lengths, 1)
    made = make_optimizer(name, **lengths, **settings)
    return made._replace(update=_climbing(made.update)) if program.climbs else made


@lru_cache
def _climbing(update: Any) -> Any:
    def climb(grads: Any, *arguments: Any, **named: Any) -> Any:
        return update(jax.tree.map(lambda g: -g, grads), *arguments, **named)

    return climb
