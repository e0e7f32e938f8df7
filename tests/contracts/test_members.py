"""An ensemble's likelihood: the mean of the members' costs to learn by, their mixture to be judged by."""

from __future__ import annotations

import json
from typing import Any

import jax
import numpy as np
import pytest
from likelihood_examples import SETTINGS, example
from scipy import stats
from scipy.optimize import minimize_scalar

from thalweg.core.errors import ArgumentError, ModelError
from thalweg.likelihoods import (
    LIKELIHOODS,
    Categorical,
    ColoredGaussian,
    Gaussian,
    Likelihood,
    Members,
    Mixture,
    Multilabel,
    Poisson,
    likelihood_from_dict,
    make_likelihood,
)

pytestmark = pytest.mark.usefixtures("compile_quickly")

M, ROWS = 3, 12
WEIGHTS = (0.5, 0.3, 0.2)
# Of families that share their predictive distribution and their kind of loss, one.
ALIKE = {"laplace", "focal", "huber", "student_t", "negative_binomial", "soft_dice", "colored_gaussian"}
BASES = [make_likelihood(name, **SETTINGS[name][-1]) for name in LIKELIHOODS if name not in ALIKE]


def case(base: Likelihood) -> tuple[Members, np.ndarray, np.ndarray, list[np.ndarray]]:
    """Return the ensemble, its outputs, targets and the members' own outputs."""
    parts = [example(base, ROWS, seed=0)[0] * (1 + m) for m in range(M)]
    return Members(base, M, WEIGHTS), np.concatenate(parts, axis=1), example(base, ROWS)[1], parts


@pytest.mark.parametrize("base", BASES, ids=lambda base: base.name)
def test_costs_errors_and_losses_are_the_members_means(base: Likelihood) -> None:
    ensemble, outputs, y, parts = case(base)
    mixture = ensemble.unweighted()
    weight = np.arange(ROWS) / ROWS**2

    def everything(outputs, parts, y):  # type: ignore[no-untyped-def]
        alone = [(base.cost_and_error(part, y), base.loss_and_error(part, y, weight)) for part in parts]
        slope = jax.grad(lambda a: mixture.cost(a, y).sum())(outputs)
        together = ensemble.cost_and_error(outputs, y), ensemble.loss_and_error(outputs, y, weight)
        logarithm = ensemble.predictive(outputs).log_prob(y)
        return together, ensemble.loss(outputs, y, weight), alone, mixture.cost_and_error(outputs, y), slope, logarithm

    with jax.enable_x64(True):
        ((cost, error), (loss, pull)), value, alone, judged, slope, logarithm = jax.jit(everything)(outputs, parts, y)
    np.testing.assert_allclose(cost, np.mean([c for (c, _), _ in alone], axis=0), rtol=1e-12)
    np.testing.assert_allclose(error, np.concatenate([e for (_, e), _ in alone], axis=1) / M, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose([loss, value], np.mean([c for _, (c, _) in alone]), rtol=1e-12)
    np.testing.assert_allclose(pull, np.concatenate([e for _, (_, e) in alone], axis=1) / M, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(judged[1], slope, rtol=1e-9, atol=1e-12)
    if base.proper:
        np.testing.assert_allclose(judged[0], -logarithm, rtol=1e-9)


@pytest.mark.parametrize("base", BASES, ids=lambda base: base.name)
def test_mean_deviation_and_score_are_the_mixtures(base: Likelihood) -> None:
    ensemble, outputs, y, parts = case(base)
    mean, std, score = ensemble.mean(outputs), ensemble.std(outputs), ensemble.score(outputs, y)
    means = np.stack([base.mean(part) for part in parts])
    assert isinstance(mean, np.ndarray)
    assert mean.shape == std.shape == (ROWS, ensemble.target_width(outputs.shape[1]))
    np.testing.assert_allclose(mean, np.average(means, axis=0, weights=WEIGHTS), rtol=1e-12)
    if base.metric == "error":
        wrong = (mean > 0.5) != y if base.targets == "labels" else (mean.argmax(axis=1) != y)[:, None]
        np.testing.assert_array_equal(score, wrong)
        assert (ensemble.score(np.full_like(outputs, np.nan), y) == 1).all()
        return
    squares = np.stack([base.std(part) for part in parts]) ** 2 + means**2
    np.testing.assert_allclose(std**2, np.average(squares, axis=0, weights=WEIGHTS) - mean**2, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(score, (mean - y) ** 2)
    with jax.enable_x64(True):
        moments = jax.jit(lambda a: moments_of(ensemble.predictive(a)))(outputs)
    np.testing.assert_allclose(mean, moments[0], rtol=1e-9)
    np.testing.assert_allclose(std**2, moments[1], rtol=1e-8)


def moments_of(density: Any) -> tuple[Any, Any]:
    return density.mean, density.variance


@pytest.mark.parametrize("base", BASES, ids=lambda base: base.name)
def test_widths_biases_and_files_follow_the_base(base: Likelihood) -> None:
    ensemble, outputs, y, parts = case(base)
    ensemble.check(outputs.shape[1], y)
    assert ensemble.output_width(y) == M * base.output_width(y)
    bias = base.output_bias(y, parts[0].shape[1])
    np.testing.assert_array_equal(ensemble.output_bias(y, outputs.shape[1]), np.tile(bias, M))
    assert likelihood_from_dict(json.loads(json.dumps(ensemble.to_dict()))) == ensemble
    assert isinstance(ensemble.unweighted(), Mixture)
    assert ensemble.unweighted().base == base.unweighted()


def test_mixtures_agree_with_scipy() -> None:
    outputs, y = np.array([[0.0, 2.0], [1.0, -1.0]]), np.array([[0.5], [0.0]])
    with jax.enable_x64(True):
        density = Members(Gaussian(0.5), 2).predictive(outputs).log_prob(y)
    np.testing.assert_allclose(density, np.log(stats.norm(outputs, 0.5).pdf(y).mean(axis=1)))
    with jax.enable_x64(True):
        counts = Members(Poisson(), 2).predictive(outputs).log_prob(np.array([[1.0], [3.0]]))
    np.testing.assert_allclose(counts, np.log(stats.poisson(np.exp(outputs)).pmf([[1], [3]]).mean(axis=1)))


def test_labels_are_mixed_one_by_one() -> None:
    outputs, y = np.array([[5.0, -5.0, -5.0, 5.0]]), np.array([[1, 1]])
    with jax.enable_x64(True):
        density = Members(Multilabel(), 2).predictive(outputs)
        assert float(density.log_prob(y)[0]) == pytest.approx(2 * np.log(0.5))
        assert float(Members(Multilabel(), 2).unweighted().cost(outputs, y)[0]) == pytest.approx(2 * np.log(2))


def test_noise_is_fitted_to_the_mixture() -> None:
    rng = np.random.default_rng(0)
    y = rng.normal(size=(4000, 1))
    outputs = rng.normal(0, 0.6, (4000, M))

    def loss(scale: float) -> float:
        return float(-np.log(stats.norm(outputs, scale).pdf(y).mean(axis=1)).mean())

    best = minimize_scalar(loss, bounds=(0.1, 2), method="bounded").x
    fitted = Members(Gaussian(), M).with_noise(outputs, y)
    assert fitted.base.scale == pytest.approx(best, rel=0.02)
    one = Members(Gaussian(), 1).with_noise(outputs[:, :1], y)
    assert one.base == Gaussian().with_noise(outputs[:, :1], y)
    both = np.concatenate([outputs, outputs[:, ::-1]], axis=1)
    colored = Members(ColoredGaussian(), M).with_noise(both, np.hstack([y, y[::-1]]))
    assert np.shape(colored.base.covariance) == (2, 2)
    assert Members(Categorical(), M).with_noise(outputs, y) == Members(Categorical(), M)


def test_weights_of_groups_are_the_likeliest_under_the_prior() -> None:
    """One of the two groups is nearer to the targets; the prior stands for a row of each."""
    rng = np.random.default_rng(0)
    y = rng.normal(size=(200, 1))
    outputs = y + rng.normal(0, [1.0, 1.0, 0.7], (200, M))
    scale = Members(Gaussian().with_noise(outputs.mean(axis=1, keepdims=True), y), M).base.scale
    q = stats.norm(outputs, scale).pdf(y)
    first, second = q[:, :2].mean(axis=1), q[:, 2]

    def loss(w: float) -> float:
        return float(-np.log(w * first + (1 - w) * second).sum() - np.log(w) - np.log(1 - w))

    best = minimize_scalar(loss, bounds=(1e-6, 1 - 1e-6), method="bounded", options={"xatol": 1e-9}).x
    fitted = Members(Gaussian(), M).with_weights(outputs, y, (2, 1))
    np.testing.assert_allclose(fitted.weights, [best / 2, best / 2, 1 - best], atol=1e-4)
    assert fitted.weights[2] > 0.5
    few = Members(Gaussian(), M).with_weights(outputs[:3], y[:3], (2, 1))
    assert abs(few.weights[2] - 0.5) < abs(fitted.weights[2] - 0.5)
    sharp = np.log([[[0.9, 0.1], [0.5, 0.5]]]) * np.ones((50, 1, 1))
    classes = Members(Categorical(), 2).with_weights(sharp.reshape(50, 4), np.zeros(50, int), (1, 1))
    assert classes.weights[0] > 0.9
    assert Members(Gaussian(), M).with_weights(outputs, y, ()) == Members(Gaussian(), M)


def test_what_is_no_ensemble_is_refused() -> None:
    with pytest.raises(ArgumentError, match="multiple of 3 outputs"):
        Members(Gaussian(), 3).check(4, np.zeros((2, 1)))
    with pytest.raises(ArgumentError, match=r"y: expected 2 value"):
        Members(Gaussian(), 3).check(6, np.zeros((2, 1)))
    with pytest.raises(ArgumentError, match="members: expected a whole number of at least 1"):
        Members(Gaussian(), 0)
    with pytest.raises(ArgumentError, match="base: expected the likelihood of one member"):
        Members(Members(Gaussian(), 2), 2)
    with pytest.raises(ArgumentError, match="weights: expected 2 shares of 1"):
        Members(Gaussian(), 2, (0.5, 0.6))
    with pytest.raises(ModelError, match="cannot be read"):
        likelihood_from_dict({"name": "members", "members": 2})
