"""Noise, weights of members and calibration are fitted to weighted rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from thalweg import DenseRegressor
from thalweg.data.batches import weighted_spread

RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 2))
Y = X[:, 0] + 0.1 * RNG.normal(size=400)
FAR = np.arange(400) % 10 == 0
WRONG = np.where(FAR, Y + 1000, Y)
SMALL: dict[str, Any] = {"preset": "plain", "hidden": (8,), "epochs": 30, "learning_rate": 0.01, "random_state": 0}


def test_a_row_is_taken_as_often_as_it_weighs() -> None:
    weight = RNG.integers(0, 6, size=50).astype(float)
    counts = np.bincount(weighted_spread(10**6, 50, weight, times=40), minlength=50)
    assert np.abs(counts - 40 * 50 * weight / weight.sum()).max() <= 1
    assert counts[weight == 0].sum() == 0
    np.testing.assert_array_equal(weighted_spread(7, 50, np.full(50, 3.0)), weighted_spread(7, 50, None))


@pytest.mark.parametrize(
    "held_out", [{}, {"validation": 0.25}, {"folds": 3}, {"validation": 0.25, "calibrate": "conformal"}]
)
def test_rows_that_weigh_next_to_nothing_leave_intervals_as_they_are(held_out: dict[str, Any]) -> None:
    weight = np.where(FAR, 1e-9, 1.0)
    weighted = DenseRegressor(**SMALL | held_out).fit(X, WRONG, sample_weight=weight)
    equal = DenseRegressor(**SMALL | held_out).fit(X, WRONG)
    widths = [np.ptp(model.predict_interval(X, 0.9), axis=1).mean() for model in (weighted, equal)]
    # Unlike the weighted ones, equal rows have a deviation of 300. The scale of the targets is that of all rows.
    assert widths[0] < 0.1 * widths[1]
