"""Which cases to flag when not all can be: those that save most expected cost."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from thalweg.core.errors import ArgumentError
from thalweg.core.validate import number


def flag(
    savings: Float[np.ndarray, " rows"],
    *,
    cases: int | None = None,
    money: float | None = None,
    prices: Any = None,
) -> Bool[np.ndarray, " rows"]:
    r"""Choose the cases whose flagging saves most expected cost within a budget.

    max over z ∈ {0, 1}^N of Σ_n z_n s_n, subject to Σ_n z_n ≤ k, or to Σ_n z_n c_n ≤ money. With k cases the largest
    savings are taken; with prices it is the knapsack problem, solved exactly by SciPy's branch and bound (HiGHS).
    Cases that save nothing are never flagged.

    Args:
        savings: s_n, the expected cost of case n unflagged less that of it flagged.
        cases: k, at most so many.
        money: at most so much, together with ``prices``.
        prices: c_n of flagging each case, (N,) or one for all, above 0.

    Raises:
        ArgumentError: not one of ``cases`` and ``money``, a budget below 0, or prices that are not above 0.

    Example:
        >>> flag(np.array([3.0, 1.0, 2.0, -1.0]), cases=2).tolist()
        [True, False, True, False]
        >>> flag(np.array([3.0, 2.0, 2.0]), money=4, prices=[3, 2, 2]).tolist()
        [False, True, True]

    Source: Kellerer, Pferschy, Pisinger, *Knapsack Problems* (2004), chapter 2.
    """
    savings = np.asarray(savings, np.float64)
    if (cases is None) == (money is None):
        raise ArgumentError("budget", "either a number of cases or an amount of money", "both or neither")
    if cases is not None:
        return _largest(savings, number("budget", cases, at_least=0, integer=True))
    amount = number("budget", money, at_least=0)
    if prices is None:
        raise ArgumentError("prices", "the price of flagging a case, beside a budget of money", "none")
    cost = np.broadcast_to(np.asarray(prices, np.float64), savings.shape)
    if not (np.isfinite(cost) & (cost > 0)).all():
        raise ArgumentError("prices", "finite numbers above 0", f"{cost[~(np.isfinite(cost) & (cost > 0))][0]:g}")
    if (cost == cost[:1]).all():
        # One price for all: as many as it buys, a hair more than the quotient where that is whole but for rounding.
        return _largest(savings, int(amount / cost[0] * (1 + 1e-12)) if len(cost) else 0)
    return _knapsack(savings, cost, amount)


def _largest(savings: np.ndarray, cases: int) -> np.ndarray:
    chosen = np.zeros(len(savings), np.bool_)
    chosen[np.argsort(-savings, kind="stable")[:cases]] = True
    return chosen & (savings > 0)


def _knapsack(savings: np.ndarray, prices: np.ndarray, money: float) -> np.ndarray:
    from scipy.optimize import Bounds, LinearConstraint, milp

    worth = np.flatnonzero((savings > 0) & (prices <= money))
    chosen = np.zeros(len(savings), np.bool_)
    if len(worth):
        found = milp(
            -savings[worth],
            constraints=LinearConstraint(prices[worth][None, :], ub=money),
            integrality=np.ones(len(worth)),
            bounds=Bounds(0, 1),
            options={"mip_rel_gap": 0.0},
        )
        chosen[worth[found.x > 0.5]] = True
    return chosen
