"""A narrow valley: the steepest direction limits the step, and along the others training crawls."""

from __future__ import annotations

import math
from collections.abc import Mapping

from thalweg.diagnosis.evidence import Evidence
from thalweg.diagnosis.rules.rule import Found, Rule

_MOMENTUM = {"sgd": 0.0, "momentum": 1.0, "nesterov": 1.0}


def _check(e: Evidence, at: Mapping[str, float]) -> Found | None:
    condition, limit, used = e.late("condition"), e.late("stability_limit"), e.late("sharpness_times_step")
    optimizer, rate, beta = (e.settings.get(name) for name in ("optimizer", "learning_rate", "momentum"))
    if math.isnan(used) and optimizer in _MOMENTUM and isinstance(rate, float):  # no instrument measured it
        used = rate * e.late("sharpness")
        b = _MOMENTUM[optimizer] * (0.9 if beta is None else beta)
        limit = 2 * (1 + b) / (1 + 2 * b if optimizer == "nesterov" else 1)
    slow = e.suffers or e.falling > at["falling"]
    if not (condition > at["condition"] and used > at["used"] * limit and slow) or e.broken:
        return None
    return Found(
        "warning" if e.suffers else "note",
        0.7,
        f"The loss is ill-conditioned: its largest curvature is {condition:.3g} times the mean one. The step size is "
        f"at {used / limit:.0%} of what the steepest direction bears (γλ = {used:.2g} of {limit:.2g}), and along the "
        "others training crawls.",
        "Use an adaptive method, which has a step size for each weight; momentum, normalization between the layers and "
        "inputs of one scale help too.",
        {"optimizer": "adam", "learning_rate": 0.001},
        symptoms=("slow_convergence",),
        epoch=e.epochs,
    )


RULE = Rule(
    cause="ill_conditioned",
    moment="during",
    depth=2,
    thresholds={"condition": 50.0, "used": 0.5, "falling": 0.1},
    source="LeCun, Bottou, Orr, Müller, Efficient BackProp (1998), section 5; Polyak, Some methods of speeding up the "
    "convergence of iteration methods (1964); Cohen et al., Gradient Descent on Neural Networks Typically Occurs at "
    "the Edge of Stability (2021)",
    check=_check,
)
