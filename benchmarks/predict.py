"""Prediction: one row at a time in a loop, and a million at once against the bare matrix products."""

from __future__ import annotations

from statistics import median

from benchmarks.commands import worker_answer
from benchmarks.figures import duration, figures, ratios, spread, verdict
from benchmarks.table import table

NETS = {"30-128-128-2": (30, 128, 128, 2), "8-256-256-256-1": (8, 256, 256, 256, 1)}
"""Two outputs are logits of classes, one is a mean."""

ROW, SHARE = 100e-6, 0.7
"""Targets: seconds for one row, and the share of the BLAS limit for many."""

WAYS = {
    "model": "`Model`, no encoder",
    "encoder": "`Model`, rows of an array",
    "frame": "`Model`, rows of a data frame",
    "estimator": "estimator, rows of an array",
    "recipe": "estimator by default",
}
"""What predicts, as `benchmarks.predict_worker` knows it. The default recipe has a network of its own, no matter which
the title names: the inputs and the task are the same."""


def measure(*, rounds: int, quick: bool) -> str:
    """Return the section's text.

    Args:
        rounds: turns of each contender, each in a process of its own.
        quick: ten thousand rows for a million, and one net.
    """
    rows = 10_000 if quick else 1_000_000
    single, many = [], []
    for name in list(NETS)[: 1 if quick else None]:
        for way, title in WAYS.items():
            print(f"  predict: {name}, {way}", flush=True)
            turns = [
                [worker_answer("benchmarks.predict_worker", name, way, rows, *more) for more in ((), ("blas",))]
                for _ in range(rounds)
            ]
            one = median(own["one"] for own, _ in turns)
            whole, limit = ([turn[i]["many"] for turn in turns] for i in (0, 1))
            shares = ratios(limit, whole)
            single.append([f"{name}, {title}", duration(one), "≤ 100 µs", verdict(one <= ROW)])
            share, reached = median(shares), verdict(median(shares) >= SHARE)
            cells = [duration(median(whole)), figures(share), spread(shares), f"≥ {SHARE:g}", reached]
            many.append([f"{name}, {title}", *cells])
    text = (
        f"ReLU networks, float32, two threads, each contender in a process of its own; medians of {rounds} turns. The "
        "estimator by default has the network of its recipe in place of the one named. One row: an array (1, d) or a "
        "frame of one row, again and again, from the user's row to the answer in the user's units. Many rows: "
        f"{rows} at once. The BLAS limit is the time that NumPy takes for the matrix products of the same network, "
        "4096 rows at a time, into arrays that exist already: no biases, no activations, no encoding, no answers."
    )
    return "\n\n".join(
        (
            text,
            table(["one row", "time", "target", "reached"], single).strip(),
            table(["many rows", "time", "of the BLAS limit", "smallest – largest", "target", "reached"], many).strip(),
        )
    )
