"""Budgets against every subset of cases."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thalweg.core.errors import ArgumentError
from thalweg.decisions import flag

SAVINGS = st.lists(st.floats(-10, 10), min_size=1, max_size=7)


def best(savings: list[float], allowed: object) -> float:
    """The largest sum of savings over all subsets that are allowed."""
    rows = range(len(savings))
    subsets = [s for size in range(len(savings) + 1) for s in combinations(rows, size) if allowed(s)]  # type: ignore[operator]
    return max(sum(savings[n] for n in s) for s in subsets)


@settings(max_examples=60, deadline=None)
@given(SAVINGS, st.integers(0, 8))
def test_cases_are_the_best_subset(savings: list[float], cases: int) -> None:
    chosen = flag(np.array(savings), cases=cases)
    assert chosen.sum() <= cases
    assert np.array(savings)[chosen].sum() == pytest.approx(best(savings, lambda s: len(s) <= cases))


@settings(max_examples=40, deadline=None)
@given(SAVINGS, st.integers(0, 30), st.integers(0, 99))
def test_money_buys_the_best_subset(savings: list[float], money: int, seed: int) -> None:
    prices = np.random.default_rng(seed).integers(1, 9, len(savings))
    chosen = flag(np.array(savings), money=money, prices=prices)
    assert prices[chosen].sum() <= money
    bought = best(savings, lambda s: sum(prices[n] for n in s) <= money)
    assert np.array(savings)[chosen].sum() == pytest.approx(bought, abs=1e-6)


def test_one_price_buys_so_many() -> None:
    assert flag(np.array([1.0, 3.0, 2.0]), money=0.3, prices=0.1).sum() == 3
    assert flag(np.array([1.0, 3.0, 2.0]), money=0.25, prices=0.1).tolist() == [False, True, True]
    assert flag(np.zeros(0), money=1, prices=1).shape == (0,)


@pytest.mark.parametrize(
    "settings", [{}, {"cases": 1, "money": 1}, {"money": 1}, {"money": 1, "prices": -1}, {"cases": 0.5}, {"cases": -1}]
)
def test_budgets_that_make_no_sense(settings: dict[str, float]) -> None:
    with pytest.raises(ArgumentError):
        flag(np.ones(2), **settings)  # type: ignore[arg-type]
