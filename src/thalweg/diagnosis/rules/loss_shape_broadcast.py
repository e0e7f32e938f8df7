"""A loss that compares every prediction with every target."""

from __future__ import annotations

from collections.abc import Mapping

from thalweg.diagnosis.evidence import Evidence
from thalweg.diagnosis.rules.rule import Found, Rule


def _check(e: Evidence, at: Mapping[str, float]) -> Found | None:
    pairing = e.number("loss", "pairing")
    if not pairing < at["pairing"] or not e.fact("loss", "finite", False):
        return None
    return Found(
        "error",
        0.95,
        "The loss stays the same when the targets of a minibatch change places: it compares every prediction "
        "with every "
        "target, and the best it can reach is one constant answer.",
        "Give predictions and targets one shape, (rows, outputs), so that they are compared row by row.",
        symptoms=("constant_output", "not_learning"),
    )


RULE = Rule(
    cause="loss_shape_broadcast",
    moment="before",
    depth=0,
    thresholds={"pairing": 0.0001},
    source="NumPy, user guide, Broadcasting; threshold: rounding of float32",
    check=_check,
)
