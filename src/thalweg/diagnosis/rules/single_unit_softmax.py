"""A softmax over one output is 1 whatever happens."""

from __future__ import annotations

from collections.abc import Mapping

from thalweg.diagnosis.evidence import Evidence
from thalweg.diagnosis.rules.rule import Found, Rule


def _check(e: Evidence, at: Mapping[str, float]) -> Found | None:
    if "softmax" not in e.fact("network", "output_activations", []) or e.fact("network", "outputs") != 1:
        return None
    return Found(
        "error",
        1.0,
        "The network ends in a softmax over one unit: its output is 1 for every row, and no gradient passes it.",
        "Leave the softmax out; for two classes use one output with the likelihood 'bernoulli'.",
        symptoms=("constant_output", "vanishing_gradient", "not_learning"),
    )


RULE = Rule(
    cause="single_unit_softmax",
    moment="before",
    depth=0,
    thresholds={},
    source="Goodfellow, Bengio, Courville, Deep Learning (2016), section 6.2.2.3",
    check=_check,
)
