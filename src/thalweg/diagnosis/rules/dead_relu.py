"""Units that are switched off for every row."""

from __future__ import annotations

from collections.abc import Mapping

from thalweg.diagnosis.evidence import Evidence
from thalweg.diagnosis.rules.rule import Found, Rule


def _check(e: Evidence, at: Mapping[str, float]) -> Found | None:
    dead = e.by_layer("dead", slice(-1, None))
    worst = max(dead, key=lambda name: dead[name], default=None)
    if worst is None or worst == e.layers[-1] or not dead[worst] > at["dead"] or not e.suffers:
        return None
    return Found(
        "error",
        0.6,
        f"{dead[worst]:.0%} of the units of layer {worst} are dead: zero for every row, so that they cannot "
        f"learn any more.",
        "Use smaller steps, or an activation with a slope below zero such as 'gelu' or 'leaky_relu'.",
        {"activation": "gelu"},
        symptoms=("dead_relu",),
        layer=worst,
    )


RULE = Rule(
    cause="dead_relu",
    moment="during",
    depth=2,
    thresholds={"dead": 0.6},
    source="Lu, Shin, Su, Karniadakis, Dying ReLU and Initialization (2020); threshold: above those of all "
    "healthy runs",
    check=_check,
)
