"""Training that rests where hardly any gradient reaches the first layers."""

from __future__ import annotations

from collections.abc import Mapping

from thalweg.diagnosis.evidence import Evidence
from thalweg.diagnosis.rules.rule import Found, Rule
from thalweg.diagnosis.rules.stationary import SOURCE, THRESHOLDS, first_share, resting_place, told


def _check(e: Evidence, at: Mapping[str, float]) -> Found | None:
    if resting_place(e, at) != "plateau":
        return None
    return Found(
        "error",
        0.6,
        f"Training rests on a plateau: gradients of the first layer are {first_share(e):.1e} times those of the last, "
        f"so that nothing moves ({told(e)}).",
        "Make gradients pass: an activation that does not saturate, its initializer, and normalization.",
        {"activation": "relu", "initializer": "auto", "normalization": "layer"},
        symptoms=("vanishing_gradient", "not_learning"),
        epoch=e.epochs,
    )


RULE = Rule(
    cause="plateau",
    moment="during",
    depth=2,
    thresholds=THRESHOLDS,
    source=SOURCE,
    check=_check,
)
