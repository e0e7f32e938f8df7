"""One class holds nearly all rows."""

from __future__ import annotations

from collections.abc import Mapping

from thalweg.diagnosis.evidence import Evidence
from thalweg.diagnosis.rules.rule import Found, Rule


def _check(e: Evidence, at: Mapping[str, float]) -> Found | None:
    share, answered = e.number("targets", "largest_share"), e.number("outcome", "classes_answered")
    if e.fact("targets", "kind") not in ("classes", "ordered") or not share > at["share"] or not answered <= 1:
        return None
    return Found(
        "warning",
        0.75,
        f"One class holds {share:.1%} of the rows, and the network answers nothing else.",
        "Weigh the classes, and judge by a cost matrix or the area under the curve rather than by mistakes.",
        {"class_weight": "balanced"},
        symptoms=("constant_output",),
    )


RULE = Rule(
    cause="class_imbalance",
    moment="before",
    depth=1,
    thresholds={"share": 0.95},
    source="He, Garcia, Learning from Imbalanced Data (2009); threshold: accuracy of the constant answer",
    check=_check,
)
