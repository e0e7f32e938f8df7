"""Whole runs: what a checkup says of a sound program, and of programs with something wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import thalweg as tw
from thalweg.core.errors import DivergedError
from thalweg.diagnosis import Checkup

RNG = np.random.default_rng(11)
X = RNG.normal(size=(256, 4)).astype(np.float32)
Y = (np.sin(X[:, :1]) + 0.5 * X[:, 1:2]).astype(np.float32)
SOUND: dict[str, Any] = {
    "epochs": 30,
    "batch_size": 32,
    "learning_rate": 0.01,
    "likelihood": "gaussian",
    "optimizer": "adam",
}


def findings(x: np.ndarray = X, y: np.ndarray = Y, network: tw.Network | None = None, **changes: Any) -> list[str]:
    settings = SOUND | changes
    checkup = Checkup(settings=settings)
    try:
        tw.fit(network or tw.dense_network(4, (16,), 1), x, y, hooks=[checkup], **settings)
    except DivergedError:
        return [finding.cause for finding in checkup.findings("diverged")]
    return [finding.cause for finding in checkup.findings()]


def test_a_sound_program_has_no_findings() -> None:
    assert findings() == []


@pytest.mark.parametrize(
    ("cause", "changes"),
    [
        ("learning_rate_too_low", {"learning_rate": 1e-6}),
        ("learning_rate_too_high", {"learning_rate": 5.0}),
        ("unscaled_data", {"x": (X * 1000).astype(np.float32)}),
        ("wrong_labels", {"y": RNG.permutation(Y)}),
        ("unscaled_targets", {"y": (1e3 * Y).astype(np.float32)}),
    ],
)
def test_the_cause_is_among_the_first_three(cause: str, changes: dict[str, Any]) -> None:
    assert cause in findings(**changes)[:3]


def test_a_run_that_diverges_is_examined_up_to_there() -> None:
    found = findings(x=(X * 1e18).astype(np.float32), learning_rate=1e18, optimizer="sgd")
    assert found[0] == "unscaled_data"
