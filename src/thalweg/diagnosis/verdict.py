"""From evidence to findings, ordered by weight."""

from __future__ import annotations

import dataclasses

from thalweg.diagnosis.evidence import Evidence
from thalweg.diagnosis.finding import Finding
from thalweg.diagnosis.rules import RULES

SEVERITIES = {"error": 1.0, "warning": 0.6, "note": 0.1}
"""What a severity weighs."""

EXPLAINED = 0.5
"""What is left of a finding's weight when another one, further up the chain of causes, explains it."""

EXPLAINS = 0.4
"""The weight from which on a finding explains others: a warning that is more likely right than not."""


def judge(evidence: Evidence) -> list[Finding]:
    """Return what the rules find, the weightiest finding first.

    A finding's weight is its severity times its confidence, halved if another finding of some weight stands
    further up the chain of causes (see `thalweg.diagnosis.rules.rule.Rule`).

    Args:
        evidence: a run's facts, log and records.

    Example:
        >>> judge(Evidence({"network": {"outputs": 1, "output_activations": ["softmax"]}}))[0].cause
        'single_unit_softmax'
    """
    found = [(rule, finding) for rule in RULES.values() if (finding := rule.judge(evidence)) is not None]
    weighed = [(rule, SEVERITIES[one.severity] * one.confidence, one) for rule, one in found]
    strong = min((rule.depth for rule, weight, _ in weighed if weight >= EXPLAINS), default=None)
    findings = [
        dataclasses.replace(one, weight=weight * (EXPLAINED if strong is not None and rule.depth > strong else 1.0))
        for rule, weight, one in weighed
    ]
    return sorted(findings, key=lambda finding: -finding.weight)
