"""Focal loss against PyTorch's automatic differentiation of its formula."""

from __future__ import annotations

import jax
import numpy as np
import pytest
import torch

from thalweg.core.errors import ArgumentError
from thalweg.likelihoods import Categorical, Focal

RNG = np.random.default_rng(0)
LOGITS = 3 * RNG.normal(size=(40, 4))
Y = RNG.integers(0, 4, 40).astype(np.int32)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0, 5.0])
def test_equals_torch(gamma) -> None:
    a = torch.tensor(LOGITS, requires_grad=True)
    p = torch.softmax(a, dim=1)[torch.arange(40), torch.tensor(Y).long()]
    expected = -((1 - p) ** gamma) * torch.log(p)
    expected.sum().backward()
    with jax.enable_x64(True):
        cost, error = jax.jit(Focal(gamma=gamma).cost_and_error)(LOGITS, Y)
    np.testing.assert_allclose(cost, expected.detach(), rtol=1e-11)
    np.testing.assert_allclose(error, a.grad, rtol=1e-9, atol=1e-14)


def test_without_focus_it_is_cross_entropy() -> None:
    settings = {"class_weights": (1.0, 2.0, 0.5, 3.0), "label_smoothing": 0.1}
    with jax.enable_x64(True):
        ours = jax.jit(Focal(gamma=0, **settings).cost_and_error)(LOGITS, Y)
        theirs = jax.jit(Categorical(**settings).cost_and_error)(LOGITS, Y)
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-12)
    np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-10, atol=1e-14)


def test_a_sure_and_right_prediction_costs_nothing() -> None:
    outputs = np.array([[0.0, 1e4], [0.0, 200.0]], np.float32)
    cost, error = Focal(gamma=0.5).cost_and_error(outputs, np.array([1, 1]))
    np.testing.assert_allclose(cost, 0, atol=1e-12)
    np.testing.assert_allclose(error, 0, atol=1e-12)


@pytest.mark.parametrize("gamma", [-1, "much", float("nan")])
def test_focus_out_of_bounds(gamma) -> None:
    with pytest.raises(ArgumentError, match="gamma: expected a number of at least 0"):
        Focal(gamma=gamma)
