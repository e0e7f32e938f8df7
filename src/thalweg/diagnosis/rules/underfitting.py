"""A result clearly worse than simple guesses reach, without a known cause."""

from __future__ import annotations

from collections.abc import Mapping

from thalweg.diagnosis.evidence import Evidence
from thalweg.diagnosis.rules.rule import Found, Rule, percent


def _check(e: Evidence, at: Mapping[str, float]) -> Found | None:
    if e.broken or not e.suffers or not e.skill < e.reachable - at["behind"]:
        return None
    return Found(
        "warning",
        0.5,
        f"The network explains {percent(e.skill)} on its own training rows, where neighbors or a linear fit explain "
        f"{e.reachable:.0%} of rows they have not seen.",
        "Train longer or with larger steps; if that does not help, with more units.",
        {"epochs": max(50, 4 * e.epochs)},
        symptoms=("underfitting",),
    )


RULE = Rule(
    cause="underfitting",
    moment="after",
    depth=2,
    thresholds={"behind": 0.1},
    source="Goodfellow, Bengio, Courville, Deep Learning (2016), section 5.2",
    check=_check,
)
