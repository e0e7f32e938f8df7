"""Numbers to predict that are far from size one."""

from __future__ import annotations

from collections.abc import Mapping

from thalweg.diagnosis.evidence import Evidence
from thalweg.diagnosis.rules.rule import Found, Rule


def _check(e: Evidence, at: Mapping[str, float]) -> Found | None:
    scale, offset = e.number("targets", "scale"), e.number("targets", "offset")
    if e.fact("targets", "kind") != "numbers" or not (scale > at["scale"] or offset > at["offset"]):
        return None
    return Found(
        "error" if e.suffers or scale > 10 * at["scale"] else "warning",
        0.85,
        f"The targets are not scaled: their deviation is {scale:.3g} and their mean up to {offset:.3g} from 0. Errors, "
        "gradients and the noise scale are as large.",
        "Standardize the targets.",
        {"standardize": True},
        symptoms=("unscaled_targets", "slow_convergence"),
    )


RULE = Rule(
    cause="unscaled_targets",
    moment="before",
    depth=0,
    thresholds={"scale": 10.0, "offset": 20.0},
    source="Bishop, Neural Networks for Pattern Recognition (1995), section 8.2; thresholds: above those of all "
    "healthy runs",
    check=_check,
)
