"""Bernoulli and categorical against PyTorch, SciPy and closed forms, up to logits of ±1e4."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import torch

from thalweg.core.errors import ArgumentError
from thalweg.likelihoods import Bernoulli, Categorical, make_likelihood

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(50, 6)) * np.geomspace(0.1, 1e4, 50)[:, None]
CLASSES = RNG.integers(0, 6, 50).astype(np.int32)


def run(likelihood, outputs, y):
    cost, error = jax.jit(likelihood.cost_and_error)(outputs, y)
    return np.asarray(cost), np.asarray(error)


def torch_cost_and_error(function, logits):
    a = torch.tensor(logits, requires_grad=True)
    cost = function(a)
    (error,) = torch.autograd.grad(cost.sum(), a)
    return cost.detach().numpy(), error.numpy()


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({}, {}),
        ({"class_weights": (1, 2, 3, 0.5, 0, 7)}, {"weight": torch.tensor([1, 2, 3, 0.5, 0, 7], dtype=torch.float64)}),
        ({"label_smoothing": 0.3}, {"label_smoothing": 0.3}),
    ],
)
def test_categorical_equals_torch(ours, theirs) -> None:
    expected = torch_cost_and_error(
        lambda a: torch.nn.functional.cross_entropy(a, torch.tensor(CLASSES).long(), reduction="none", **theirs), LOGITS
    )
    with jax.enable_x64(True):
        cost, error = run(Categorical(**ours), LOGITS, CLASSES)
    np.testing.assert_allclose(cost, expected[0], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(error, expected[1], rtol=1e-12, atol=1e-14)


def test_smoothed_and_weighted_example_is_weighted_as_a_whole() -> None:
    weights = np.array([1, 2, 3, 0.5, 0.1, 7])
    with jax.enable_x64(True):
        cost, error = run(Categorical(label_smoothing=0.3), LOGITS, CLASSES)
        both = run(Categorical(label_smoothing=0.3, class_weights=tuple(weights)), LOGITS, CLASSES)
    np.testing.assert_allclose(both[0], weights[CLASSES] * cost, rtol=1e-14)
    np.testing.assert_allclose(both[1], weights[CLASSES][:, None] * error, rtol=1e-14)


def test_bernoulli_equals_torch() -> None:
    y = CLASSES % 2
    expected = torch_cost_and_error(
        lambda a: torch.nn.functional.binary_cross_entropy_with_logits(
            a, torch.tensor(y[:, None], dtype=torch.float64), reduction="none"
        ),
        LOGITS[:, :1],
    )
    with jax.enable_x64(True):
        cost, error = run(Bernoulli(), LOGITS[:, :1], y)
    # Absolute: PyTorch gives up the small cost of a prediction that is sure and right.
    np.testing.assert_allclose(cost, expected[0][:, 0], rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(error, expected[1], rtol=1e-12, atol=1e-15)


def test_bernoulli_smoothing_is_a_soft_target() -> None:
    y, smoothing = CLASSES % 2, 0.3
    soft = (1 - smoothing) * y + smoothing / 2
    expected = torch_cost_and_error(
        lambda a: torch.nn.functional.binary_cross_entropy_with_logits(
            a, torch.tensor(soft[:, None]), reduction="none"
        ),
        LOGITS[:, :1],
    )
    with jax.enable_x64(True):
        cost, error = run(Bernoulli(label_smoothing=smoothing), LOGITS[:, :1], y)
    np.testing.assert_allclose(cost, expected[0][:, 0], rtol=1e-12)
    np.testing.assert_allclose(error, expected[1], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [1.0, 88.0, 1e3, 1e4])
def test_stable_for_large_logits(dtype, size) -> None:
    """Finite and exact, judged in float64 by SciPy's log-sum-exp."""
    logits = (RNG.uniform(-1, 1, size=(40, 5)) * size).astype(dtype)
    logits[0], logits[1] = size, -size
    logits[2] = [size, -size, size, -size, 0]
    y = RNG.integers(0, 5, 40).astype(np.int32)
    exact = logits.astype(np.float64)
    tolerance = 4 * np.finfo(dtype).eps
    with jax.enable_x64(dtype == np.float64):
        cost, error = run(Categorical(), logits, y)
        np.testing.assert_allclose(
            cost,
            scipy.special.logsumexp(exact - exact[np.arange(40), y][:, None], axis=1),
            rtol=tolerance,
            atol=2 * tolerance,
        )
        np.testing.assert_allclose(error, scipy.special.softmax(exact, axis=1) - np.eye(5)[y], atol=2 * tolerance)

        y, margin = y % 2, np.where(y % 2 == 1, 1, -1) * exact[:, 0]
        cost, error = run(Bernoulli(), logits[:, :1], y)
        # Relative accuracy, as far as the format reaches: a sure and right prediction keeps its small cost and error.
        tiny = np.finfo(dtype).tiny
        np.testing.assert_allclose(cost, np.logaddexp(0, -margin), rtol=tolerance, atol=tiny)
        np.testing.assert_allclose(
            error[:, 0], np.where(y == 1, -1, 1) * scipy.special.expit(-margin), rtol=tolerance, atol=tiny
        )


def test_one_sigmoid_equals_two_class_softmax() -> None:
    """Two logits say what their difference says."""
    y = CLASSES % 2
    with jax.enable_x64(True):
        two = run(Categorical(), LOGITS[:, :2], y)
        one = run(Bernoulli(), LOGITS[:, 1:2] - LOGITS[:, :1], y)
        np.testing.assert_allclose(one[0], two[0], rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(one[1][:, 0], two[1][:, 1], rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(
            Bernoulli().mean(LOGITS[:, 1:2] - LOGITS[:, :1]), Categorical().mean(LOGITS[:, :2]), rtol=1e-10, atol=1e-300
        )


def test_missing_logits_stay_missing() -> None:
    outputs = jnp.array([[jnp.nan, 0.0]])
    assert np.isnan(Categorical().cost(outputs, jnp.array([1]))).all()
    assert np.isnan(Bernoulli().cost(outputs[:, :1], jnp.array([1]))).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"class_weights": (1.0,)}, "class_weights: expected one number a class"),
        ({"class_weights": (1.0, -1.0)}, "class_weights: expected a number of at least 0, got -1"),
        ({"class_weights": (0.0, 0.0)}, "not all 0"),
        ({"class_weights": 3.0}, "class_weights: expected one number a class, got 3.0"),
        ({"label_smoothing": 1.0}, "label_smoothing: expected a number of at least 0 and below 1, got 1.0"),
        ({"label_smoothing": "much"}, "label_smoothing: expected .*'much'"),
    ],
)
@pytest.mark.parametrize("family", [Bernoulli, Categorical])
def test_settings_out_of_bounds(family, options, message) -> None:
    with pytest.raises(ArgumentError, match=message):
        family(**options)


def test_classes_and_widths_that_do_not_fit() -> None:
    y = np.array([0, 1, 2], np.int32)
    with pytest.raises(ArgumentError, match=r"y: expected class numbers from 0 to 1, got values from 0 to 2"):
        Bernoulli().check(1, y)
    with pytest.raises(ArgumentError, match=r"class_weights: expected 3 numbers"):
        Categorical(class_weights=(1, 1)).check(3, y)
    with pytest.raises(ArgumentError, match=r"likelihood: expected 'categorical' for more than 2 classes"):
        Bernoulli().output_width(y, 3)
    with pytest.raises(ArgumentError, match=r"class_weights: expected 2 numbers"):
        Bernoulli(class_weights=(1, 1, 1))
    with pytest.raises(ArgumentError, match=r"argmax"):
        Categorical().check(3, np.eye(3, dtype=np.int32))
    with pytest.raises(ArgumentError, match=r"from -1 to 2"):
        Categorical().check(3, y - np.array([1, 0, 0], np.int32))
    assert Categorical().output_width(y, 5) == 5


def test_absent_class_has_a_finite_bias() -> None:
    bias = Categorical().output_bias(np.zeros(10, np.int32), 3)
    assert np.isfinite(bias).all()
    assert bias.argmax() == 0
    assert np.isfinite(Bernoulli().output_bias(np.zeros(10, np.int32))).all()


@pytest.mark.parametrize("name", ["bernoulli", "categorical", "focal", "hard_pixels", "ordinal", "soft_dice"])
def test_the_most_probable_class_is_that_of_the_largest_probability(name: str) -> None:
    logits = np.random.default_rng(0).normal(scale=3, size=(200, 1 if name == "bernoulli" else 4))
    likelihood = make_likelihood(name)
    probabilities = np.asarray(likelihood.mean(logits))
    np.testing.assert_array_equal(np.asarray(likelihood.most_probable(logits)), probabilities.argmax(axis=1))
