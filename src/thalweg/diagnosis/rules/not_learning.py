"""An answer no better than a constant, without a known cause."""

from __future__ import annotations

from collections.abc import Mapping

from thalweg.diagnosis.evidence import Evidence
from thalweg.diagnosis.rules.rule import Found, Rule, percent


def _check(e: Evidence, at: Mapping[str, float]) -> Found | None:
    if not (e.skill < at["skill"] or e.broken):
        return None
    spread = e.number("outcome", "answers_spread")
    return Found(
        "error",
        0.5,
        "Training left finite numbers."
        if e.broken
        else f"The network learned nothing: it avoids {percent(max(e.skill, -9.99))} of a constant answer's mistakes"
        + (f", and its answers are the same for every row (deviation {spread:.1%})." if spread < 0.02 else "."),
        "Start from smaller steps, scaled inputs and one hidden layer, and see whether it fits one minibatch.",
        {"learning_rate": 0.001, "hidden": (64,)},
        symptoms=("nan_or_inf",) if e.broken else ("not_learning", *(("constant_output",) if spread < 0.02 else ())),
    )


RULE = Rule(
    cause="not_learning",
    moment="after",
    depth=2,
    thresholds={"skill": 0.02},
    source="Cover, Thomas, Elements of Information Theory (2006), chapter 2, for the constant answer",
    check=_check,
)
