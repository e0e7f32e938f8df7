"""From a predictive distribution to the action of least expected cost."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalweg.core.errors import ArgumentError
from thalweg.core.validate import number
from thalweg.decisions.budget import flag as choose
from thalweg.decisions.costs import Cost, ZeroOne, make_cost
from thalweg.decisions.matrix import REJECT, CostMatrix, make_matrix
from thalweg.decisions.numbers import decide_numbers
from thalweg.decisions.outcomes import class_probabilities
from thalweg.decisions.result import Decisions, joined

CostLike = str | Path | Cost | CostMatrix | Mapping[Any, Any] | Sequence[Any] | NDArray[Any] | Callable[[Any, Any], Any]
"""A cost as users write it, see `decide`."""


def decide(
    distribution: Any,
    cost: CostLike = "0-1",
    *,
    classes: Sequence[object] | None = None,
    reject: float | None = None,
    budget: float | None = None,
    flag: object = REJECT,
    prices: Any = None,
    candidates: Any = None,
    samples: int | None = None,
    seed: int = 0,
) -> Decisions:
    r"""Take the action of least expected cost for every row: a* = argmin_a E[ℓ(a, Y) | x].

    For classes the expected costs of all actions are sums over the classes. For numbers the best action has a closed
    form (0-1 → mode, squared → mean, absolute → median, pinball → quantile, asymmetric → quantile); any other cost is
    minimized over a, its expectation being a quadrature over the quantiles of Y, or a mean over samples.

    Args:
        distribution: a NumPyro distribution over N rows (classes, labels, counts, numbers; several targets a row are
            decided one by one), or an array (N, C) of class probabilities. Of numbers also a list of distributions,
            pieces of the rows in turn, so that many rows are held in memory piece by piece.
        cost: a name in ``COSTS`` (``"squared"``, ``"pinball=0.9"``, ``"under=5,over=1"``), a `Cost`, a callable
            ``cost(action, y)`` that broadcasts; for classes also a `CostMatrix`, an array (classes, actions), a
            dictionary ``{true class: {action: cost}}`` or the ``Path`` of a CSV file. Rows are true classes.
        classes: names of the classes; by default 0, 1, 2 …
        reject: price of handing a row over instead; taken where every action is expected to cost more.
        budget: the action ``flag`` is for at most so many rows, those where it saves most; with ``prices``, for
            rows that cost so much together.
        flag: name of the rationed action; by default rejection, for nothing unless ``reject`` says its price.
        prices: of flagging each row, (N,) or one for all, which the budget pays and the expected costs leave out.
        candidates: numbers to choose the action from; by default any.
        samples: draws a row for a cost without closed form, in place of the quadrature.
        seed: of these draws.

    Returns:
        The decisions with their expected costs, beside those of the MAP decision.

    Raises:
        ArgumentError: a cost that does not fit the distribution, or settings that do not go together.

    Example:
        >>> answer = decide(np.array([[0.9, 0.1], [0.7, 0.3]]), [[0, 1], [5, 0]], classes=["healthy", "ill"])
        >>> answer.labels().tolist(), answer.expected.round(2).tolist(), answer.map_expected.round(2).tolist()
        (['healthy', 'ill'], [0.5, 0.7], [0.5, 1.5])

    Source: Berger, *Statistical Decision Theory and Bayesian Analysis* (1985), section 4.4; rejection: Chow, *On
    Optimum Recognition Error and Reject Tradeoff*, IEEE Transactions on Information Theory 16 (1970).
    """
    price = None if reject is None else float(number("reject", reject))
    if isinstance(cost, Path):
        cost = CostMatrix.read(cost)
    elif isinstance(cost, Mapping):
        cost = CostMatrix.from_dict(cost)
    if budget is not None and price is None and flag == REJECT and not _has_reject(cost):
        price = 0.0
    if isinstance(cost, str):
        cost = make_cost(cost)
    pieces = distribution if isinstance(distribution, list) and hasattr(distribution[0], "batch_shape") else None
    probabilities = None if pieces else class_probabilities(distribution)
    if probabilities is None:
        if isinstance(cost, CostMatrix) or not callable(cost):
            raise ArgumentError("cost", "a cost of numbers, such as 'squared'", "a cost matrix", "It is for classes.")
        _check_price(price)
        if flag != REJECT:
            raise ArgumentError("flag", f"{REJECT!r}, the one action of numbers that can be rationed", repr(flag))
        answers = [
            decide_numbers(piece, cost, candidates=candidates, samples=samples, seed=seed + place)
            for place, piece in enumerate(pieces or [distribution])
        ]
        answer = joined(answers)
        return _reject_numbers(answer, price, budget, prices)
    for name, value in (("candidates", candidates), ("samples", samples)):
        if value is not None:
            raise ArgumentError(name, "none for classes, whose actions are those of the cost matrix", repr(value))
    names = list(range(probabilities.shape[-1])) if classes is None else list(classes)
    if len(names) != probabilities.shape[-1]:
        raise ArgumentError("classes", f"{probabilities.shape[-1]} names, one a class", f"{len(names)}")
    matrix = make_matrix(cost, names)
    _check_price(price, least=min(0.0, float(matrix.values.min())))
    matrix = matrix if price is None else matrix.with_reject(price)
    return _decide_classes(probabilities, matrix, budget, flag, prices)


def _check_price(price: float | None, least: float = 0.0) -> None:
    """Refuse a price that makes handing over cheaper than any decision can be: all rows would be."""
    if price is not None and price < least:
        raise ArgumentError("reject", f"a price of at least {least:g}, the least cost there is", f"{price:g}")


def _has_reject(cost: Any) -> bool:
    return isinstance(cost, CostMatrix) and REJECT in cost.actions


def _decide_classes(
    probabilities: NDArray[np.float64], matrix: CostMatrix, budget: float | None, flag: object, prices: Any
) -> Decisions:
    risk = matrix.risk(probabilities)
    if budget is not None:
        column = matrix.action(flag)
        others = np.delete(risk, column, axis=-1)
        if not others.shape[-1]:
            raise ArgumentError("flag", "another action beside it", f"{flag!r} alone")
        saved = others.min(axis=-1) - risk[..., column]
        spared = ~_within(saved, budget, prices)
        risk = risk.copy()
        risk[spared, column] = np.inf
    actions = risk.argmin(axis=-1)
    plain = matrix.plain_actions()[probabilities.argmax(axis=-1)]
    rejected = actions == matrix.actions.index(REJECT) if REJECT in matrix.actions else np.zeros(actions.shape, bool)
    full = matrix.risk(probabilities)
    return Decisions(actions, _taken(full, actions), plain, _taken(full, plain), rejected, matrix, "enumeration")


def _reject_numbers(answer: Decisions, price: float | None, budget: float | None, prices: Any) -> Decisions:
    if price is None:
        return answer
    if isinstance(answer.cost, ZeroOne) and answer.method != "enumeration" and (answer.expected > 1 - 1e-9).all():
        raise ArgumentError("cost", "a cost that tells near from far", "'0-1'", "It is 1 whatever number is chosen.")
    saved = answer.expected - price
    rejected = saved > 0 if budget is None else _within(saved, budget, prices)
    return dataclasses.replace(
        answer,
        actions=np.where(rejected, np.nan, answer.actions),
        expected=np.where(rejected, price, answer.expected),
        rejected=rejected,
        price=price,
    )


def _within(savings: NDArray[np.float64], budget: float, prices: Any) -> NDArray[np.bool_]:
    """Flag within a budget of cases, or of money where they have prices; all labels of all rows compete."""
    flat = savings.ravel()
    if prices is None:
        return choose(flat, cases=budget).reshape(savings.shape)  # type: ignore[arg-type]
    each = np.broadcast_to(np.asarray(prices, np.float64).reshape(-1, *[1] * (savings.ndim - 1)), savings.shape)
    return choose(flat, money=budget, prices=each.ravel()).reshape(savings.shape)


def _taken(risk: NDArray[np.float64], actions: NDArray[np.intp]) -> NDArray[np.float64]:
    return np.take_along_axis(risk, actions[..., None], axis=-1)[..., 0]
