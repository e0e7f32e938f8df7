"""Every registered likelihood keeps the contract of likelihoods/likelihood.py."""

from __future__ import annotations

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from likelihood_examples import SETTINGS, example, example_targets

from thalweg.core.errors import ArgumentError
from thalweg.likelihoods import LIKELIHOODS, Categorical, Likelihood, likelihood_from_dict, make_likelihood

pytestmark = pytest.mark.usefixtures("compile_quickly")

ROWS = 12
CASES = [make_likelihood(name, **options) for name in LIKELIHOODS for options in SETTINGS[name]]


def test_every_family_has_settings_to_test() -> None:
    assert set(SETTINGS) == set(LIKELIHOODS)
    assert all(family.name == name for name, family in LIKELIHOODS.items())


@pytest.mark.parametrize("likelihood", CASES, ids=repr)
def test_error_is_the_derivative_of_the_cost(likelihood: Likelihood) -> None:
    step = 1e-6

    def everything(outputs, y):  # type: ignore[no-untyped-def]
        shifts = step * jnp.eye(outputs.shape[1])[:, None, :]
        ahead, behind = (jax.vmap(lambda s: likelihood.cost(outputs + s, y))(sign * shifts) for sign in (1, -1))
        gradient = jax.grad(lambda a: likelihood.cost(a, y).sum())(outputs)
        apart = likelihood.cost(outputs, y), likelihood.error(outputs, y)
        return *likelihood.cost_and_error(outputs, y), gradient, (ahead - behind).T / (2 * step), *apart

    with jax.enable_x64(True):
        cost, error, gradient, difference, *apart = jax.jit(everything)(*example(likelihood))
    assert cost.shape == (ROWS,)
    np.testing.assert_allclose(error, gradient, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(error, difference, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(cost, apart[0], rtol=1e-14)
    np.testing.assert_allclose(error, apart[1], rtol=1e-14, atol=1e-16)


@pytest.mark.parametrize("likelihood", CASES, ids=repr)
def test_error_of_a_minibatch_is_the_derivative_of_its_loss(likelihood: Likelihood) -> None:
    def everything(outputs, y, weight):  # type: ignore[no-untyped-def]
        # Rows of weight zero only fill up.
        short = likelihood.loss_and_error(outputs[:-3], y[:-3], weight[:-3])
        value_and_grad = jax.value_and_grad(likelihood.loss)(outputs, y, weight)
        return likelihood.loss_and_error(outputs, y, weight), value_and_grad, short

    weight = np.random.default_rng(3).uniform(0.5, 1.5, ROWS) / ROWS
    weight[-3:] = 0
    with jax.enable_x64(True):
        (loss, error), (value, gradient), short = jax.jit(everything)(*example(likelihood), weight)
    np.testing.assert_allclose(error, gradient, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(loss, value, rtol=1e-12)
    np.testing.assert_allclose(loss, short[0], rtol=1e-12)
    np.testing.assert_allclose(error, np.pad(short[1], ((0, 3), (0, 0))), rtol=1e-10, atol=1e-14)


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


@pytest.mark.parametrize("likelihood", CASES, ids=repr)
def test_finite_for_outputs_up_to_1e4(likelihood: Likelihood) -> None:
    _, y = example(likelihood)
    width = example(likelihood)[0].shape[1]
    outputs = np.random.default_rng(2).choice([-1e4, -88.0, 0.0, 88.0, 1e4], size=(ROWS, width))
    outputs[0], outputs[1] = 1e4, -1e4
    cost, error = jax.jit(likelihood.cost_and_error)(
        outputs.astype(np.float32), y if y.dtype == np.int32 else y.astype(np.float32)
    )
    assert np.isfinite(cost).all()
    assert np.isfinite(error).all()


@pytest.mark.parametrize("likelihood", dict.fromkeys(case.unweighted() for case in CASES), ids=repr)
def test_predictive_distribution_is_the_likelihood(likelihood: Likelihood) -> None:
    classes = likelihood.targets in {"classes", "ordered"}
    outputs, y = example(likelihood)
    width = likelihood.target_width(outputs.shape[1])

    def everything(outputs, y):  # type: ignore[no-untyped-def]
        density = likelihood.predictive(outputs)
        assert density.batch_shape == (ROWS,)
        if classes:
            moments = jnp.exp(density.log_prob(jnp.arange(width)[:, None])).T
        else:
            moments = density.mean, density.variance
        return likelihood.cost(outputs, y), density.log_prob(y), moments

    with jax.enable_x64(True):
        cost, logarithm, moments = jax.jit(everything)(outputs, y)
    mean, std = likelihood.mean(outputs), likelihood.std(outputs)
    assert mean.shape == std.shape == (ROWS, width)
    if likelihood.proper:
        # NumPyro's beta function has no more digits in float64.
        digits = 1e-6 if likelihood.name == "negative_binomial" else 1e-10
        np.testing.assert_allclose(logarithm, -cost, rtol=digits, atol=1e-12)
    if classes:
        np.testing.assert_allclose(mean, moments, rtol=1e-10)
        np.testing.assert_allclose(mean.sum(axis=1), 1, rtol=1e-12)
        np.testing.assert_allclose(std**2, mean - mean**2, rtol=1e-9, atol=1e-15)
    else:
        np.testing.assert_allclose(mean, moments[0], rtol=1e-10)
        np.testing.assert_allclose(std**2, moments[1], rtol=1e-10)


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
        np.testing.assert_allclose(score, (likelihood.mean(outputs) - y) ** 2)
        return
    missing = likelihood.score(np.full_like(outputs, np.nan), y)
    assert (missing == 1).all()
    if likelihood.targets == "labels":
        np.testing.assert_array_equal(score, (likelihood.mean(outputs) > 0.5) != y)
        # A probability of one half: the label is not predicted.
        np.testing.assert_array_equal(likelihood.score(np.zeros_like(outputs), y), y != 0)
        return
    np.testing.assert_array_equal(score, (likelihood.mean(outputs).argmax(axis=1) != y)[:, None])
    # Equal logits: the first class is predicted, by score as by argmax.
    level = likelihood.mean(np.zeros_like(outputs)).argmax(axis=1)
    np.testing.assert_array_equal(likelihood.score(np.zeros_like(outputs), y), (y != level)[:, None])


@pytest.mark.parametrize("likelihood", CASES, ids=repr)
def test_saved_and_read_back(likelihood: Likelihood) -> None:
    assert likelihood_from_dict(json.loads(json.dumps(likelihood.to_dict()))) == likelihood


@pytest.mark.parametrize("likelihood", CASES, ids=repr)
def test_output_bias_is_the_best_constant(likelihood: Likelihood) -> None:
    rows = 2000  # many rows, so that the one added example a class does not show
    y = example_targets(likelihood, rows, np.random.default_rng(1))
    y = y if y.dtype == np.int32 else y.astype(np.float32)
    width = likelihood.output_width(y)
    likelihood.check(width, y)
    bias = likelihood.output_bias(y, width)
    assert bias.shape == (width,)
    assert bias.dtype == np.float32
    if likelihood.name == "gaussian_mixture":
        return  # many optima; see tests/likelihoods/test_gaussian_mixture.py
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
    other = np.linspace(0, 1, ROWS) if likelihood.targets in {"classes", "ordered"} else np.zeros(ROWS, np.int32)
    with pytest.raises(ArgumentError, match=r"likelihood: expected .*categorical|likelihood: expected .*gaussian"):
        likelihood.check(width, other)
    with pytest.raises(ArgumentError, match=r"likelihood: expected"):
        likelihood.check(width, np.array(["a"] * ROWS))
    # A width that does not fit, and shapes that cannot be.
    fewer = isinstance(likelihood, Categorical) or likelihood.targets == "ordered"
    with pytest.raises(ArgumentError):
        likelihood.check(width - 1 if fewer else width + 1, y)
    with pytest.raises(ArgumentError, match=r"y: expected .*shape"):
        likelihood.check(width, y[..., None])


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_unknown_settings_are_named(name: str) -> None:
    fields = [field.name for field in dataclasses.fields(LIKELIHOODS[name])]
    if not fields:
        with pytest.raises(ArgumentError, match="no settings"):
            make_likelihood(name, scale=1.0)
        return
    with pytest.raises(ArgumentError, match=f"Did you mean '{fields[-1]}'"):
        make_likelihood(name, **{fields[-1] + "s": 1})
