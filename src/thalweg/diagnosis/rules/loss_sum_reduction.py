"""A loss summed over the minibatch grows with its size, and so do the steps."""

from __future__ import annotations

from collections.abc import Mapping

from thalweg.diagnosis.evidence import Evidence
from thalweg.diagnosis.rules.rule import Found, Rule


def _check(e: Evidence, at: Mapping[str, float]) -> Found | None:
    doubled = e.number("loss", "doubled")
    if not doubled > at["doubled"]:
        return None
    size = e.fact("run", "batch_size")
    return Found(
        "error",
        0.95,
        f"The loss is a sum over the minibatch: twice the rows give {doubled:.2g} times the loss. Gradients are "
        f"{size} times those of a mean.",
        "Average the loss over the minibatch.",
        symptoms=("exploding_gradient",),
    )


RULE = Rule(
    cause="loss_sum_reduction",
    moment="before",
    depth=0,
    thresholds={"doubled": 1.5},
    source="Goodfellow, Bengio, Courville, Deep Learning (2016), section 8.1.3; threshold: half way between a "
    "mean and a sum",
    check=_check,
)
