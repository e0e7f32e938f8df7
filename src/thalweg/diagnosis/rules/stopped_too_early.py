"""Early stopping that ended a run which was still getting better."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from thalweg.diagnosis.evidence import Evidence
from thalweg.diagnosis.rules.rule import Found, Rule


def _check(e: Evidence, at: Mapping[str, float]) -> Found | None:
    held_out, constant = e.held_out_loss, e.series("constant_loss")
    if e.status != "stopped early" or e.epochs < 2 or e.broken or not np.isfinite(held_out).all():
        return None
    if e.settings.get("anneal"):  # patience ended with a fall of the step size, not with the run
        return None
    best, planned = int(held_out.argmin()), e.number("run", "epochs")
    top = constant[0] if constant.size and np.isfinite(constant[0]) else held_out[0]
    gained = max(top, held_out[0]) - held_out[best]
    rise = (held_out[-1] - held_out[best]) / max(gained, 1e-12)
    patience = e.settings.get("patience") or e.epochs - 1 - best
    # What one epoch differs from the next by chance: the bend of the curve, which a steady fall does not have.
    chance = np.median(np.abs(np.diff(held_out, 2))) / 2 if e.epochs >= 4 else abs(held_out[-1] - held_out[best])
    within = held_out[-1] - held_out[best] <= 2 * chance or rise < at["rise"]
    impatient = patience <= at["patience"] and (e.falling > at["falling"] or (e.epochs < 4 and e.suffers))
    decays = e.settings.get("schedule", "constant") not in ("constant", "plateau")
    far = decays and e.epochs < at["far"] * planned
    if not within or not (impatient or far):
        return None
    said = f"Training was stopped after epoch {e.epochs} of {planned:.0f}: held-out loss was least in epoch {best + 1} "
    said += f"and is {rise:.1%} of its gain above that, which is no more than chance"
    if impatient:
        said += f"; the patience is {patience:.0f} epoch{'s' if patience > 1 else ''} while the training loss falls"
    if far:
        said += "; the step size had most of its fall before it, where much of the gain is made"
    return Found(
        "warning" if e.suffers or (impatient and e.falling > 2 * at["falling"]) else "note",
        0.7 if e.suffers else 0.5,
        f"{said}.",
        "Have more patience: the best epoch is kept anyway.",
        {"patience": int(max(20, 4 * patience, planned if far else 0))},
        symptoms=("slow_convergence", "underfitting"),
        epoch=e.epochs,
    )


RULE = Rule(
    cause="stopped_too_early",
    moment="after",
    depth=1,
    thresholds={"rise": 0.02, "patience": 4, "falling": 0.1, "far": 0.5},
    source="Prechelt, Early Stopping - But When? (1998); Loshchilov, Hutter, SGDR (2017) for what the end of a "
    "schedule gives",
    check=_check,
)
