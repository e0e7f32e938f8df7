"""How much of a difference between two runs is luck."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from thalweg.diagnosis.evidence import Evidence
from thalweg.diagnosis.rules.rule import Found, Rule


def _check(e: Evidence, at: Mapping[str, float]) -> Found | None:
    values = np.array([v for v in e.fact("seeds", "values", []) if v is not None and math.isfinite(v)])
    measure, of = e.fact("seeds", "measure"), e.fact("seeds", "of", "runs")
    if len(values) < 2 or not values.mean() > 0:
        return None
    deviation, constant = float(values.std(ddof=1)), e.number("seeds", "constant")
    gained = constant - float(values.mean())
    luck = 2 * math.sqrt(2) * deviation
    folds = e.fact("seeds", "folds")  # known where the networks are of one run, 0 without cross-validation
    judged, single = f"{len(values)} {of} reach a test {measure} of", "two single runs"
    if folds:
        judged = f"The {measure} on the fold that each of {len(values)} networks held out is"
        single = "two single runs tested on so few rows"
    remedy, settings = "Compare means over several seeds", {}
    if folds is None:  # else several networks answer together already
        remedy, settings = f"{remedy}, and let several networks answer together", {"members": max(5, len(values))}
    unsteady = gained > 0 and deviation > at["unsteady"] * gained
    return Found(
        "warning" if unsteady and len(values) >= at["runs"] else "note",
        0.6,
        f"{judged} {values.min():.4g} to {values.max():.4g}, mean "
        f"{values.mean():.4g}, deviation {deviation:.2g}: a difference below {luck:.2g} between {single} is "
        "within luck" + (f". That is much beside the {gained:.2g} gained over a constant answer." if unsteady else "."),
        f"{remedy}.",
        settings or None,
    )


RULE = Rule(
    cause="seed_spread",
    moment="after",
    depth=2,
    thresholds={"unsteady": 0.25, "runs": 3},
    source="Bouthillier et al., Accounting for Variance in Machine Learning Benchmarks (2021); Lakshminarayanan, "
    "Pritzel, Blundell, Simple and Scalable Predictive Uncertainty Estimation using Deep Ensembles (2017)",
    check=_check,
)
