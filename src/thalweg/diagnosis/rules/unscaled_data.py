"""Inputs of very different or extreme size."""

from __future__ import annotations

from collections.abc import Mapping

from thalweg.diagnosis.evidence import Evidence
from thalweg.diagnosis.rules.rule import Found, Rule


def _check(e: Evidence, at: Mapping[str, float]) -> Found | None:
    rms, spread = e.number("inputs", "largest_rms"), e.number("inputs", "spread")
    if not (rms > at["rms"] or (spread > at["spread"] and rms > at["large"])):
        return None
    return Found(
        "error" if e.suffers or rms > 4 * at["rms"] else "warning",
        0.9,
        f"Input columns are not scaled: column {e.fact('inputs', 'largest')} has a root mean square of "
        f"{rms:.3g}, and the "
        f"deviations of columns differ by a factor of up to {spread:.3g}. The largest columns decide every step.",
        "Standardize the inputs.",
        {"standardize": True},
        symptoms=("unscaled_data", *(("exploding_gradient", "not_learning") if e.suffers else ())),
    )


RULE = Rule(
    cause="unscaled_data",
    moment="before",
    depth=0,
    thresholds={"rms": 25.0, "spread": 1000.0, "large": 3.0},
    source="LeCun, Bottou, Orr, Müller, Efficient BackProp (1998), section 4.3; thresholds: above those of all "
    "healthy runs",
    check=_check,
)
