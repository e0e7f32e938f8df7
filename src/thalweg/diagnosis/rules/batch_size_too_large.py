"""Minibatches so large that too few steps are made."""

from __future__ import annotations

from collections.abc import Mapping

from thalweg.diagnosis.evidence import Evidence
from thalweg.diagnosis.rules.rule import Found, Rule


def _check(e: Evidence, at: Mapping[str, float]) -> Found | None:
    share = e.number("run", "batch_size") / max(e.number("run", "rows"), 1.0)
    steps = e.epochs * e.number("run", "steps")
    falls = e.falling > at["falling"] and (e.suffers or e.falling > at["far"])
    if not (share >= at["share"] and steps < at["steps"] and falls) or e.broken:
        return None
    return Found(
        "error" if e.suffers else "warning",
        0.8,
        f"Minibatches of {e.number('run', 'batch_size'):.0f} rows leave {steps:.0f} steps in all, and the loss "
        f"still falls.",
        "Use smaller minibatches: more steps for the same work.",
        {"batch_size": 32},
        symptoms=("slow_convergence",),
    )


RULE = Rule(
    cause="batch_size_too_large",
    moment="after",
    depth=1,
    thresholds={"share": 0.5, "steps": 150, "falling": 0.02, "far": 0.1},
    source="Keskar et al., On Large-Batch Training for Deep Learning (2017)",
    check=_check,
)
