"""Training that ends while the loss still falls."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from thalweg.diagnosis.evidence import Evidence
from thalweg.diagnosis.rules.rule import Found, Rule


def _check(e: Evidence, at: Mapping[str, float]) -> Found | None:
    steps = e.epochs * e.number("run", "steps")
    loss, constant = e.train_loss, e.series("constant_loss")
    # Of few epochs the last one tells: what share it has in all that was gained over a constant.
    last = (loss[-2] - loss[-1]) / max(constant[0] - loss[-1], 1e-12) if len(loss) > 1 and constant.size else np.nan
    few = e.epochs < 4 and (steps < at["steps"] or last > at["last"])
    early = e.falling > at["falling"] or few
    far = e.falling > at["far"] or (few and last > at["last"])
    if not early or e.broken or not (e.suffers or far) or e.status == "stopped early":
        return None
    remedy, settings = "Train longer, and let early stopping find the end.", {"epochs": max(30, 5 * e.epochs)}
    if e.status == "interrupted":  # it had more epochs ahead of it
        remedy, settings = "It was interrupted; go on with: thalweg train --resume RUN.", {}
    return Found(
        "error" if e.suffers else "warning",
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
    thresholds={"falling": 0.1, "steps": 200, "last": 0.1, "far": 0.25},
    source="Prechelt, Early Stopping - But When? (1998); threshold: above those of all healthy runs",
    check=_check,
)
