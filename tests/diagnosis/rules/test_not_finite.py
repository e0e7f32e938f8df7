"""Whatever a run left, its findings can be read: numbers that are missing, infinite or absurd crash nothing."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from evidences import FAULTY, healthy

from thalweg.diagnosis import Evidence, judge
from thalweg.runs.diagnosis import finding_lines

ODD = (None, math.nan, math.inf, -math.inf, 0.0, -1.0, 1e300)


def spoiled(value: Any, draw: np.random.Generator, share: float) -> Any:
    """Return facts, a log or records with some of their numbers replaced by odd ones."""
    if isinstance(value, dict):
        return {name: spoiled(item, draw, share) for name, item in value.items()}
    if isinstance(value, list):
        return [spoiled(item, draw, share) for item in value]
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return ODD[draw.integers(len(ODD))] if number and draw.random() < share else value


@pytest.mark.parametrize("cause", FAULTY)
def test_odd_numbers_crash_no_rule_and_no_line(cause: str) -> None:
    known, draw = healthy(**FAULTY[cause]), np.random.default_rng(len(cause))
    for share in (0.05, 0.2, 0.5, 1.0) * 3:
        facts, log, records = (spoiled(part, draw, share) for part in (known.facts, known.log, known.records))
        with np.errstate(all="ignore"):
            findings = judge(Evidence(facts, log, records, known.settings, known.status))
        assert all(0 <= finding.weight <= 1 for finding in findings)
        assert len(finding_lines(findings)) >= len(findings)
        json.dumps([finding.to_dict() for finding in findings])
