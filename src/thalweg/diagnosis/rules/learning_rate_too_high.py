"""Steps that are too large."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from thalweg.diagnosis.evidence import Evidence
from thalweg.diagnosis.rules.rule import Found, Rule, rounded


def _check(e: Evidence, at: Mapping[str, float]) -> Found | None:
    early = {
        name: float(np.nanmax(v)) for name in e.layers if np.isfinite(v := e.series("update_ratio", name)[:3]).any()
    }
    away = e.by_layer("distance_from_start", slice(0, 1))
    farthest = max(away, key=lambda name: away[name], default="")
    thrown = away.get(farthest, 0.0) > at["thrown"]
    ratio = max(early.values(), default=float("nan"))
    dead = max(e.by_layer("dead", slice(-1, None)).values(), default=0.0)
    rough, above = e.roughness, e.train_loss[-1:] >= e.series("constant_loss")[-1:] if e.epochs else np.array([])
    signs = [
        e.broken,
        rough > at["rough"],
        dead > at["dead"],
        bool(above.size and above[0]) and e.suffers,
    ]
    if not early or not (ratio > at["ratio"] or thrown) or not any(signs):
        return None
    rate = e.settings.get("learning_rate")
    smaller = max(min(at["smaller"], at["usual"] / max(ratio, 1e-12)), 1e-30)
    worst = max(early, key=lambda name: early[name])
    return Found(
        "error" if e.suffers or e.broken else "warning",
        min(0.95, 0.6 + 0.1 * sum(signs) + 0.1 * (ratio > 3 * at["ratio"])),
        f"Steps are too large: in the first epochs they changed the weights of layer {worst} by {ratio:.0%} each"
        + (f" and carried those of layer {farthest} {away[farthest]:.0f} times their size away" if thrown else "")
        + (f", the training loss jumps by {rough:.0%} of all it gained from one epoch to the next" if signs[1] else "")
        + (f", and {dead:.0%} of a layer's units are switched off" if signs[2] else "")
        + (", until numbers were no longer finite" if signs[0] else "")
        + ".",
        f"Make the step size {rounded(1 / smaller):g} times smaller.",
        None if rate is None else {"learning_rate": rounded(rate * smaller)},
        symptoms=tuple(
            word
            for word, sign in zip(("nan_or_inf", "oscillating_loss", "dead_relu", "not_learning"), signs, strict=True)
            if sign
        ),
        layer=worst,
        epoch=1,
    )


RULE = Rule(
    cause="learning_rate_too_high",
    moment="during",
    depth=1,
    thresholds={"ratio": 0.1, "thrown": 5.0, "rough": 0.05, "dead": 0.5, "smaller": 0.1, "usual": 5e-3},
    source="Goodfellow, Bengio, Courville, Deep Learning (2016), section 11.4.1; Karpathy, CS231n (2015) on the "
    "ratio of updates to weights",
    check=_check,
)
