"""Inputs divided by their range twice nearly vanish."""

from __future__ import annotations

from collections.abc import Mapping

from thalweg.diagnosis.evidence import Evidence
from thalweg.diagnosis.rules.rule import Found, Rule


def _check(e: Evidence, at: Mapping[str, float]) -> Found | None:
    size = e.number("inputs", "median_size")
    if not size < at["size"]:
        return None
    return Found(
        "error" if e.suffers or size < at["size"] / 3 else "warning",
        0.85,
        f"The inputs nearly vanish: half of the columns never exceed {size:.2g} in size, as if they had been "
        f"divided by "
        "their range twice. The first layer has to grow before anything is learned.",
        "Scale the inputs once: standardize the raw columns.",
        {"standardize": True},
        symptoms=("unscaled_data", "slow_convergence"),
    )


RULE = Rule(
    cause="double_normalization",
    moment="before",
    depth=0,
    thresholds={"size": 0.1},
    source="LeCun, Bottou, Orr, Müller, Efficient BackProp (1998), section 4.3; threshold: a tenth of what "
    "scaled columns reach",
    check=_check,
)
