"""Starting weights that are copies, or of a badly chosen size."""

from __future__ import annotations

from collections.abc import Mapping

from thalweg.diagnosis.evidence import Evidence
from thalweg.diagnosis.rules.rule import Found, Rule


def _check(e: Evidence, at: Mapping[str, float]) -> Found | None:
    start = e.facts.get("start", {})
    hidden = list(zip(e.hidden, start.get("copies", []), start.get("gains", []), start.get("bias", []), strict=False))
    for name, copies, gain, bias in hidden:
        if copies >= at["copies"]:
            return Found(
                "error",
                0.97,
                f"{copies:.0%} of the units of layer {name} start as copies of each other and stay so: they get "
                f"the same "
                "gradient in every step.",
                "Start from random weights.",
                {"initializer": "auto"},
                symptoms=("symmetric_units", "slow_convergence"),
                layer=name,
            )
        if gain > at["large"] or gain < at["small"]:
            return Found(
                "error" if e.suffers else "warning",
                0.8,
                f"The weights of layer {name} start with a deviation of {gain:.2g}/√fan_in; about 1/√fan_in keeps "
                f"activations at one size. They start {'saturated or exploding' if gain > 1 else 'close to zero'}.",
                "Use the initializer that fits the activation.",
                {"initializer": "auto"},
                symptoms=("exploding_gradient",) if gain > 1 else ("vanishing_gradient", "slow_convergence"),
                layer=name,
            )
        if bias < at["bias"]:
            return Found(
                "error",
                0.85,
                f"The biases of layer {name} start at about {bias:.2g} times what its inputs give: its units "
                f"are switched "
                "off from the start.",
                "Start biases at zero.",
                {"initializer": "auto"},
                symptoms=("dead_relu", "not_learning"),
                layer=name,
            )
    return None


RULE = Rule(
    cause="bad_initialization",
    moment="before",
    depth=0,
    thresholds={"copies": 0.5, "large": 5.0, "small": 0.1, "bias": -3.0},
    source="Glorot, Bengio, Understanding the difficulty of training deep feedforward neural networks (2010); "
    "He et al., Delving Deep into Rectifiers (2015)",
    check=_check,
)
