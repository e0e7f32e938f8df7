"""Error vectors that grow on their way back."""

from __future__ import annotations

from collections.abc import Mapping

from thalweg.diagnosis.evidence import Evidence
from thalweg.diagnosis.rules.rule import Found, Rule


def _check(e: Evidence, at: Mapping[str, float]) -> Found | None:
    errors, gradients = e.by_layer("error_rms"), e.by_layer("gradient_rms")
    if not e.hidden or not errors:
        return None
    growth = errors.get(e.hidden[0], 0.0) / max(errors.get(e.layers[-1], 0.0), 1e-30)
    largest = max(gradients.values(), default=0.0)
    if not (growth > at["growth"] or largest > at["size"]) or not e.suffers:
        return None
    return Found(
        "error",
        0.6,
        f"Gradients explode: the first layer's error vectors are {growth:.2g} times the output's, and entries of a "
        f"gradient measure {largest:.2g}.",
        "Limit the gradient's norm, and look for what makes it large: inputs, targets, starting weights.",
        {"clip_norm": 1.0},
        symptoms=("exploding_gradient",),
    )


RULE = Rule(
    cause="exploding_gradient",
    moment="during",
    depth=2,
    thresholds={"growth": 100.0, "size": 1000.0},
    source="Bengio, Simard, Frasconi, Learning long-term dependencies with gradient descent is difficult "
    "(1994); Pascanu, Mikolov, Bengio, On the difficulty of training recurrent neural networks (2013)",
    check=_check,
)
