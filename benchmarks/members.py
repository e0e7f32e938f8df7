"""Many networks at once: 32 members of 30-128-128-2 against PyTorch's batched products, and one after another."""

from __future__ import annotations

import os
from statistics import median

from benchmarks.commands import worker_answer
from benchmarks.figures import duration, figures, ratios, spread, verdict
from benchmarks.table import table

MEMBERS, BATCH, WIDTHS = 32, 128, (30, 128, 128, 2)
STEPS = 32
"""Minibatches an epoch."""

TARGET = 0.35
"""Of the time of PyTorch's batched products."""

PEERS = {
    "baddbmm": "PyTorch, `baddbmm` over stacked weights, fused Adam",
    "vmap": "PyTorch, `torch.func.vmap`, fused Adam",
}
CONTENDERS = {"thalweg": "thalweg, `train_members`", "turns": "thalweg, one network after another", **PEERS}


def measure(*, rounds: int, quick: bool) -> str:
    """Return the section's text.

    Args:
        rounds: turns of each contender, each in a process of its own.
        quick: one turn of few steps.
    """
    parts, rows = [], []
    for threads in (2, 1):
        turns = []
        for number in range(1 if quick else rounds):
            print(f"  members: {threads} threads, turn {number + 1}", flush=True)
            turns.append(
                {who: worker_answer("benchmarks.members_worker", who, threads, 1 if quick else 2) for who in CONTENDERS}
            )
        for clock, words in (("wall", "time"), ("processor", "processor time")):
            own = [turn["thalweg"][clock] for turn in turns]
            for who, title in CONTENDERS.items():
                theirs = [turn[who][clock] for turn in turns]
                quotients = ratios(own, theirs)
                goal = who in PEERS
                rows.append(
                    [
                        f"{title}, {threads} thread{'s' if threads > 1 else ''}",
                        words,
                        duration(median(theirs)),
                        "" if who == "thalweg" else figures(median(quotients)),
                        "" if who == "thalweg" else spread(quotients),
                        f"≤ {TARGET:g}" if goal else "",
                        verdict(median(quotients) <= TARGET) if goal else "",
                    ]
                )
    parts.append(
        f"{MEMBERS} networks {'-'.join(map(str, WIDTHS))}, minibatches of {BATCH} rows, Adam, float32, the same "
        "minibatches for all members. A step advances all members. PyTorch stacks weights and moments: one product and "
        f"one update for all. Medians of {1 if quick else rounds} turns of each, each in a process of its own, the "
        "fastest of its epochs. Processor time counts all threads, and tells more than time does on a machine that "
        "others use as well; threads of PyTorch that wait for each other spend it too, so that only the rows of one "
        f"thread compare fairly there. The system's load was {os.getloadavg()[1]:.0f} on two cores."
    )
    head = ["", "clock", "step of all members", "thalweg's share of it", "smallest – largest", "target", "reached"]
    parts.append(table(head, rows).strip())
    return "\n\n".join(parts)
