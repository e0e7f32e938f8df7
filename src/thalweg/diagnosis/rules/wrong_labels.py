"""Targets that have nothing to do with their rows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from thalweg.diagnosis.evidence import Evidence
from thalweg.diagnosis.rules.rule import Found, Rule


def _check(e: Evidence, at: Mapping[str, float]) -> Found | None:
    group = "seen" if e.facts.get("seen", {}).get("sigmas") is not None else "dependence"
    sigmas = e.number(group, "sigmas")
    constant, held_out = e.series("constant_loss"), e.held_out_loss
    generalizes = (
        constant.size and held_out.size and np.median(held_out[-max(1, len(held_out) // 4) :]) < 0.97 * constant[0]
    )
    if not sigmas < at["sigmas"] or e.number(group, "rows") < at["rows"] or generalizes:
        return None
    aligned = e.number("dependence", "sigmas") > 2 * at["sigmas"]
    return Found(
        "error",
        0.95 if aligned else 0.85,
        "The targets do not depend on the inputs "
        + ("in the minibatches that training sees, though they do in the stored rows. " if aligned else "")
        + f": neither a row's neighbors nor a linear fit tell its target better than shuffled targets would "
        f"({sigmas:.1f} "
        "standard deviations).",
        "Check that rows and targets belong together: were they shuffled, sorted or joined apart?",
        symptoms=("not_learning", "wrong_labels"),
    )


RULE = Rule(
    cause="wrong_labels",
    moment="before",
    depth=1,
    thresholds={"sigmas": 4.0, "rows": 50},
    source="Good, Permutation, Parametric and Bootstrap Tests of Hypotheses (2005); Zhang et al., Understanding "
    "deep learning requires rethinking generalization (2017)",
    check=_check,
)
