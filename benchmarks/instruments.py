"""What measuring costs: epochs with instruments against epochs without, in turns within one process."""

from __future__ import annotations

import time
from statistics import median
from typing import Any, NamedTuple

import jax

from benchmarks.figures import duration, figures, ratios, spread, verdict
from benchmarks.nets import LEARNING_RATE, WORKS, data
from benchmarks.table import table
from thalweg.data.batches import ArrayBatches
from thalweg.diagnosis import Instruments
from thalweg.likelihoods import make_likelihood
from thalweg.network import dense_network
from thalweg.optimizers import make_optimizer
from thalweg.training import Hook, train

WORK = WORKS["784-512-10"]
EPOCHS = 4
"""Of a turn; the first one, which starts the program, is not counted."""


class Form(NamedTuple):
    """A choice of instruments, how often they measure, and the most it may cost."""

    label: str
    instruments: str
    every: int
    target: float | None


class Turn(NamedTuple):
    """Seconds of an epoch, on the wall and of processors."""

    wall: float
    spent: float


class Clock(Hook):
    """Times every epoch, from its first step until its line of the log."""

    def __init__(self) -> None:
        self.epochs: list[Turn] = []

    def on_epoch_start(self, epoch: int) -> None:
        self.began = time.perf_counter(), time.process_time()

    def on_epoch_end(self, row: dict[str, Any]) -> None:
        self.epochs.append(Turn(time.perf_counter() - self.began[0], time.process_time() - self.began[1]))


FORMS = (
    Form("the cheap ones, every step", "cheap", 1, 1.05),
    Form("the cheap ones, every 16th step", "cheap", 16, None),
    Form("per-example variance, every step", "gradient_noise", 1, 1.5),
    Form("all of examples, every step", "examples", 1, None),
    Form("position along the step, every 16th", "position", 16, None),
    Form("Hessian, every 16th step", "hessian", 16, None),
    Form("everything, every 16th step", "all", 16, 1.5),
)


def measure(*, rounds: int, quick: bool) -> str:
    """Return the section's text."""
    work = WORK.quick() if quick else WORK
    x, y = data(work)
    network = dense_network(work.widths[0], work.widths[1:-1], work.widths[-1])
    batches = ArrayBatches(x, y, work.batch)
    params = network.init(jax.random.key(0))
    adam = make_optimizer(
        "adam", learning_rate=LEARNING_RATE, total_steps=EPOCHS * work.steps, steps_per_epoch=work.steps
    )

    def turn(form: Form | None) -> Turn:
        clock = Clock()
        hooks = [clock] if form is None else [clock, Instruments(form.instruments, every=form.every)]
        settings: dict[str, Any] = {"epochs": EPOCHS, "params": params, "hooks": hooks}
        train(network, make_likelihood("categorical"), batches, adam, **settings)
        return Turn(*(median(times[1:]) for times in zip(*clock.epochs, strict=True)))

    for form in (None, *FORMS):
        print(f"  instruments: {'untracked' if form is None else form.label} warms up", flush=True)
        turn(form)
    pairs: dict[Form, list[tuple[Turn, Turn]]] = {form: [] for form in FORMS}
    for number in range(rounds):
        for form in FORMS[:: 1 if number % 2 == 0 else -1]:
            # Each beside an untracked turn of its own: what else the machine does changes within seconds.
            pairs[form].append((turn(form), turn(None)))
    plain = median(untracked.wall for pair in pairs.values() for _, untracked in pair)
    about = (
        f"{work.name}, batch {work.batch}, Adam, {work.steps} steps an epoch: time of an epoch's steps with "
        f"instruments, and of the summary at its end, to that of the same epoch without. {rounds} rounds; a turn is "
        f"the median of {EPOCHS - 1} epochs, and stands beside an untracked one. Processor time is that of all "
        f"threads: it hardly minds other work on the machine, and decides here. Untracked, a step takes "
        f"{duration(plain / work.steps)}."
    )
    rows = []
    for form in FORMS:
        tracked, untracked = zip(*pairs[form], strict=True)
        spent = ratios([t.spent for t in tracked], [t.spent for t in untracked])
        wall = ratios([t.wall for t in tracked], [t.wall for t in untracked])
        cost = median(spent)
        target = ("", "") if form.target is None else (f"≤ {form.target:g}", verdict(cost <= form.target))
        rows.append([form.label, figures(cost), spread(spent), figures(median(wall)), spread(wall), *target])
    head = ["", "processor time", "smallest – largest", "time", "smallest – largest", "target", "reached"]
    return f"{about}\n\n{table(head, rows).strip()}"
