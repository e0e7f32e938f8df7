"""Held-out rows that contradict a confident answer."""

from __future__ import annotations

from collections.abc import Mapping

from thalweg.diagnosis.evidence import Evidence
from thalweg.diagnosis.rules.rule import Found, Rule

_SHOWN = 5


def _check(e: Evidence, at: Mapping[str, float]) -> Found | None:
    suspects, of = e.fact("suspects", "rows", []), e.number("suspects", "of")
    if not suspects or not of > 0 or e.suffers:  # what a bad network is sure of says nothing
        return None
    count = e.number("suspects", "count")
    shown = "; ".join(
        f"row {one['row']} of {one['part']} is {one['given']}, likely {one['likely']}" for one in suspects[:_SHOWN]
    )
    return Found(
        "warning" if count > at["share"] * of else "note",
        0.5,
        f"{count:.0f} of {of:.0f} rows that training did not see ({count / of:.1%}) have another target than the "
        f"network is sure of, most of all: {shown}. The file suspects.csv in the run folder has them all.",
        "Look at these rows: are their targets right? Cross-validation (--cv) holds out every row in turn.",
        symptoms=("wrong_labels",),
    )


RULE = Rule(
    cause="wrong_label_suspects",
    moment="after",
    depth=2,
    thresholds={"share": 0.1},
    source="Northcutt, Jiang, Chuang, Confident Learning: Estimating Uncertainty in Dataset Labels (2021); "
    "odds: Kass, Raftery, Bayes Factors (1995)",
    check=_check,
)
