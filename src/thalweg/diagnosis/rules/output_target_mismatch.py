"""An output activation that cannot reach the targets."""

from __future__ import annotations

import math
from collections.abc import Mapping

from thalweg.diagnosis.evidence import Evidence
from thalweg.diagnosis.rules.rule import Found, Rule

_RANGES = {
    "sigmoid": (0.0, 1.0),
    "softmax": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "softsign": (-1.0, 1.0),
    "relu": (0.0, math.inf),
    "softplus": (0.0, math.inf),
}


def _check(e: Evidence, at: Mapping[str, float]) -> Found | None:
    activations = e.fact("network", "output_activations", [])
    low, high = e.number("targets", "low"), e.number("targets", "high")
    if not activations or e.fact("network", "outputs_mean") != "numbers" or activations[-1] not in _RANGES:
        return None
    least, most = _RANGES[activations[-1]]
    missed = max(least - low, high - most) / max(high - low, 1e-12)
    if not missed > at["outside"]:
        return None
    return Found(
        "error",
        0.95,
        f"The output goes through {activations[-1]}, which gives numbers from {least:g} to {most:g}, but the "
        f"targets go "
        f"from {low:g} to {high:g}.",
        "Let the network end in its linear layer, or scale the targets into that range.",
        symptoms=("output_target_mismatch", "saturation", "underfitting"),
    )


RULE = Rule(
    cause="output_target_mismatch",
    moment="before",
    depth=0,
    thresholds={"outside": 0.02},
    source="Bishop, Pattern Recognition and Machine Learning (2006), section 5.2; threshold: rounding at the "
    "border of the range",
    check=_check,
)
