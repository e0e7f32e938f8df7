"""One-hot coding, joint tables and Bayes' rule, against sums written out and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import mutual_info_score
from sklearn.preprocessing import OneHotEncoder

from thalweg.core.errors import ArgumentError
from thalweg.probability import JointTable, bayes, bayes_grid, log_pmf, one_hot

SEEDS = st.integers(0, 10_000)


def table(seed: int, shape: tuple[int, ...] = (2, 3, 4)) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.ones(int(np.prod(shape)))).reshape(shape)


def test_one_hot_and_categorical() -> None:
    classes = np.array([2, 0, 1, 2])
    peer = OneHotEncoder(sparse_output=False).fit_transform(classes[:, None])
    np.testing.assert_array_equal(one_hot(classes), peer)
    p = np.array([0.2, 0.5, 0.3])
    np.testing.assert_allclose(log_pmf(one_hot(classes), p), stats.multinomial(1, p).logpmf(peer), rtol=1e-12)
    np.testing.assert_allclose(log_pmf(one_hot(classes), p), np.log(p[classes]), rtol=1e-15)
    assert log_pmf([1, 0], [1.0, 0.0]) == 0
    assert log_pmf([0, 1], [1.0, 0.0]) == -np.inf


@given(SEEDS)
def test_marginals_and_conditionals_are_sums_and_quotients(seed: int) -> None:
    p = table(seed)
    joint = JointTable(("x", "y", "z"), p)
    np.testing.assert_allclose(joint.marginal("y").probabilities, np.einsum("xyz->y", p), rtol=1e-12)
    np.testing.assert_allclose(joint.marginal("z", "x").probabilities, np.einsum("xyz->zx", p), rtol=1e-12)
    np.testing.assert_allclose(joint.marginal("y", "z", "x").probabilities, np.einsum("xyz->yzx", p), rtol=1e-12)
    given_y = joint.conditional("x", given={"y": 1})
    np.testing.assert_allclose(given_y.probabilities, p[:, 1].sum(1) / p[:, 1].sum(), rtol=1e-12)
    # p(x, z) = Σ_y p(x, z | y) p(y)
    parts = [joint.conditional(given={"y": y}).probabilities * joint.marginal("y").probabilities[y] for y in range(3)]
    np.testing.assert_allclose(sum(parts), joint.marginal("x", "z").probabilities, rtol=1e-12)


@given(SEEDS)
def test_independence_and_mutual_information(seed: int) -> None:
    counts = np.rint(table(seed, (3, 4)) * 1e4).astype(int)
    joint = JointTable.from_counts(("x", "y"), counts)
    peer = mutual_info_score(None, None, contingency=counts)
    np.testing.assert_allclose(joint.mutual_information("x", "y"), peer, rtol=1e-9, atol=1e-12)
    assert not joint.independent("x", "y")
    product = JointTable(("x", "y"), joint.expected("x", "y"))
    assert product.independent("x", "y")
    assert product.mutual_information("x", "y") < 1e-14


@given(SEEDS)
def test_bayes_is_the_conditional_of_the_joint_table(seed: int) -> None:
    p = table(seed, (3, 4))
    prior = p.sum(1)
    likelihood = p / prior[:, None]
    answer = bayes(prior, likelihood)
    joint = JointTable(("y", "x"), p)
    np.testing.assert_allclose(answer.evidence, joint.marginal("x").probabilities, rtol=1e-12)
    for x in range(4):
        expected = joint.conditional("y", given={"x": x}).probabilities
        np.testing.assert_allclose(answer.posterior[:, x], expected, rtol=1e-12)
        np.testing.assert_allclose(bayes(prior, likelihood, observed=x).posterior, expected, rtol=1e-12)
        np.testing.assert_allclose(bayes(prior, likelihood[:, x]).posterior, expected, rtol=1e-12)


def test_bayes_on_a_plane_finds_the_normal_posterior() -> None:
    x, y = np.linspace(-8, 8, 161), np.linspace(-9, 9, 181)
    points = np.stack(np.meshgrid(x, y, indexing="ij"), axis=-1)
    prior, noise = np.array([[2.0, 0.5], [0.5, 1.0]]), np.array([[1.0, -0.3], [-0.3, 0.8]])
    seen = np.array([1.0, -0.5])
    answer = bayes_grid(
        stats.multivariate_normal([0, 0], prior).logpdf(points),
        stats.multivariate_normal(seen, noise).logpdf(points),
        x,
        y,
    )
    np.testing.assert_allclose(answer.evidence, stats.multivariate_normal([0, 0], prior + noise).pdf(seen), rtol=1e-8)
    gain = prior @ np.linalg.inv(prior + noise)
    expected = stats.multivariate_normal(gain @ seen, prior - gain @ prior).pdf(points)
    np.testing.assert_allclose(answer.posterior, expected, atol=1e-8)


def test_bayes_on_a_grid_survives_many_observations() -> None:
    rng = np.random.default_rng(0)
    flips = rng.random(5000) < 0.3
    theta = np.linspace(0, 1, 4001)[1:-1]
    heads = int(flips.sum())
    log_likelihood = heads * np.log(theta) + (5000 - heads) * np.log1p(-theta)
    answer = bayes_grid(np.zeros_like(theta), log_likelihood, theta)
    np.testing.assert_allclose(answer.posterior, stats.beta(heads + 1, 5001 - heads).pdf(theta), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: one_hot([0, 3], 3), "classes: expected class numbers from 0 to 2, got 3"),
        (lambda: one_hot([0.5]), "classes: expected class numbers"),
        (lambda: log_pmf([0, 1], [0.2, 0.3, 0.5]), r"x: expected one-hot vectors \(..., 3\)"),
        (lambda: JointTable(("a", "a"), np.full((2, 2), 0.25)), "axes: expected 2 different names"),
        (lambda: JointTable(("a",), np.full((2, 2), 0.25)), "axes: expected 2 different names"),
        (lambda: JointTable(("a", "b"), [[0.5, 0.5], [0.5, 0]]), "probabilities: expected .* sum of 1.5"),
        (
            lambda: JointTable(("a", "b"), [[1.5, -0.5]]),
            "expected probabilities of at least 0, got -0.5",
        ),
        (lambda: JointTable(("sky",), [1.0]).marginal("sly"), "Did you mean 'sky'"),
        (lambda: JointTable(("a", "b"), [[1.0, 0]]).conditional("a", given={"b": 1}), "whose probability is 0"),
        (lambda: JointTable(("a", "b"), [[1.0, 0]]).conditional("a", given={"b": 2}), "b: expected a whole number"),
        (
            lambda: JointTable(("a", "b"), [[1.0, 0]]).conditional("a", given={"a": 0}),
            "given: expected other",
        ),
        (lambda: JointTable.from_counts(("a",), [0, 0]), "counts: expected counts that are not all 0"),
        (lambda: bayes([0.5, 0.5], [[0.5, 0.5]]), "likelihood: expected a row for each of the 2"),
        (lambda: bayes([0.5, 0.6], [0.5, 0.5]), "prior: expected probabilities that sum to 1"),
        (lambda: bayes([0.5, 0.5], [[0.5, 0.6], [0.5, 0.5]]), "likelihood: expected probabilities that sum to 1"),
        (lambda: bayes([0.5, 0.5], [-0.1, 0.5]), "likelihood: expected finite numbers of at least 0"),
        (lambda: bayes([1.0, 0.0], [0.0, 0.5]), "evidence is 0"),
        (lambda: bayes([0.5, 0.5], [[0.5, 0.5]] * 2, observed=2), "observed: expected a column from 0 to 1"),
        (lambda: bayes_grid(np.zeros(3), np.zeros(3), np.zeros(3)), "axes: expected points in ascending order"),
        (lambda: bayes_grid(np.zeros(3), np.zeros(3), np.arange(4)), "axes: expected one axis"),
        (lambda: bayes_grid(np.zeros(3), np.full(3, -np.inf), np.arange(3)), "minus infinity everywhere"),
        (lambda: bayes_grid(np.zeros(3), np.full(3, np.nan), np.arange(3)), "got NaN or infinity"),
    ],
)
def test_bad_input_is_named(call: object, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        call()  # type: ignore[operator]
