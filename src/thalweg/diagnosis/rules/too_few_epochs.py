"""Training that ends while the loss still falls."""

from __future__ import annotations

from collections.abc import Mapping

from thalweg.diagnosis.evidence import Evidence
from thalweg.diagnosis.rules.rule import Found, Rule


def _check(e: Evidence, at: Mapping[str, float]) -> Found | None:
    steps = e.epochs * e.number("run", "steps")
    early = e.falling > at["falling"] or (e.epochs < 4 and steps < at["steps"])
    if not early or e.broken or not e.suffers or e.status == "stopped early":
        return None
    remedy, settings = "Train longer, and let early stopping find the end.", {"epochs": max(30, 5 * e.epochs)}
    if e.status == "interrupted":  # it had more epochs ahead of it
        remedy, settings = "It was interrupted; go on with: thalweg train --resume RUN.", {}
    return Found(
        "error",
        0.7,
        f"Training ended too early: after {e.epochs} epochs ({steps:.0f} steps) the loss still falls"
        + (f", by {e.falling:.0%} of all its fall in the last quarter." if e.epochs >= 4 else "."),
        remedy,
        settings,
        symptoms=("slow_convergence",),
    )


RULE = Rule(
    cause="too_few_epochs",
    moment="after",
    depth=1,
    thresholds={"falling": 0.1, "steps": 200},
    source="Prechelt, Early Stopping - But When? (1998); threshold: above those of all healthy runs",
    check=_check,
)
