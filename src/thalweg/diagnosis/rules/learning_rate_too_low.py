"""Steps that are too small to arrive."""

from __future__ import annotations

from collections.abc import Mapping

from thalweg.diagnosis.evidence import Evidence
from thalweg.diagnosis.rules.rule import Found, Rule, rounded


def _check(e: Evidence, at: Mapping[str, float]) -> Found | None:
    ratios, moved = e.by_layer("update_ratio"), e.by_layer("distance_from_start", slice(-1, None))
    ratio, distance = max(ratios.values(), default=float("nan")), max(moved.values(), default=float("nan"))
    unfinished = e.falling > at["falling"] or e.suffers
    if not (0 < ratio < at["ratio"] and distance < at["moved"] and unfinished) or e.broken:
        return None
    rate = e.settings.get("learning_rate")
    return Found(
        "error" if e.suffers else "warning",
        0.85,
        f"Steps are too small: they change no layer's weights by more than {ratio:.1e} each, and after "
        f"{e.epochs} epochs "
        f"none has moved by more than {distance:.1%} from its start, while the loss still falls.",
        f"Make the step size {rounded(at['usual'] / max(ratio, 1e-12)):g} times larger.",
        None if rate is None else {"learning_rate": rounded(rate * at["usual"] / max(ratio, 1e-12))},
        symptoms=("slow_convergence",),
    )


RULE = Rule(
    cause="learning_rate_too_low",
    moment="during",
    depth=1,
    thresholds={"ratio": 0.0002, "falling": 0.1, "moved": 0.1, "usual": 2e-3},
    source="Goodfellow, Bengio, Courville, Deep Learning (2016), section 11.4.1; Karpathy, CS231n (2015) on the "
    "ratio of updates to weights",
    check=_check,
)
