"""A loss that wants logits gets something else, or one that wants probabilities."""

from __future__ import annotations

from collections.abc import Mapping

from thalweg.diagnosis.evidence import Evidence
from thalweg.diagnosis.rules.rule import Found, Rule


def _check(e: Evidence, at: Mapping[str, float]) -> Found | None:
    activations = e.fact("network", "output_activations", [])
    meant, last = e.fact("network", "outputs_mean"), activations[-1] if activations else "identity"
    if meant == "probabilities" and last not in ("sigmoid", "softmax"):
        what = "probabilities"
        remedy = "End the network in a softmax (sigmoid for two classes), or use a likelihood that takes logits."
    elif meant == "logits" and last not in ("identity", "softmax"):
        what = "logits of any size"
        remedy = "Let the network end in its linear layer: the likelihood applies its own link."
    else:
        return None
    return Found(
        "error",
        0.95,
        f"The loss {e.fact('run', 'likelihood')!r} takes {what}, but the output goes through "
        f"{'no activation' if last == 'identity' else last}.",
        remedy,
        symptoms=("loss_activation_mismatch", *(("nan_or_inf",) if e.broken else ()), "not_learning"),
    )


RULE = Rule(
    cause="loss_activation_mismatch",
    moment="before",
    depth=0,
    thresholds={},
    source="Bishop, Pattern Recognition and Machine Learning (2006), section 5.2",
    check=_check,
)
