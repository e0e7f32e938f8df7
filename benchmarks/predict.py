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
    "model": "`Model.predict`, no encoder",
    "encoder": "`Model.predict`, rows of an array",
    "frame": "`Model.predict`, rows of a data frame",
    "estimator": "estimator's `predict`, rows of an array",
}
"""What predicts, as `benchmarks.predict_worker` knows it."""


def measure(*, rounds: int, quick: bool) -> str:
    """Return the section's text.

    Args:
        rounds: turns of each contender, each in a process of its own.
        quick: ten thousand rows for a million, and one net.
    """
    rows = 10_000 if quick else 1_000_000
    single, many = [], []
    for name in list(NETS)[: 1 if quick else None]:
        print(f"  predict: {name}", flush=True)
        turns = [
            {who: worker_answer("benchmarks.predict_worker", name, who, rows) for who in ("blas", *WAYS)}
            for _ in range(rounds)
        ]
        limit = [turn["blas"]["many"] for turn in turns]
        for way, title in WAYS.items():
            ones, whole = ([turn[way][kind] for turn in turns] for kind in ("one", "many"))
            shares = ratios(limit, whole)
            within = median(ones) <= ROW
            single.append([f"{name}, {title}", duration(median(ones)), "≤ 100 µs", verdict(within)])
            reached = [f"≥ {SHARE:g}", verdict(median(shares) >= SHARE)]
            many.append(
                [f"{name}, {title}", duration(median(whole)), figures(median(shares)), spread(shares), *reached]
            )
    text = (
        f"ReLU networks, float32, two threads, each contender in a process of its own; medians of {rounds} turns. One "
        "row: an array (1, d) or a frame of one row, again and again, from the user's row to the answer in the "
        f"user's units. Many rows: {rows} at once. The BLAS limit is the time that NumPy's matrix products of the same "
        "shapes take, 4096 rows at a time, into arrays that exist already: no biases, no activations, no answers."
    )
    return "\n\n".join(
        (
            text,
            table(["one row", "time", "target", "reached"], single).strip(),
            table(["many rows", "time", "of the BLAS limit", "smallest – largest", "target", "reached"], many).strip(),
        )
    )
