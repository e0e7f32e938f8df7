"""A loss that belongs to another kind of target."""

from __future__ import annotations

from collections.abc import Mapping

from thalweg.diagnosis.evidence import Evidence
from thalweg.diagnosis.rules.rule import Found, Rule


def _check(e: Evidence, at: Mapping[str, float]) -> Found | None:
    name = e.fact("run", "likelihood")
    if e.fact("loss", "best_is_truth") is False:
        return Found(
            "error",
            0.97,
            f"The loss {name!r} is not least where the output equals the target: less of it does not mean "
            f"better answers.",
            "For numbers use the likelihood 'gaussian' (squared error).",
            {"likelihood": "gaussian"},
            symptoms=("loss_metric_disagreement", "not_learning"),
        )
    coded = e.fact("targets", "one_hot", False) and e.fact("targets", "kind") == "numbers"
    if not coded or e.number("targets", "distinct") > at["distinct"]:
        return None
    return Found(
        "error" if e.suffers else "warning",
        0.8,
        f"The targets are classes coded as zeros and ones, but the loss {name!r} is one for numbers: where the "
        f"output is "
        "far off, its gradient vanishes with the output's slope.",
        "Use the likelihood of classes: 'categorical', or 'bernoulli' for two.",
        {"likelihood": "categorical"},
        symptoms=("slow_convergence", "loss_activation_mismatch"),
    )


RULE = Rule(
    cause="wrong_loss_for_task",
    moment="before",
    depth=0,
    thresholds={"distinct": 2},
    source="Bishop, Pattern Recognition and Machine Learning (2006), section 5.2",
    check=_check,
)
