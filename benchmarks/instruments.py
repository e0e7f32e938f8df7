"""What measuring costs: epochs with instruments against epochs without, in turns within one process."""

from __future__ import annotations

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
from thalweg.training import train

WORK = WORKS["784-512-10"]
EPOCHS = 4
"""Of a turn; the first one, which starts the program, is not counted."""


class Form(NamedTuple):
    """A choice of instruments, how often they measure, and the most it may cost."""

    label: str
    instruments: str
    every: int
    target: float | None


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

    def turn(form: Form | None) -> float:
        hooks = [] if form is None else [Instruments(form.instruments, every=form.every)]
        settings: dict[str, Any] = {"epochs": EPOCHS, "params": params, "hooks": hooks}
        trained = train(network, make_likelihood("categorical"), batches, adam, **settings)
        return median(row["seconds"] for row in trained.history[1:])

    forms = (None, *FORMS)
    for form in forms:
        print(f"  instruments: {'untracked' if form is None else form.label} warms up", flush=True)
        turn(form)
    seconds: dict[Form | None, list[float]] = {form: [] for form in forms}
    for number in range(rounds):
        for form in forms[:: 1 if number % 2 == 0 else -1]:
            seconds[form].append(turn(form))
    plain = seconds[None]
    about = (
        f"{work.name}, batch {work.batch}, Adam, {work.steps} steps an epoch: time of an epoch's steps with "
        f"instruments, and of the summary at its end, to that of the same epoch without. {rounds} rounds; a turn is "
        f"the median of {EPOCHS - 1} epochs. Untracked, a step takes {duration(median(plain) / work.steps)}."
    )
    rows = []
    for form in FORMS:
        quotients = ratios(seconds[form], plain)
        cost = median(quotients)
        target = ("", "") if form.target is None else (f"≤ {form.target:g}", verdict(cost <= form.target))
        rows.append([form.label, figures(cost), spread(quotients), *target])
    head = ["", "tracked to untracked", "smallest – largest", "target", "reached"]
    return f"{about}\n\n{table(head, rows).strip()}"
