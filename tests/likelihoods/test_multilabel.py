"""Multi-label Bernoulli against PyTorch's binary cross entropy."""

from __future__ import annotations

import jax
import numpy as np
import pytest
import torch

from thalweg.core.errors import ArgumentError
from thalweg.likelihoods import Multilabel

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(50, 4)) * np.geomspace(0.1, 1e4, 50)[:, None]
Y = RNG.integers(0, 2, (50, 4))


@pytest.mark.parametrize("weights", [None, (1.0, 2.0, 0.5, 7.0)])
def test_equals_torch(weights) -> None:
    a = torch.tensor(LOGITS, requires_grad=True)
    expected = torch.nn.functional.binary_cross_entropy_with_logits(
        a, torch.tensor(Y, dtype=torch.float64), reduction="none", pos_weight=weights and torch.tensor(weights)
    )
    expected.sum().backward()
    with jax.enable_x64(True):
        cost, error = jax.jit(Multilabel(weights).cost_and_error)(LOGITS, Y)
    # Absolute: PyTorch gives up the small cost of a prediction that is sure and right.
    np.testing.assert_allclose(cost, expected.sum(dim=1).detach(), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(error, a.grad, rtol=1e-12, atol=1e-15)


def test_zeros_and_ones_of_any_type_are_labels() -> None:
    costs = [Multilabel().cost(LOGITS.astype(np.float32), Y.astype(dtype)) for dtype in (bool, np.uint8, np.float32)]
    np.testing.assert_array_equal(costs[0], costs[1])
    np.testing.assert_array_equal(costs[0], costs[2])
    for dtype in (bool, np.uint8, np.float32):
        Multilabel().check(4, Y.astype(dtype))


def test_what_cannot_be() -> None:
    with pytest.raises(ArgumentError, match=r"y: expected 0 or 1 for every label, got 1 other value\(s\), such as 2"):
        Multilabel().check(2, np.array([[0, 1], [2, 1]]))
    with pytest.raises(ArgumentError, match=r"y: expected 3 label\(s\) per row.*outputs=4"):
        Multilabel().check(3, Y)
    with pytest.raises(ArgumentError, match="positive_weights: expected 4 numbers, one a label, got 2"):
        Multilabel((1, 2)).check(4, Y)
    with pytest.raises(ArgumentError, match="positive_weights: expected a number above 0, got -1"):
        Multilabel((1, -1))
    with pytest.raises(ArgumentError, match="positive_weights: expected one number a label, got 3"):
        Multilabel(3)
