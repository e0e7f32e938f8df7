"""A penalty that outweighs the data."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from thalweg.diagnosis.evidence import Evidence
from thalweg.diagnosis.rules.rule import Found, Rule


def _check(e: Evidence, at: Mapping[str, float]) -> Found | None:
    penalties = {name: e.settings.get(name) or 0.0 for name in ("l1", "l2", "weight_decay")}
    name = max(penalties, key=lambda key: penalties[key])
    # Weights that the first steps threw far away come back by a penalty that need not be strong.
    early = e.by_layer("distance_from_start", slice(0, 1))
    sizes = [e.series("weight_rms", layer) for layer in e.layers if not early.get(layer, 0.0) > at["thrown"]]
    ratios = [s[-1] / s[0] for s in sizes if s.size and s[0] > 0]
    shrunk = np.median(ratios) if ratios else np.nan
    dropout = e.number("network", "dropout")
    weak = e.skill < e.reachable - 0.03 or e.skill < 0.02
    if penalties[name] > 0 and shrunk < at["shrunk"] and weak:
        return Found(
            "error" if e.suffers else "warning",
            0.85,
            f"The penalty outweighs the data: with {name} = {penalties[name]:g} the weights shrank to "
            f"{shrunk:.0%} of their "
            "first size, and the network fits worse than simple guesses do.",
            "Make the penalty a hundred times smaller.",
            {name: penalties[name] / 100},
            symptoms=("underfitting",),
        )
    if dropout > at["dropout"] and weak:
        return Found(
            "error" if e.suffers else "warning",
            0.75,
            f"Dropout of {dropout:.0%} leaves too little of the network: it fits worse than simple guesses do.",
            "Use less dropout.",
            {"dropout": 0.1},
            symptoms=("underfitting",),
        )
    return None


RULE = Rule(
    cause="over_regularized",
    moment="during",
    depth=1,
    thresholds={"shrunk": 0.6, "dropout": 0.6, "thrown": 5.0},
    source="Hastie, Tibshirani, Friedman, The Elements of Statistical Learning (2009), section 11.5.2",
    check=_check,
)
