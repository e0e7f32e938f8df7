"""Training loss falls while held-out loss rises."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from thalweg.diagnosis.evidence import Evidence
from thalweg.diagnosis.rules.rule import Found, Rule


def _check(e: Evidence, at: Mapping[str, float]) -> Found | None:
    held_out, train = e.held_out_loss, e.train_loss
    constant = e.series("constant_loss")
    if len(held_out) < 3 or not np.isfinite(held_out).all() or not constant.size:
        return None
    if e.status == "stopped early" or e.suffers:
        return None
    best = int(held_out.argmin())
    rise = (held_out[-1] - held_out[best]) / max(constant[0] - held_out[best], 1e-12)
    if best == len(held_out) - 1 or not rise > at["rise"] or not train[-1] < train[best]:
        return None
    kept = bool(e.settings.get("patience"))  # the best epoch is the result, although training went on
    remedy = "The best epoch is kept; to go further, regularize: dropout or weight decay, or fewer units."
    if not kept:
        remedy = "Stop at the best epoch, and regularize: early stopping, dropout or weight decay."
    return Found(
        "note" if kept or rise < at["much"] else "warning",
        0.8,
        f"The network overfits: held-out loss was least in epoch {best + 1} ({held_out[best]:.3g}) and rose to "
        f"{held_out[-1]:.3g}, while training loss fell to {train[-1]:.3g}.",
        remedy,
        {"dropout": 0.2} if kept else {"patience": 10, "dropout": 0.2},
        symptoms=("overfitting",),
        epoch=best + 1,
    )


RULE = Rule(
    cause="overfitting",
    moment="after",
    depth=1,
    thresholds={"rise": 0.3, "much": 0.5},
    source="Prechelt, Early Stopping - But When? (1998); thresholds: half of what was gained is lost "
    "again; notes: above those of nearly all healthy runs",
    check=_check,
)
