"""More plain layers than the error vectors survive."""

from __future__ import annotations

from collections.abc import Mapping

from thalweg.diagnosis.evidence import Evidence
from thalweg.diagnosis.rules.rule import Found, Rule


def _check(e: Evidence, at: Mapping[str, float]) -> Found | None:
    depth = len(set(e.levels[:-1]))
    if depth < at["layers"] or e.fact("network", "residual", False) or not e.suffers:
        return None
    errors = e.by_layer("error_rms")
    first, last = errors.get(e.hidden[0], float("nan")), errors.get(e.hidden[-1], float("nan"))
    if not (first < at["fall"] * last or last < at["fall"] * first or e.skill < 0.02):
        return None
    return Found(
        "error",
        0.75,
        f"{depth} plain hidden layers are too many: error vectors of the first are "
        f"{first / max(last, 1e-30):.1e} times those "
        "of the last, and the network learns next to nothing.",
        "Use fewer layers, or residual blocks with normalization.",
        {"residual": True, "normalization": "layer"},
        symptoms=("vanishing_gradient", "not_learning"),
    )


RULE = Rule(
    cause="too_deep",
    moment="during",
    depth=1,
    thresholds={"layers": 12, "fall": 0.001},
    source="He et al., Deep Residual Learning for Image Recognition (2016); Lu, Shin, Su, Karniadakis, Dying "
    "ReLU and Initialization (2020)",
    check=_check,
)
