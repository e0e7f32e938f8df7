"""Decisions about numbers and counts against grid search, SciPy's integrals and closed forms."""

import numpy as np
import numpyro.distributions as dist
import pytest
from scipy import integrate, optimize, stats

from thalweg.core.errors import ArgumentError
from thalweg.decisions import COSTS, Absolute, Asymmetric, Pinball, Squared, decide, make_cost

LOC, SCALE = np.array([0.0, 2.0, -1.0]), np.array([1.0, 0.5, 3.0])
DENSITIES = {
    "normal": (dist.Normal(LOC, SCALE), [stats.norm(m, s) for m, s in zip(LOC, SCALE, strict=True)]),
    "student": (dist.StudentT(4.0, LOC, SCALE), [stats.t(4, m, s) for m, s in zip(LOC, SCALE, strict=True)]),
    "gamma": (dist.Gamma(LOC + 2, SCALE), [stats.gamma(a, scale=1 / r) for a, r in zip(LOC + 2, SCALE, strict=True)]),
}


def cubed(a: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.where(a < y, 3.0, 1.0) * np.abs(a - y) ** 1.5


@pytest.mark.parametrize("family", DENSITIES)
@pytest.mark.parametrize("cost", ["squared", "absolute", "pinball=0.9", "under=5,over=1", cubed])
def test_expected_cost_is_the_least_of_an_independent_search(family: str, cost) -> None:
    predicted, frozen = DENSITIES[family]
    answer, pointwise = decide(predicted, cost), make_cost(cost)
    for n, law in enumerate(frozen):
        y = np.linspace(max(law.support()[0], law.ppf(1e-10)), law.ppf(1 - 1e-10), 40_001)
        density = law.pdf(y)

        def risk(a: float, y=y, density=density) -> float:
            return float(integrate.simpson(pointwise(a, y) * density, x=y))

        found = optimize.minimize_scalar(risk, bracket=(law.ppf(0.2), law.ppf(0.9)))
        assert answer.expected[n] == pytest.approx(found.fun, rel=2e-3)
        # The risk is flat at its minimum: a search finds the cost far better than the action.
        assert risk(float(answer.actions[n])) == pytest.approx(found.fun, rel=1e-4)
        assert answer.map_expected[n] == pytest.approx(risk(float(answer.map_actions[n])), rel=5e-3)
    assert (answer.expected <= answer.map_expected + 1e-6).all()
    assert answer.method == ("quadrature" if callable(cost) else "closed form")


def test_closed_forms_are_mean_median_quantile_and_mode() -> None:
    density, frozen = DENSITIES["gamma"]
    for cost, expected in [
        (Squared(), [law.mean() for law in frozen]),
        (Absolute(), [law.median() for law in frozen]),
        (Pinball(0.7), [law.ppf(0.7) for law in frozen]),
        (Asymmetric(under=3, over=1), [law.ppf(0.75) for law in frozen]),
        (make_cost("0-1"), (LOC + 1) / SCALE),
    ]:
        np.testing.assert_allclose(decide(density, cost).actions, expected, rtol=1e-5, atol=1e-6)


def test_counts_equal_enumeration() -> None:
    rate = np.array([0.7, 3.2, 12.5])
    y = np.arange(200)
    for cost in ("squared", "absolute", "pinball=0.8", "0-1"):
        answer, pointwise = decide(dist.Poisson(rate), cost), make_cost(cost)
        for n, law in enumerate(stats.poisson(r) for r in rate):
            risks = [(law.pmf(y) * pointwise(a, y)).sum() for a in np.arange(0, 40, 0.05)]
            assert answer.expected[n] <= min(risks) + 1e-5
            assert answer.expected[n] == pytest.approx((law.pmf(y) * pointwise(answer.actions[n], y)).sum(), rel=1e-5)


def test_an_action_may_be_chosen_from_candidates() -> None:
    answer = decide(DENSITIES["normal"][0], "squared", candidates=[-1.5, 0.0, 1.0])
    assert answer.actions.tolist() == [0.0, 1.0, -1.5]
    np.testing.assert_allclose(answer.expected, SCALE**2 + (answer.actions - LOC) ** 2, rtol=1e-5)


def test_sampling_is_seeded_and_tells_its_standard_error() -> None:
    density = dist.Normal(np.zeros(40), 1.0)
    answer = decide(density, cubed, samples=500, seed=3)
    assert answer.method == "sampling"
    again = decide(density, cubed, samples=500, seed=3)
    np.testing.assert_array_equal(answer.actions, again.actions)
    exact = decide(density, cubed)
    assert answer.standard_error is not None
    # The sampled minimum lies below the true one by about as much as its action is off.
    assert np.abs((answer.expected - exact.expected) / answer.standard_error).mean() < 1.5
    assert exact.standard_error is None


def test_a_distribution_that_can_only_be_drawn_from_is_decided_by_sampling() -> None:
    class Unknown(dist.Normal):
        pass

    class Wrapped(dist.Distribution):
        support = dist.constraints.real

        def __init__(self) -> None:
            super().__init__((2,), ())

        def sample(self, key, sample_shape=()):
            return Unknown(np.array([0.0, 5.0]), 1.0).sample(key, sample_shape)

        def log_prob(self, value):
            return Unknown(np.array([0.0, 5.0]), 1.0).log_prob(value)

    answer = decide(Wrapped(), cubed)
    assert answer.method == "sampling"
    np.testing.assert_allclose(answer.map_actions, [0, 5], atol=0.05)


def test_components_of_a_vector_are_decided_one_by_one() -> None:
    answer = decide(dist.Normal(np.stack([LOC, -LOC], axis=1), 1.0).to_event(1), "pinball=0.9")
    np.testing.assert_allclose(answer.actions, np.stack([LOC, -LOC], axis=1) + stats.norm.ppf(0.9), rtol=1e-6)
    colored = dist.MultivariateNormal(np.zeros((4, 2)), np.array([[4.0, 1.0], [1.0, 1.0]]))
    np.testing.assert_allclose(
        decide(colored, "pinball=0.9").actions[0], stats.norm.ppf(0.9) * np.array([2, 1]), rtol=1e-5
    )


def test_rejection_of_numbers_has_a_price_and_a_budget() -> None:
    density = dist.Normal(np.zeros(3), SCALE)
    answer = decide(density, "squared", reject=1.5)
    assert answer.rejected.tolist() == [False, False, True]
    assert np.isnan(answer.actions).tolist() == [False, False, True]
    np.testing.assert_allclose(answer.expected, [1, 0.25, 1.5], rtol=1e-6)
    np.testing.assert_allclose(answer.realized(np.array([1.0, 0.0, 9.0])), [1, 0, 1.5])
    np.testing.assert_allclose(answer.map_realized(np.array([1.0, 0.0, 9.0])), [1, 0, 81])
    assert decide(density, "squared", budget=2).rejected.tolist() == [True, False, True]


@pytest.mark.parametrize(
    "change",
    [
        {"cost": [[0, 1], [1, 0]]},
        {"cost": {"a": {"a": 0}}},
        {"cost": lambda a, y: np.zeros(3)},
        {"cost": lambda a, y: np.log(a - y)},
        {"cost": lambda a, y: a @ "x"},
        {"cost": "squared", "candidates": []},
        {"cost": "squared", "candidates": [np.nan]},
        {"cost": "squared", "samples": 1},
        {"cost": "0-1", "reject": 0.5},
        {"cost": "squared", "budget": 1, "flag": "no"},
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value")
def test_what_cannot_be_decided(change: dict[str, object]) -> None:
    with pytest.raises(ArgumentError):
        decide(DENSITIES["normal"][0], **change)  # type: ignore[arg-type]


def test_every_registered_cost_says_what_it_is() -> None:
    for name, cost in COSTS.items():
        assert cost.name == name
        assert cost.formula
        assert cost.optimum
        assert cost.source
        assert make_cost(name)(2.0, 2.0) == 0
