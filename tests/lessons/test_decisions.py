"""Norms, minimum risk, segmentation: their numbers against closed forms and scikit-learn."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
from pictures import run_lesson
from sklearn.metrics import f1_score


def test_norms_and_the_shortest_vectors_on_a_line(tmp_path: Path) -> None:
    numbers = run_lesson("norms", tmp_path)
    assert (numbers.sparsity, numbers.energy) == (2, 25)
    for p, contour in numbers.contours.items():
        np.testing.assert_allclose(np.linalg.norm(contour, p, axis=1), 1, rtol=1e-9)
        assert numbers.lengths[p] == pytest.approx(np.linalg.norm([3, -4, 0], p))
        # The shortest vector on wᵀx = 1 has the length 1 / ‖w‖ in the dual norm; below p = 1 it is on an axis.
        dual = math.inf if p <= 1 else 1 if p == math.inf else p / (p - 1)
        assert numbers.distances[p] == pytest.approx(1 / np.linalg.norm([1, 2], dual), abs=1e-3)
    np.testing.assert_allclose(numbers.closest[1.0], [0, 0.5], atol=1e-9)
    np.testing.assert_allclose(numbers.closest[2.0], [0.2, 0.4], atol=1e-3)
    np.testing.assert_allclose(numbers.closest[math.inf], [1 / 3, 1 / 3], atol=1e-3)


def test_least_risk_is_not_map(tmp_path: Path) -> None:
    numbers = run_lesson("minimum-risk", tmp_path)
    healthy, ill = 0.9 * scipy.stats.norm.pdf(numbers.x), 0.1 * scipy.stats.norm.pdf(numbers.x, 2)
    np.testing.assert_allclose(numbers.posterior[:, 1], ill / (healthy + ill), atol=1e-6)

    def crossing(probability: float) -> float:
        """Where p(ill|x) reaches a probability: ln odds = 2x - 2 + ln(0.1 / 0.9)."""
        return (math.log(probability / (1 - probability)) + 2 + math.log(9)) / 2

    expected = {"MAP": [0.5], "least risk": [1 / 6], "with a second test": [0.4 / 5, 1 - 0.4]}
    for rule, probabilities in expected.items():
        assert numbers.thresholds[rule] == pytest.approx([crossing(p) for p in probabilities], abs=0.011)
    # Mistakes and costs from the tails of the two densities; a result stands for the 0.01 around it.
    for rule in ("MAP", "least risk"):
        at = numbers.thresholds[rule][0] - 0.005
        alarm, missed = 0.9 * scipy.stats.norm.sf(at), 0.1 * scipy.stats.norm.cdf(at, 2)
        assert numbers.mistakes[rule] == pytest.approx(alarm + missed, abs=1e-4)
        assert numbers.cost[rule] == pytest.approx(alarm + 5 * missed, abs=1e-3)
    assert numbers.mistakes["MAP"] < numbers.mistakes["least risk"]
    assert numbers.cost["MAP"] > numbers.cost["least risk"] > numbers.cost["with a second test"]


def test_losses_that_hear_the_rare_class_find_more_of_it(tmp_path: Path) -> None:
    numbers = run_lesson("segmentation", tmp_path)
    assert numbers.share == pytest.approx(0.1, abs=0.03)
    plain = numbers.dice["cross entropy"]
    assert all(dice > plain for name, dice in numbers.dice.items() if name != "cross entropy")
    # Yet it makes the fewest mistakes, since it calls few pixels blob.
    assert min(numbers.wrong, key=numbers.wrong.get) == "cross entropy"
    assert numbers.called["cross entropy"] < numbers.share < numbers.called["weighted"]
    for name, found in numbers.found.items():
        assert found.shape == numbers.mask.shape
        assert numbers.jaccard[name] == pytest.approx(numbers.dice[name] / (2 - numbers.dice[name]))
        # The picture is one of the images that the index was taken over.
        assert f1_score(numbers.mask.ravel(), found.ravel()) == pytest.approx(numbers.dice[name], abs=0.2)
