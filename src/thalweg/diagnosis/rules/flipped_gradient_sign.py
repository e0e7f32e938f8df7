"""Steps that climb the loss."""

from __future__ import annotations

from collections.abc import Mapping

from thalweg.diagnosis.evidence import Evidence
from thalweg.diagnosis.rules.rule import Found, Rule


def _check(e: Evidence, at: Mapping[str, float]) -> Found | None:
    aligned = e.by_layer("alignment", slice(0, 3))
    if not aligned or not max(aligned.values()) < at["alignment"]:
        return None
    loss = e.train_loss
    return Found(
        "error",
        0.97,
        "Every layer's steps go up its gradient: their cosine with the descent direction is "
        f"{max(aligned.values()):.2f} at most."
        + (f" The training loss went from {loss[0]:.3g} to {loss[-1]:.3g}." if loss.size else ""),
        "Change the sign of the update: it is to be subtracted.",
        symptoms=("diverging_loss", "not_learning"),
        epoch=1,
    )


RULE = Rule(
    cause="flipped_gradient_sign",
    moment="during",
    depth=0,
    thresholds={"alignment": -0.1},
    source="Baydin et al., Online Learning Rate Adaptation with Hypergradient Descent (2018), for the product "
    "of step and gradient",
    check=_check,
)
