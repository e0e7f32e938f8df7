"""Facts, each held against its definition on data made to have it."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import LeaveOneOut, cross_val_predict
from sklearn.neighbors import KNeighborsRegressor

import thalweg as tw
from thalweg.diagnosis import Evidence, judge
from thalweg.diagnosis.facts.collect import _codes
from thalweg.diagnosis.facts.dependence import as_numbers, dependence_facts
from thalweg.diagnosis.facts.inputs import input_facts
from thalweg.diagnosis.facts.loss import loss_facts
from thalweg.diagnosis.facts.start import start_facts
from thalweg.diagnosis.facts.suspects import class_suspects
from thalweg.diagnosis.facts.targets import target_facts

RNG = np.random.default_rng(3)
X = RNG.normal(size=(150, 4))
Y = np.sin(2 * X[:, :1]) + X[:, 1:2] + 0.1 * RNG.normal(size=(150, 1))


def test_dependence_is_what_left_out_rows_give() -> None:
    z = (X - X.mean(axis=0)) / X.std(axis=0)
    y = as_numbers(tw.Gaussian(), Y)
    facts = dependence_facts(X, y)
    near = cross_val_predict(KNeighborsRegressor(10), z, y, cv=LeaveOneOut()).reshape(-1, 1)
    linear = cross_val_predict(Ridge(1e-3 * 150, fit_intercept=True), z, y, cv=LeaveOneOut()).reshape(-1, 1)
    assert facts["neighbors_r2"] == pytest.approx(1 - np.mean((y - near) ** 2), abs=1e-9)
    assert facts["linear_r2"] == pytest.approx(1 - np.mean((y - linear) ** 2), abs=2e-3)
    assert facts["skill"] == max(facts["neighbors_r2"], facts["linear_r2"])
    assert facts["sigmas"] > 10


def test_shuffled_targets_lie_within_chance_and_a_twin_is_named() -> None:
    sigmas = [dependence_facts(X, as_numbers(tw.Gaussian(), RNG.permutation(Y)))["sigmas"] for _ in range(20)]
    assert np.median(sigmas) < 2
    assert np.mean(np.array(sigmas) < 4) > 0.9
    assert dependence_facts(np.c_[X, 5 - 3 * Y], as_numbers(tw.Gaussian(), Y))["twin"] == 4


def test_an_input_with_one_number_for_each_class_is_their_twin_and_one_that_merely_separates_them_is_not() -> None:
    labels = RNG.integers(0, 4, len(X))
    y = as_numbers(tw.Categorical(), labels)
    codes = np.array([3.0, -1.0, 0.5, 7.0])[labels]  # in no order
    assert dependence_facts(np.c_[X, codes], y, classes=True)["twin"] == 4
    assert dependence_facts(np.c_[X, codes + 0.3 * X[:, 0]], y, classes=True)["twin"] is None
    halves = (X[:, 2] > 0).astype(np.int32)
    assert dependence_facts(X, as_numbers(tw.Bernoulli(), halves), classes=True)["twin"] is None


def test_the_only_input_is_no_twin() -> None:
    assert dependence_facts(X[:, :1], as_numbers(tw.Gaussian(), 2 * X[:, :1] + 1))["twin"] is None


def test_classes_count_the_mistakes_that_guesses_avoid() -> None:
    labels = (X[:, 0] > 0).astype(np.int32)
    facts = dependence_facts(X, as_numbers(tw.Bernoulli(), labels), classes=True)
    assert 0.8 < facts["skill"] <= 1.0


@pytest.mark.parametrize("name", ["gaussian", "laplace", "student_t", "huber"])
def test_a_loss_of_numbers_is_a_mean_pairs_rows_and_is_least_at_the_truth(name: str) -> None:
    facts = loss_facts(tw.likelihoods.make_likelihood(name), Y, 1)
    assert facts["doubled"] == pytest.approx(1.0, abs=1e-4)
    assert facts["pairing"] > 0.05
    assert facts["best_is_truth"]


def test_targets_are_told_by_their_numbers() -> None:
    classes = target_facts(tw.Categorical(), np.array([0, 0, 0, 1]), 3)
    assert (classes["classes"], classes["present"], classes["largest_share"]) == (3, 2, 0.75)
    assert target_facts(tw.Gaussian(), np.eye(3)[[0, 1, 2, 0]], 3)["one_hot"]
    assert not target_facts(tw.Gaussian(), Y, 1)["one_hot"]


def test_starting_weights_have_the_gain_of_their_initializer() -> None:
    import jax

    network = tw.dense_network(400, (300,), 1, initializer="lecun_normal")
    facts = start_facts(network, network.init(jax.random.key(0)))
    assert facts["gains"][0] == pytest.approx(1.0, abs=0.01)  # LeCun: variance 1/fan_in
    assert facts["copies"] == [0.0, 0.0]


def test_codes_of_levels_are_no_sizes() -> None:
    codes = RNG.integers(0, 4000, (150, 1)).astype(float)
    with_codes = np.c_[X, codes]
    assert input_facts(with_codes)["largest_rms"] > 1000
    assert input_facts(with_codes, codes=1) == input_facts(X)
    assert judge(Evidence({"inputs": input_facts(codes, codes=1)})) == []
    network = tw.Network(5, (tw.network.Embed((4000,), 3), tw.Dense(1)))
    assert _codes(network) == 1


@pytest.mark.parametrize("y", [Y[:1], np.zeros((9, 1))])
def test_equal_targets_cannot_tell_whether_a_loss_pairs_rows(y: np.ndarray) -> None:
    facts = loss_facts(tw.Gaussian(), y, 1)
    assert facts["pairing"] is None
    assert "loss_shape_broadcast" not in [found.cause for found in judge(Evidence({"loss": facts}))]
    assert loss_facts(tw.Gaussian(), Y[:2], 1)["pairing"] > 0


def test_a_class_hardly_more_likely_than_the_given_one_is_no_suspect() -> None:
    unsure, y = np.array([[0.46, 0.54], [0.54, 0.46]]), np.array([0, 1])
    assert class_suspects(unsure, y)[0].size == 0
    sure = np.array([[0.1, 0.9], [0.9, 0.1]])
    assert class_suspects(sure, y)[0].tolist() == [0, 1]
