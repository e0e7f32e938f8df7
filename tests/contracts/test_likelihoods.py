"""Every registered likelihood keeps the contract of likelihoods/likelihood.py."""

from __future__ import annotations

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from thalweg.core.errors import ArgumentError
from thalweg.likelihoods import LIKELIHOODS, Likelihood, likelihood_from_dict, make_likelihood

ROWS, CLASSES = 12, 4

SETTINGS = {
    "gaussian": [{}, {"scale": 0.3}],
    "laplace": [{}, {"scale": 2.5}],
    "bernoulli": [{}, {"class_weights": (0.5, 3.0)}, {"label_smoothing": 0.2, "class_weights": (2.0, 0.7)}],
    "categorical": [
        {},
        {"class_weights": (0.5, 3.0, 1.0, 0.0)},
        {"label_smoothing": 0.2, "class_weights": (2.0, 0.7, 1.0, 1.5)},
    ],
    "soft_jaccard": [{}, {"smooth": 0.01, "class_weights": (2.0, 0.7, 1.0, 1.5)}, {"cross_entropy": 0.3}],
    "soft_dice": [{}, {"smooth": 0.01, "class_weights": (2.0, 0.7, 1.0, 1.5)}, {"cross_entropy": 0.3}],
    "hard_pixels": [{}, {"hard_share": 0.5, "label_smoothing": 0.2}],
}
CASES = [make_likelihood(name, **options) for name in LIKELIHOODS for options in SETTINGS[name]]


def example(likelihood: Likelihood, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Outputs and targets of the likelihood's kind, float64."""
    rng = np.random.default_rng(seed)
    if likelihood.metric == "rmse":
        return rng.normal(size=(ROWS, 3)), rng.normal(size=(ROWS, 3))
    classes = 2 if likelihood.name == "bernoulli" else CLASSES
    y = np.concatenate([np.arange(classes), rng.integers(0, classes, ROWS - classes)]).astype(np.int32)
    return 3 * rng.normal(size=(ROWS, 1 if classes == 2 else classes)), y


def test_every_family_has_settings_to_test() -> None:
    assert set(SETTINGS) == set(LIKELIHOODS)
    assert all(family.name == name for name, family in LIKELIHOODS.items())


@pytest.mark.parametrize("likelihood", CASES, ids=repr)
def test_error_is_the_derivative_of_the_cost(likelihood: Likelihood) -> None:
    with jax.enable_x64(True):
        outputs, y = map(jnp.asarray, example(likelihood))
        cost, error = jax.jit(likelihood.cost_and_error)(outputs, y)
        gradient = jax.jit(jax.grad(lambda a: likelihood.cost(a, y).sum()))(outputs)
        np.testing.assert_allclose(error, gradient, rtol=1e-12, atol=1e-14)

        step = 1e-6
        total = jax.jit(lambda a: likelihood.cost(a, y))
        for k in range(outputs.shape[1]):
            shift = step * jnp.eye(outputs.shape[1])[k]
            difference = (total(outputs + shift) - total(outputs - shift)) / (2 * step)
            np.testing.assert_allclose(error[:, k], difference, rtol=1e-6, atol=1e-8)

        assert cost.shape == (ROWS,)
        np.testing.assert_allclose(cost, jax.jit(likelihood.cost)(outputs, y), rtol=1e-14)
        np.testing.assert_allclose(error, jax.jit(likelihood.error)(outputs, y), rtol=1e-14, atol=1e-16)


@pytest.mark.parametrize("likelihood", CASES, ids=repr)
def test_error_of_a_minibatch_is_the_derivative_of_its_loss(likelihood: Likelihood) -> None:
    with jax.enable_x64(True):
        outputs, y = map(jnp.asarray, example(likelihood))
        weight = jnp.asarray(np.random.default_rng(3).uniform(0.5, 1.5, ROWS) / ROWS).at[-3:].set(0)
        loss, error = jax.jit(likelihood.loss_and_error)(outputs, y, weight)
        value, gradient = jax.jit(jax.value_and_grad(likelihood.loss))(outputs, y, weight)
        np.testing.assert_allclose(error, gradient, rtol=1e-10, atol=1e-13)
        np.testing.assert_allclose(loss, value, rtol=1e-12)
        # Rows of weight zero only fill up.
        short = jax.jit(likelihood.loss_and_error)(outputs[:-3], y[:-3], weight[:-3])
        np.testing.assert_allclose(loss, short[0], rtol=1e-12)
        np.testing.assert_allclose(error, jnp.pad(short[1], ((0, 3), (0, 0))), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("likelihood", CASES, ids=repr)
def test_float32_stays_float32_and_agrees_with_float64(likelihood: Likelihood) -> None:
    outputs, y = example(likelihood)
    single = outputs.astype(np.float32), y if y.dtype == np.int32 else y.astype(np.float32)
    cost, error = jax.jit(likelihood.cost_and_error)(*single)
    assert cost.dtype == error.dtype == np.float32
    assert error.shape == outputs.shape
    with jax.enable_x64(True):
        exact = jax.jit(likelihood.cost_and_error)(
            *(a.astype(np.float64) if a.dtype.kind == "f" else a for a in single)
        )
    np.testing.assert_allclose(cost, exact[0], rtol=2e-6, atol=2e-6)
    np.testing.assert_allclose(error, exact[1], rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_predictive_distribution_is_the_likelihood(name: str) -> None:
    options = {key: value for key, value in SETTINGS[name][1].items() if key == "scale"}
    likelihood = make_likelihood(name, **options)
    with jax.enable_x64(True):
        outputs, y = map(jnp.asarray, example(likelihood))
        density = likelihood.predictive(outputs)
        assert density.batch_shape == (ROWS,)
        np.testing.assert_allclose(density.log_prob(y), -likelihood.cost(outputs, y), rtol=1e-10, atol=1e-12)
        mean = likelihood.mean(outputs)
        if likelihood.metric == "rmse":
            np.testing.assert_allclose(mean, density.mean, rtol=1e-12)
        else:
            for c in range(mean.shape[1]):
                np.testing.assert_allclose(mean[:, c], jnp.exp(density.log_prob(jnp.full(ROWS, c))), rtol=1e-10)
            np.testing.assert_allclose(mean.sum(axis=1), 1, rtol=1e-12)


@pytest.mark.parametrize("likelihood", CASES, ids=repr)
def test_numpy_in_numpy_out(likelihood: Likelihood) -> None:
    outputs, y = example(likelihood)
    for function in (likelihood.mean, lambda a: likelihood.score(a, y)):
        answer = function(outputs)
        assert isinstance(answer, np.ndarray)
        with jax.enable_x64(True):
            np.testing.assert_allclose(answer, function(jnp.asarray(outputs)), rtol=1e-12)


@pytest.mark.parametrize("likelihood", CASES, ids=repr)
def test_score_counts_mistakes_or_squares(likelihood: Likelihood) -> None:
    outputs, y = example(likelihood)
    score = likelihood.score(outputs, y)
    if likelihood.metric == "rmse":
        np.testing.assert_allclose(score, (outputs - y) ** 2)
    else:
        np.testing.assert_array_equal(score, (likelihood.mean(outputs).argmax(axis=1) != y)[:, None])
        assert (likelihood.score(np.full_like(outputs, np.nan), y) == 1).all()
        # Equal logits: the first class is predicted, by score as by argmax.
        np.testing.assert_array_equal(likelihood.score(np.zeros_like(outputs), y), (y != 0)[:, None])


@pytest.mark.parametrize("likelihood", CASES, ids=repr)
def test_saved_and_read_back(likelihood: Likelihood) -> None:
    assert likelihood_from_dict(json.loads(json.dumps(likelihood.to_dict()))) == likelihood


@pytest.mark.parametrize("likelihood", CASES, ids=repr)
def test_output_bias_is_the_best_constant(likelihood: Likelihood) -> None:
    rng = np.random.default_rng(1)
    rows = 2000  # many rows, so that the one added example a class does not show
    if likelihood.metric == "rmse":
        y = rng.gamma(2.0, size=(rows, 2)).astype(np.float32)
    else:
        y = np.minimum(rng.geometric(0.5, rows) - 1, 1 if likelihood.name == "bernoulli" else CLASSES - 1).astype(
            np.int32
        )
    width = likelihood.output_width(y)
    likelihood.check(width, y)
    bias = likelihood.output_bias(y, width)
    assert bias.shape == (width,)
    assert bias.dtype == np.float32
    error = jax.jit(likelihood.error)(np.tile(bias, (rows, 1)), y)
    scale = getattr(likelihood, "scale", 1.0)
    np.testing.assert_allclose(np.mean(error, axis=0) * scale, 0, atol=3e-3)


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_check_names_what_is_wrong(name: str) -> None:
    likelihood = make_likelihood(name)
    outputs, y = example(likelihood)
    width = outputs.shape[1]
    likelihood.check(width, y)
    # Targets of the other kind.
    other = np.zeros(ROWS, np.int32) if likelihood.metric == "rmse" else np.linspace(0, 1, ROWS)
    with pytest.raises(ArgumentError, match=r"likelihood: expected .*categorical|likelihood: expected .*gaussian"):
        likelihood.check(width, other)
    with pytest.raises(ArgumentError, match=r"likelihood: expected"):
        likelihood.check(width, np.array(["a"] * ROWS))
    # A width that does not fit, and shapes that cannot be.
    with pytest.raises(ArgumentError):
        likelihood.check(width + 1 if likelihood.metric == "rmse" or name == "bernoulli" else width - 1, y)
    with pytest.raises(ArgumentError, match=r"y: expected .*shape"):
        likelihood.check(width, y[..., None])


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_unknown_settings_are_named(name: str) -> None:
    fields = [field.name for field in dataclasses.fields(LIKELIHOODS[name])]
    with pytest.raises(ArgumentError, match=f"Did you mean '{fields[-1]}'"):
        make_likelihood(name, **{fields[-1] + "s": 1})
