"""Steps that are mostly noise: minibatches far smaller than the gradient's noise scale."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from thalweg.diagnosis.evidence import Evidence
from thalweg.diagnosis.rules.rule import Found, Rule


def _check(e: Evidence, at: Mapping[str, float]) -> Found | None:
    size, rows, scale = e.number("run", "batch_size"), e.number("run", "rows"), e.late("noise_scale")
    if e.broken or not size < rows / 2 or not scale > at["scales"] * size:
        return None
    # At the end of every good run noise prevails, and a falling step size averages it out. It does harm where steps
    # stay large: the loss jumps about, and no longer falls.
    falls = e.settings.get("schedule", "constant") != "constant" or bool(e.settings.get("anneal"))
    jumps = e.roughness > at["rough"]
    if not (e.suffers or (jumps and not falls)) or not (e.stalled or jumps):
        return None
    position = e.late("position")
    larger = int(2 ** np.round(np.log2(min(rows / 4, max(8 * size, 32)))))
    remedy = "Let the step size fall to zero, which averages the noise out." if not falls else "Use larger minibatches."
    return Found(
        "warning" if e.suffers else "note",
        0.6,
        f"Steps are mostly noise: minibatches have {size:.0f} rows, but it takes about {scale:.2g} to know the "
        f"gradient, whose noise is {np.sqrt(scale / size):.2g} times its length"
        + (
            f"; a step ends {position:+.2f} along its valley (-1 start, 0 floor, 1 opposite wall)"
            if math.isfinite(position)
            else ""
        )
        + ". The training loss "
        + (f"jumps by {e.roughness:.0%} of all its fall from epoch to epoch." if jumps else "no longer falls."),
        remedy,
        {"batch_size": larger} if falls else {"schedule": "cosine"},
        symptoms=("oscillating_loss",) if jumps else ("underfitting",),
        epoch=e.epochs,
    )


RULE = Rule(
    cause="noise_dominated",
    moment="during",
    depth=2,
    thresholds={"scales": 10.0, "rough": 0.02},
    source="McCandlish et al., An Empirical Model of Large-Batch Training (2018); Byrd, Chin, Nocedal, Wu, Sample size "
    "selection in optimization methods for machine learning (2012)",
    check=_check,
)
