"""Minibatches so small that steps are mostly noise."""

from __future__ import annotations

from collections.abc import Mapping

from thalweg.diagnosis.evidence import Evidence
from thalweg.diagnosis.rules.rule import Found, Rule


def _check(e: Evidence, at: Mapping[str, float]) -> Found | None:
    size = e.number("run", "batch_size")
    # Steps of one row point anywhere: where they stay long, the weights wander for good.
    wanders = size <= at["single"] and max(e.by_layer("update_ratio").values(), default=0.0) > at["ratio"]
    noisy = e.suffers or e.roughness > at["rough"] or wanders
    if not size <= at["rows"] or e.number("run", "rows") < 10 * size or not noisy:
        return None
    return Found(
        "error" if e.suffers else "warning",
        0.75,
        f"Minibatches of {size:.0f} row{'s' if size > 1 else ''} give steps that are mostly noise.",
        "Use larger minibatches.",
        {"batch_size": 32},
        symptoms=("oscillating_loss",),
    )


RULE = Rule(
    cause="batch_size_too_small",
    moment="during",
    depth=1,
    thresholds={"rows": 4, "rough": 0.03, "single": 2, "ratio": 3e-3},
    source="McCandlish et al., An Empirical Model of Large-Batch Training (2018)",
    check=_check,
)
