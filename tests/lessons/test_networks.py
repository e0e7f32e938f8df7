"""Neuron, activations, universal approximation, digits: their numbers against other ways to get them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.integrate
import scipy.special
import scipy.stats
from pictures import run_lesson


def test_neuron_counts_and_draws_a_triangle(tmp_path: Path) -> None:
    numbers = run_lesson("neuron", tmp_path)
    assert numbers.parameters == (3 * (2 + 1), 1 * (3 + 1))
    assert numbers.multiplications == (3 * 2, 1 * 3)
    assert numbers.digits == 512 * 785 + 10 * 513
    np.testing.assert_allclose(numbers.distances, -1, rtol=0.01)
    # The cascade says yes inside the triangle that the three lines bound, and no outside.
    x1, x2 = np.meshgrid(numbers.axis, numbers.axis)
    inside = np.min([x2, -0.87 * x1 - 0.5 * x2, 0.87 * x1 - 0.5 * x2], axis=0) + 1
    assert (numbers.output[inside > 0.5] > 0.9).all()
    assert (numbers.output[inside < -0.1] < 0.5).all()


def test_activations_and_their_slopes(tmp_path: Path) -> None:
    numbers = run_lesson("activations", tmp_path)
    a = numbers.a.astype(float)
    np.testing.assert_allclose(numbers.values["sigmoid"], scipy.special.expit(a), atol=1e-6)
    np.testing.assert_allclose(numbers.values["softmax"], scipy.special.softmax([a, 0 * a], axis=0)[0], atol=1e-6)
    assert numbers.largest["sigmoid"] == pytest.approx(0.25)
    middle = slice(1, -1)
    for name, value in numbers.values.items():
        difference = (value[2:].astype(float) - value[:-2]) / (a[2:] - a[:-2])
        kinks = [-3, 3] if name == "hard_swish" else [0]  # there is no slope there
        smooth = np.abs(a[middle, None] - kinks).min(axis=1) > 0.02
        np.testing.assert_allclose(numbers.slopes[name][middle][smooth], difference[smooth], atol=2e-3, err_msg=name)
    energy = scipy.integrate.quad(lambda t: scipy.stats.norm.pdf(t) * (1 - np.tanh(t) ** 2) ** 2, -9, 9)[0]
    assert numbers.passed["tanh"] == pytest.approx(energy, rel=1e-3)
    assert numbers.passed["relu"] == pytest.approx(0.5, abs=0.05)


def test_more_neurons_come_closer_and_beat_a_constant(tmp_path: Path) -> None:
    numbers = run_lesson("universal-approximation", tmp_path)
    errors = list(numbers.rmse.values())
    assert numbers.constant > errors[0] > errors[1]
    assert errors[-1] < 0.15 / 2  # closer to the function than any of the targets it saw
    for m, centers in numbers.centers.items():
        slopes = numbers.slopes[m]
        expected = scipy.special.expit(slopes * (numbers.grid[:, None] - centers))
        np.testing.assert_allclose(numbers.steps[m], expected, atol=1e-4)
        # The fit is the weighted sum of the steps, up to the output's bias.
        offset = numbers.fits[m] - numbers.steps[m] @ numbers.heights[m]
        assert np.ptp(offset) < 1e-3 * np.abs(numbers.heights[m]).sum()


def test_an_epoch_of_digits_has_469_minibatches(tmp_path: Path) -> None:
    numbers = run_lesson("digits", tmp_path)
    assert (numbers.rows, numbers.batch_size, numbers.steps, numbers.last) == (60_000, 128, 469, 96)
    assert numbers.parameters == 16 * 785 + 10 * 17
    assert len(numbers.minibatch_error) == 469
    # A share of 128 digits, or of the last 96; their mean over the epoch is the training error.
    shares = numbers.minibatch_error[:-1] * 128
    np.testing.assert_allclose(shares, np.round(shares), atol=1e-3)
    sizes = np.array([128] * 468 + [96])
    assert numbers.training_error[0] == pytest.approx(sizes @ numbers.minibatch_error / 60_000, abs=1e-5)
    assert numbers.minibatch_error[:5].mean() > 0.6
    assert numbers.test_error[0] < 0.12
    assert (numbers.read_as != numbers.meant).all()
