"""An input that is the target."""

from __future__ import annotations

from collections.abc import Mapping

from thalweg.diagnosis.evidence import Evidence
from thalweg.diagnosis.rules.rule import Found, Rule


def _check(e: Evidence, at: Mapping[str, float]) -> Found | None:
    twin = e.fact("dependence", "twin")
    if twin is None:
        return None
    return Found(
        "warning",
        0.9,
        f"Input column {twin} is a target up to shift and scale, or has one number for each class: the answer is among "
        "the inputs.",
        "Leave that column out, unless it will be known when the network is used.",
    )


RULE = Rule(
    cause="leakage",
    moment="before",
    depth=0,
    thresholds={},
    source="Kaufman et al., Leakage in Data Mining (2012)",
    check=_check,
)
