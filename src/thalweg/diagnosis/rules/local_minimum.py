"""Training that has arrived, at a loss that is too high."""

from __future__ import annotations

from collections.abc import Mapping

from thalweg.diagnosis.evidence import Evidence
from thalweg.diagnosis.rules.rule import Found, Rule
from thalweg.diagnosis.rules.stationary import SOURCE, THRESHOLDS, resting_place, told


def _check(e: Evidence, at: Mapping[str, float]) -> Found | None:
    if resting_place(e, at) != "minimum":
        return None
    return Found(
        "warning",
        0.5,
        f"Training has arrived at a minimum whose loss is too high: {told(e)}. More epochs will not help: this "
        "network, from this start, has no better answer nearby.",
        "Use more units, or less of what holds the weights down; another start (--seed) tells whether it is bad luck.",
        {"hidden": (128, 128), "dropout": 0.0, "l1": 0.0, "l2": 0.0},
        symptoms=("underfitting",),
        epoch=e.epochs,
    )


RULE = Rule(
    cause="local_minimum",
    moment="during",
    depth=2,
    thresholds=THRESHOLDS,
    source=SOURCE,
    check=_check,
)
