"""Sigmoids in depth: each layer passes at most a quarter of the error on."""

from __future__ import annotations

from collections.abc import Mapping

from thalweg.diagnosis.evidence import Evidence
from thalweg.diagnosis.rules.rule import Found, Rule


def _check(e: Evidence, at: Mapping[str, float]) -> Found | None:
    kinds = e.fact("network", "activations", [])
    places = [i for i, kind in enumerate(kinds[: len(e.hidden)]) if kind in ("sigmoid", "tanh", "softsign")]
    squashing, depth = [e.hidden[i] for i in places], len({e.levels[i] for i in places})
    errors, flat = e.by_layer("error_rms", slice(0, 3)), e.by_layer("saturated", slice(-1, None))
    if not squashing or e.fact("network", "normalized", False):
        return None
    shrinks = depth >= at["layers"] and errors.get(e.hidden[0], 1.0) < at["fall"] * errors.get(e.hidden[-1], 0.0)
    saturated = [name for name in squashing if flat.get(name, 0.0) > at["flat"]]
    sigmoid = "sigmoid" in kinds
    waits = shrinks and e.epochs >= at["epochs"] and e.waited > at["waited"]
    if not (shrinks or saturated) or not (e.suffers or waits):
        return None
    factor = (errors.get(e.hidden[0], 0.0) / max(errors.get(e.hidden[-1], 1.0), 1e-30)) if shrinks else 1.0
    return Found(
        "error" if e.suffers else "warning",
        (0.9 if sigmoid else 0.7) if shrinks else 0.6,
        (
            f"Error vectors vanish on their way back through {depth} layers of {kinds[0]}: the first "
            f"layer's are "
            f"{factor:.1e} times the last one's, so that it hardly learns"
            + (f"; for {e.waited:.0%} of the epochs the loss stayed where it began." if waits else ".")
            if shrinks
            else f"The units of layer {saturated[0]} sit at the flat ends of their activation for "
            f"{flat[saturated[0]]:.0%} of "
            "the rows: hardly any gradient passes."
        ),
        "Use an activation that does not saturate, with its initializer.",
        {"activation": "relu", "initializer": "auto"},
        symptoms=("vanishing_gradient", "not_learning") if shrinks else ("saturation", "not_learning"),
        layer=e.hidden[0],
    )


RULE = Rule(
    cause="saturating_hidden_activation",
    moment="during",
    depth=0,
    thresholds={"layers": 3, "fall": 0.05, "flat": 0.8, "waited": 0.1, "epochs": 10},
    source="Hochreiter, Untersuchungen zu dynamischen neuronalen Netzen (1991); Glorot, Bengio, Understanding "
    "the difficulty of training deep feedforward neural networks (2010)",
    check=_check,
)
