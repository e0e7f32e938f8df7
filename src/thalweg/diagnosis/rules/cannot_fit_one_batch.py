"""A program that cannot learn a few rows by heart."""

from __future__ import annotations

from collections.abc import Mapping

from thalweg.diagnosis.evidence import Evidence
from thalweg.diagnosis.rules.rule import Found, Rule


def _check(e: Evidence, at: Mapping[str, float]) -> Found | None:
    floor, own, adam = (e.number("one_batch", name) for name in ("floor", "left_own", "left_adam"))
    rows, steps = e.number("one_batch", "rows"), e.number("one_batch", "steps")
    if not own > floor + at["left"]:
        return None
    said = f"The program cannot fit one minibatch: after {steps:.0f} steps on the same {rows:.0f} rows {own:.0%} of a "
    said += f"constant answer's error is left{f', where {floor:.0%} has to be' if floor > 0.005 else ''}"
    if adam > floor + at["left"]:
        return Found(
            "error",
            0.6,
            f"{said}, and {adam:.0%} with plain Adam. Network or loss stand in the way, not the amount of data.",
            "Look at network and loss before the data: activations, starting weights, what the output goes through. "
            "Begin with one wide hidden layer.",
            {"hidden": (128,), "activation": "relu", "initializer": "auto", "dropout": 0.0},
            symptoms=("underfitting", "not_learning"),
        )
    return Found(
        "error" if e.suffers else "warning",
        0.5,
        f"{said}; plain Adam leaves {adam:.0%}. The network can, its own optimizer cannot: look to step size and "
        "penalties.",
        "Use Adam with its usual step size and without penalties.",
        {"optimizer": "adam", "learning_rate": 0.001, "l1": 0.0, "l2": 0.0, "weight_decay": 0.0},
        symptoms=("slow_convergence",),
    )


RULE = Rule(
    cause="cannot_fit_one_batch",
    moment="during",
    depth=2,
    thresholds={"left": 0.2},
    source="Goodfellow, Bengio, Courville, Deep Learning (2016), section 11.5; Karpathy, A Recipe for Training Neural "
    "Networks (2019); threshold: above those of all healthy runs",
    check=_check,
)
