"""A softmax of probabilities: the second one flattens what the first one said."""

from __future__ import annotations

from collections.abc import Mapping

from thalweg.diagnosis.evidence import Evidence
from thalweg.diagnosis.rules.rule import Found, Rule


def _check(e: Evidence, at: Mapping[str, float]) -> Found | None:
    network = e.facts.get("network", {})
    count = list(network.get("output_activations", [])).count("softmax") + (network.get("outputs_mean") == "logits")
    if "softmax" not in network.get("output_activations", []) or count < 2 or network.get("outputs") == 1:
        return None
    return Found(
        "error",
        0.95,
        "Softmax is applied twice: probabilities between 0 and 1 go into another softmax, which can then never "
        "come near "
        "0 or 1, and passes hardly any gradient.",
        "Let the network end in its linear layer: the likelihood applies the softmax.",
        symptoms=("slow_convergence", "loss_activation_mismatch"),
    )


RULE = Rule(
    cause="double_softmax",
    moment="before",
    depth=0,
    thresholds={},
    source="Goodfellow, Bengio, Courville, Deep Learning (2016), section 6.2.2.3",
    check=_check,
)
