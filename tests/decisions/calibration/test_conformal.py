"""Conformal intervals and sets hold the truth at the stated rate; thresholds are checked by hand."""

import json

import numpy as np
import numpyro.distributions as dist
import pytest
from scipy import stats

from thalweg.core.errors import ArgumentError
from thalweg.decisions.calibration import Conformal, Scale, coverage, pit

HELD_OUT, NEW = 400, 20_000


def wrong_model(rows: int, seed: int) -> tuple[dist.Distribution, np.ndarray]:
    """A normal prediction that is off in place, width and shape: the noise is skewed and grows with x."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(1, 3, (rows, 1))
    y = x**2 + x * (rng.exponential(size=(rows, 1)) - 0.5)
    return dist.Normal(4 * x - 3, 0.3 * x).to_event(1), y


@pytest.mark.parametrize("score", ["absolute", "normalized", "quantile"])
@pytest.mark.parametrize("rate", [0.5, 0.9])
def test_intervals_hold_the_stated_share_whatever_the_model(score: str, rate: float) -> None:
    held_out = Conformal.fit_intervals(*wrong_model(HELD_OUT, 0), score)
    density, y = wrong_model(NEW, 1)
    low, high = held_out.intervals(density, rate)
    hits = int(((low <= y) & (y <= high)).sum())
    # Given the held-out rows the rate is Beta(k, n + 1 - k), and hits are beta-binomial.
    k = int(np.ceil((HELD_OUT + 1) * rate))
    law = stats.betabinom(NEW, k, HELD_OUT + 1 - k)
    assert law.ppf(1e-4) <= hits <= law.ppf(1 - 1e-4)


@pytest.mark.parametrize("score", ["lac", "aps"])
def test_sets_hold_the_stated_share(score: str) -> None:
    rng = np.random.default_rng(0)

    def rows(count: int) -> tuple[np.ndarray, np.ndarray]:
        logits = rng.normal(size=(count, 5)) * 2
        p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        return p**2 / (p**2).sum(axis=1, keepdims=True), (rng.uniform(size=(count, 1)) > p.cumsum(axis=1)).sum(
            axis=1
        ).clip(max=4)

    held_out = Conformal.fit_sets(*rows(HELD_OUT), score)
    p, y = rows(NEW)
    inside = held_out.sets(p, 0.8)
    k = int(np.ceil((HELD_OUT + 1) * 0.8))
    hits = int(inside[np.arange(NEW), y].sum())
    # Adding the likeliest class to an empty set can only hold more.
    assert hits >= stats.betabinom(NEW, k, HELD_OUT + 1 - k).ppf(1e-4)
    assert inside.any(axis=1).all()
    if score == "lac":
        assert hits <= stats.betabinom(NEW, k, HELD_OUT + 1 - k).ppf(1 - 1e-4) + (inside.sum(axis=1) == 1).sum()


def test_the_threshold_is_the_ranked_score() -> None:
    # Scores 1 … 9: coverage 0.8 asks for rank ⌈10 · 0.8⌉ = 8.
    held_out = Conformal("absolute", (tuple(range(1, 10)),))
    density = dist.Normal(np.zeros((1, 1)), 1.0).to_event(1)
    assert [np.ravel(side).tolist() for side in held_out.intervals(density, 0.8)] == [[-8.0], [8.0]]
    assert [np.ravel(side).tolist() for side in held_out.intervals(density, 0.9)] == [[-9.0], [9.0]]
    with pytest.raises(ArgumentError, match=r"at most 0\.9 with 9 held-out rows"):
        held_out.intervals(density, 0.95)


def test_sets_by_hand() -> None:
    p = np.array([[0.6, 0.3, 0.1], [0.4, 0.35, 0.25]])
    lac = Conformal("lac", ((0.1, 0.5, 0.68, 0.9),))  # coverage 0.6 asks for the third: p ≥ 0.32
    assert lac.sets(p, 0.6).tolist() == [[True, False, False], [True, True, False]]
    aps = Conformal("aps", ((0.1, 0.5, 0.8, 0.95),))  # sums 0.6, 0.9, 1 and 0.4, 0.75, 1
    assert aps.sets(p, 0.6).tolist() == [[True, False, False], [True, True, False]]


def test_several_targets_have_their_own_scores_and_survive_json() -> None:
    density = dist.Normal(np.zeros((50, 2)), 1.0).to_event(1)
    y = np.random.default_rng(0).normal(size=(50, 2)) * [1, 10]
    held_out = Conformal.fit_intervals(density, y, "absolute")
    low, high = held_out.intervals(density, 0.5)
    assert ((high - low)[0, 1] / (high - low)[0, 0]) > 5
    settings = json.loads(json.dumps(held_out.to_dict(), allow_nan=False))
    assert settings.pop("name") == "conformal"
    assert Conformal(**settings) == held_out


def test_intervals_narrowed_to_nothing_are_points() -> None:
    density = dist.Normal(np.zeros((100, 1)), 1.0).to_event(1)
    low, high = Conformal.fit_intervals(density, np.zeros((100, 1)), "quantile").intervals(density, 0.5)
    np.testing.assert_allclose(low, 0, atol=1e-6)
    np.testing.assert_allclose(high, low, atol=1e-6)


@pytest.mark.parametrize(
    "bad",
    [
        lambda: Conformal("lca", ((1.0,),)),
        lambda: Conformal("lac", ((2.0, 1.0),)),
        lambda: Conformal("lac", ((),)),
        lambda: Conformal("lac", ((np.inf,),)),
        lambda: Conformal("quantile", ((1.0,),), base=1.0),
        lambda: Conformal.fit_sets(np.ones((2, 2)) / 2, np.zeros(2, int), "absolute"),
        lambda: Conformal.fit_intervals(*wrong_model(3, 0), "aps"),
        lambda: Conformal("lac", ((0.5,),)).sets(np.ones((1, 2)) / 2, 1.0),
    ],
)
def test_what_cannot_be_used(bad) -> None:
    with pytest.raises(ArgumentError):
        bad()


def test_scale_makes_deviations_right() -> None:
    rng = np.random.default_rng(0)
    loc, y = np.zeros((5000, 2)), rng.normal(size=(5000, 2)) * [2, 0.5]
    way = Scale.fit(loc, np.ones((5000, 2)), y)
    np.testing.assert_allclose(way.factors, y.std(axis=0), rtol=1e-2)
    wide = way(dist.Normal(loc + 3.0, 1.0).to_event(1))
    np.testing.assert_allclose(np.asarray(wide.mean)[0], 3, rtol=1e-5)
    np.testing.assert_allclose(np.sqrt(np.asarray(wide.variance)[0]), way.factors, rtol=1e-5)


def test_pit_of_the_true_distribution_is_uniform_and_equals_scipy() -> None:
    rng = np.random.default_rng(1)
    y = rng.gamma(2.0, size=3000)
    u = pit(dist.Gamma(np.full(3000, 2.0), 1.0), y)
    np.testing.assert_allclose(u, stats.gamma(2).cdf(y), rtol=1e-5)
    assert stats.kstest(pit(dist.Poisson(np.full(3000, 1.5)), rng.poisson(1.5, 3000)), "uniform").pvalue > 1e-3


def test_coverage_is_counted_with_its_exact_interval() -> None:
    y = np.random.default_rng(0).normal(size=200)
    found = coverage(np.full(200, -1.0), np.full(200, 1.0), y, stated=0.68)
    hits = int((np.abs(y) <= 1).sum())
    exact = stats.binomtest(hits, 200).proportion_ci(method="exact")
    assert (found.share, found.low, found.high) == pytest.approx((hits / 200, exact.low, exact.high))
    outside = np.maximum(np.abs(y) - 1, 0).mean()
    assert found.score == pytest.approx(2 + 2 / 0.32 * outside)
