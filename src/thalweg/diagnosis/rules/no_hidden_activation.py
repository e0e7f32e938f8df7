"""Layers without a nonlinearity between them are one linear layer."""

from __future__ import annotations

from collections.abc import Mapping

from thalweg.diagnosis.evidence import Evidence
from thalweg.diagnosis.rules.rule import Found, Rule


def _check(e: Evidence, at: Mapping[str, float]) -> Found | None:
    activations = e.fact("network", "activations", [])
    linear = [name for name, kind in zip(e.hidden, activations, strict=False) if kind == "identity"]
    if not linear:
        return None
    whole = len(linear) == len(activations)
    return Found(
        "error" if whole else "warning",
        0.95 if whole else 0.85,
        f"{'No' if whole else 'Not every'} hidden layer has a nonlinear activation (layer {', '.join(linear)}): "
        + ("the whole network is a linear model." if whole else "such a layer and the next one are one linear map."),
        "Put an activation behind every hidden layer.",
        {"activation": "relu"},
        symptoms=("underfitting",) if e.suffers else (),
        layer=linear[0],
    )


RULE = Rule(
    cause="no_hidden_activation",
    moment="before",
    depth=0,
    thresholds={},
    source="Goodfellow, Bengio, Courville, Deep Learning (2016), section 6.1",
    check=_check,
)
