"""Too few units for the task."""

from __future__ import annotations

from collections.abc import Mapping

from thalweg.diagnosis.evidence import Evidence
from thalweg.diagnosis.rules.rule import Found, Rule, percent


def _check(e: Evidence, at: Mapping[str, float]) -> Found | None:
    widths = e.fact("network", "widths", [])
    if not widths or min(widths) > at["units"] or not e.suffers or e.broken:
        return None
    return Found(
        "error",
        0.75,
        f"The network is too small: a hidden layer has {min(widths)} unit{'s' if min(widths) > 1 else ''}, "
        f"through which all "
        f"must pass, and it explains {percent(e.skill)} where simple guesses reach {e.reachable:.0%}.",
        "Use wider layers.",
        {"hidden": (64, 64)},
        symptoms=("underfitting",),
    )


RULE = Rule(
    cause="capacity_too_small",
    moment="after",
    depth=1,
    thresholds={"units": 3},
    source="Goodfellow, Bengio, Courville, Deep Learning (2016), section 5.2",
    check=_check,
)
