"""Training that rests where the loss still bends down along some direction."""

from __future__ import annotations

from collections.abc import Mapping

from thalweg.diagnosis.evidence import Evidence
from thalweg.diagnosis.rules.rule import Found, Rule
from thalweg.diagnosis.rules.stationary import SOURCE, THRESHOLDS, resting_place, told


def _check(e: Evidence, at: Mapping[str, float]) -> Found | None:
    if resting_place(e, at) != "saddle":
        return None
    plain = e.settings.get("optimizer") in ("sgd", "momentum", "nesterov")
    return Found(
        "error",
        0.6,
        f"Training rests near a saddle, not a minimum: {told(e)}. Along that direction the loss could still fall.",
        "Leave it by an adaptive method, whose steps do not shrink with the gradient, or by the noise of smaller "
        "minibatches.",
        {"optimizer": "adam", "learning_rate": 0.001} if plain else {"batch_size": 32},
        symptoms=("not_learning", "slow_convergence"),
        epoch=e.epochs,
    )


RULE = Rule(
    cause="saddle_point",
    moment="during",
    depth=2,
    thresholds=THRESHOLDS,
    source=SOURCE,
    check=_check,
)
