"""Decisions for many rows: what to do, what it is expected to cost, and what it did cost."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalweg.core.errors import ArgumentError
from thalweg.decisions.costs import Cost
from thalweg.decisions.matrix import CostMatrix
from thalweg.decisions.outcomes import Method

ARRAYS = ("actions", "expected", "map_actions", "map_expected", "rejected", "standard_error")


@dataclasses.dataclass(frozen=True, eq=False)
class Decisions:
    """The actions of least expected cost, beside those of one who takes the most probable outcome for certain (MAP).

    Attributes:
        actions: (N,) or (N, targets): numbers of `names` for a cost matrix, else values; NaN for a rejected number.
        expected: their expected costs, the price of a rejection where one was taken.
        map_actions: the MAP actions, which reject nothing.
        map_expected: their expected costs.
        rejected: which rows are handed over, at the price of a rejection.
        cost: as used, its classes in the order of the distribution.
        method: how expected costs were computed.
        price: of a rejection, None where there is none.
        standard_error: of `expected`, for sampling.
    """

    actions: NDArray[Any]
    expected: NDArray[np.float64]
    map_actions: NDArray[Any]
    map_expected: NDArray[np.float64]
    rejected: NDArray[np.bool_]
    cost: Cost | CostMatrix | Callable[[Any, Any], Any]
    method: Method
    price: float | None = None
    standard_error: NDArray[np.float64] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the actions of a cost matrix; empty for actions that are numbers."""
        return self.cost.actions if isinstance(self.cost, CostMatrix) else ()

    def labels(self) -> NDArray[Any]:
        """Return the actions by name; numbers as they are."""
        return np.asarray(self.names)[self.actions] if self.names else self.actions

    def map_labels(self) -> NDArray[Any]:
        """Return the MAP actions by name; numbers as they are."""
        return np.asarray(self.names)[self.map_actions] if self.names else self.map_actions

    def rows(self, place: Any) -> Decisions:
        """Return the decisions of some rows: anything that NumPy arrays can be indexed with."""
        return self.each(lambda values: values[place])

    def each(self, change: Callable[[NDArray[Any]], NDArray[Any]]) -> Decisions:
        """Return the decisions with all their arrays changed alike."""
        changed: dict[str, Any] = {name: change(value) for name in ARRAYS if (value := getattr(self, name)) is not None}
        return dataclasses.replace(self, **changed)

    def realized(self, y: Any) -> NDArray[np.float64]:
        """Return what the actions cost, now that y is known.

        Args:
            y: class numbers, or values, in the shape of `actions`.

        Raises:
            ArgumentError: another shape, or class numbers outside the matrix.
        """
        return self._cost_of(self.actions, y)

    def map_realized(self, y: Any) -> NDArray[np.float64]:
        """Return what the MAP actions would have cost."""
        return self._cost_of(self.map_actions, y)

    def _cost_of(self, actions: NDArray[Any], y: Any) -> NDArray[np.float64]:
        truth = np.asarray(y)
        if truth.shape != self.actions.shape:
            raise ArgumentError("y", f"the shape {self.actions.shape} of the decisions", f"shape {truth.shape}")
        if isinstance(self.cost, CostMatrix):
            classes = len(self.cost.classes)
            if truth.dtype.kind not in "biu" or not ((truth >= 0) & (truth < classes)).all():
                raise ArgumentError("y", f"class numbers from 0 to {classes - 1}", f"an array of {truth.dtype}")
            costs: NDArray[np.float64] = self.cost.values[truth.astype(np.intp), actions]
            return costs
        costs = np.asarray(self.cost(actions, truth), np.float64)
        return costs if self.price is None else np.where(np.isnan(actions), self.price, costs)


def joined(parts: Sequence[Decisions]) -> Decisions:
    """Return the decisions for all rows of pieces that were decided alike."""
    if len(parts) == 1:
        return parts[0]
    values = {name: [getattr(part, name) for part in parts] for name in ARRAYS}
    whole: dict[str, Any] = {name: np.concatenate(pieces) for name, pieces in values.items() if pieces[0] is not None}
    return dataclasses.replace(parts[0], **whole)
