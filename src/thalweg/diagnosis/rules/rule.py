"""What a rule is: one cause, what shows it, where its threshold is from."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from thalweg.diagnosis.evidence import Evidence
from thalweg.diagnosis.finding import Finding, Severity

Moment = Literal["before", "during", "after"]


@dataclass(frozen=True)
class Found:
    """What a check has found; see `thalweg.diagnosis.finding.Finding` for the fields."""

    severity: Severity
    confidence: float
    says: str
    remedy: str
    settings: Mapping[str, Any] | None = None
    symptoms: tuple[str, ...] = ()
    layer: str | None = None
    epoch: int | None = None


@dataclass(frozen=True)
class Rule:
    """A cause and how to tell that it is there.

    Attributes:
        cause: its name.
        moment: when it can be known: before training, while it runs, or from its result.
        depth: place in the chain of effects: 0 for what is wrong by construction, 1 for what goes wrong in
            training, 2 for what a result looks like. A finding explains those that stand deeper.
        thresholds: the numbers the check compares with, by name.
        source: where the sign and its threshold are from.
        check: (evidence, thresholds) → what was found, or None. Unknown numbers are NaN and find nothing.
    """

    cause: str
    moment: Moment
    depth: int
    thresholds: Mapping[str, float]
    source: str
    check: Callable[[Evidence, Mapping[str, float]], Found | None]

    def judge(self, evidence: Evidence) -> Finding | None:
        """Return the finding, or None."""
        found = self.check(evidence, self.thresholds)
        if found is None:
            return None
        return Finding(
            cause=self.cause,
            severity=found.severity,
            confidence=found.confidence,
            says=found.says,
            remedy=found.remedy,
            settings=dict(found.settings or {}),
            symptoms=found.symptoms,
            layer=found.layer,
            epoch=found.epoch,
        )


def rounded(value: float) -> float:
    """Return a number rounded to one figure, as a remedy would be written.

    Example:
        >>> rounded(0.00317), rounded(2740.0)
        (0.003, 3000.0)
    """
    return float(f"{value:.0e}") if math.isfinite(value) else value


def percent(share: float) -> str:
    """Return a share in whole per cent, without the minus of a rounded zero.

    Example:
        >>> percent(-0.003), percent(0.456)
        ('0%', '46%')
    """
    return f"{round(share, 2) + 0.0:.0%}"
