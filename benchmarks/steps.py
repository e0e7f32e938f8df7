"""Step time of training against peers and against the BLAS limit."""

from __future__ import annotations

from statistics import median

from benchmarks.contenders import CONTENDERS, PEERS
from benchmarks.figures import duration, fastest, figures, ratios, spread, verdict
from benchmarks.nets import LEARNING_RATE, WORKS, Work
from benchmarks.rounds import Worker, take_turns
from benchmarks.table import table

EPOCHS = 3
"""Epochs before the clock starts; losses are compared after them."""


def measure(*, rounds: int, quick: bool) -> str:
    """Return the section's text."""
    works = [work.quick() if quick else work for work in WORKS.values()]
    results = [(work, take_turns(tuple(CONTENDERS), work, rounds=rounds, epochs=EPOCHS, quick=quick)) for work in works]
    versions = dict.fromkeys(part for _, workers in results for w in workers if (part := w.version))
    about = (
        f"Adam with step size {LEARNING_RATE:g}, float32, two threads unless it says one, equal starting weights. "
        "A step is a share of an epoch: shuffling, gathering minibatches, and what the library does at the end of one. "
        f"{rounds} rounds. The loss is computed alike for all, after {EPOCHS} epochs."
    )
    parts = [
        about,
        ", ".join(versions) + ".",
        table(
            [
                "net, batch",
                "fastest peer",
                "times as fast",
                "target",
                "reached",
                "of the BLAS limit",
                "target",
                "reached",
            ],
            [_summary(work, workers) for work, workers in results],
        ),
        *(_details(work, workers) for work, workers in results),
    ]
    return "\n\n".join(part.strip() for part in parts)


def _summary(work: Work, workers: list[Worker]) -> list[str]:
    head = f"{work.name}, {work.batch}"
    by_name = {worker.name: worker for worker in workers}
    own = by_name["thalweg"].seconds
    peer = fastest({name: by_name[name].seconds for name in PEERS})
    if peer is None or not own:
        return [head, *["not measured"] * 7]
    ahead = median(ratios(by_name[peer].seconds, own))
    cells = [head, by_name[peer].label, figures(ahead), f"≥ {work.peers:g}", verdict(ahead >= work.peers)]
    if work.blas is None or not by_name["blas"].seconds:
        return [*cells, "–", "–", "–"]
    share = median(ratios(by_name["blas"].seconds, own))
    return [*cells, figures(share), f"≥ {work.blas:g}", verdict(share >= work.blas)]


def _details(work: Work, workers: list[Worker]) -> str:
    own = next(worker for worker in workers if worker.name == "thalweg").seconds
    rows = [_row(worker, own) for worker in workers if work.blas is not None or worker.name != "blas"]
    head = f"### {work.name}, batch {work.batch}, {work.steps} steps an epoch"
    return head + "\n\n" + table(["", "step", "thalweg is × as fast", "smallest – largest", "loss"], rows)


def _row(worker: Worker, own: list[float]) -> list[str]:
    if worker.error or not worker.seconds:
        return [worker.label, f"not run: {worker.error}", "", "", ""]
    quotients = ratios(worker.seconds, own) if own else []
    loss = "" if worker.loss is None else f"{worker.loss:.4f}"
    compared = [figures(median(quotients)), spread(quotients)] if quotients else ["", ""]
    return [worker.label, duration(median(worker.seconds)), *compared, loss]
