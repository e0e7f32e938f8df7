"""What an action costs once the truth is known: pointwise costs as data, and how a user may write them."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from thalweg.core.errors import ArgumentError
from thalweg.core.registry import lookup
from thalweg.core.validate import number


@dataclasses.dataclass(frozen=True)
class Cost(ABC):
    """A cost ℓ(a, y) of the action a when y is true, whose action of least expected cost is known.

    Source: Berger, *Statistical Decision Theory and Bayesian Analysis* (1985), section 4.4.2.
    """

    name: ClassVar[str]
    formula: ClassVar[str]
    optimum: ClassVar[str]
    """The action of least expected cost, in words."""
    source: ClassVar[str]

    @abstractmethod
    def __call__(self, action: Any, y: Any) -> NDArray[np.float64]:
        """Return ℓ(a, y) elementwise; both arguments broadcast against each other."""

    @abstractmethod
    def best(self, distribution: Any) -> NDArray[np.float64]:
        """Return argmin_a E[ℓ(a, Y)] for each row of a distribution of numbers."""

    def expected(self, distribution: Any, action: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Return E[ℓ(a, Y)] of given actions in closed form, or None where there is none."""
        del distribution, action
        return None


@dataclasses.dataclass(frozen=True)
class ZeroOne(Cost):
    """Any mistake costs 1; for densities the limit of a window around the action that shrinks to nothing.

    Example:
        >>> ZeroOne()(2, np.array([1, 2]))
        array([1., 0.])
    """

    name: ClassVar[str] = "0-1"
    formula: ClassVar[str] = "[a ≠ y]"
    optimum: ClassVar[str] = "mode"
    source: ClassVar[str] = "Duda, Hart, Stork, Pattern Classification (2001), section 2.3"

    def __call__(self, action: Any, y: Any) -> NDArray[np.float64]:
        return np.asarray(np.not_equal(action, y), np.float64)

    def best(self, distribution: Any) -> NDArray[np.float64]:
        from thalweg.probability import mode

        return np.asarray(mode(distribution), np.float64)


@dataclasses.dataclass(frozen=True)
class Squared(Cost):
    """The square of the distance.

    Example:
        >>> Squared()(0.0, np.array([1.0, 3.0]))
        array([1., 9.])
    """

    name: ClassVar[str] = "squared"
    formula: ClassVar[str] = "(a - y)²"
    optimum: ClassVar[str] = "mean"
    source: ClassVar[str] = "Berger, Statistical Decision Theory and Bayesian Analysis (1985), section 4.4.2"

    def __call__(self, action: Any, y: Any) -> NDArray[np.float64]:
        return np.asarray(np.square(np.subtract(action, y, dtype=np.float64)))

    def best(self, distribution: Any) -> NDArray[np.float64]:
        from thalweg.probability import mean

        return np.asarray(mean(distribution), np.float64)

    def expected(self, distribution: Any, action: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return Var[Y] + (a - E[Y])²."""
        from thalweg.probability import mean, variance

        return np.asarray(variance(distribution) + np.square(action - mean(distribution)), np.float64)


@dataclasses.dataclass(frozen=True)
class Asymmetric(Cost):
    r"""Linear in the distance, with one price a unit below the truth and another above it.

    ℓ(a, y) = under · (y - a) where a < y, over · (a - y) where a ≥ y; least at the quantile under / (under + over).

    Args:
        under: price of each unit that the action lies below the truth.
        over: price of each unit above it.

    Raises:
        ArgumentError: a price that is not a number above 0.

    Example:
        >>> Asymmetric(under=5, over=1)(10.0, np.array([12.0, 7.0]))
        array([10.,  3.])

    Source: Koenker, *Quantile Regression* (2005), section 1.3.
    """

    name: ClassVar[str] = "asymmetric"
    formula: ClassVar[str] = "under · max(y - a, 0) + over · max(a - y, 0)"
    optimum: ClassVar[str] = "quantile under / (under + over)"
    source: ClassVar[str] = "Koenker, Quantile Regression (2005), section 1.3"
    under: float = 1.0
    over: float = 1.0

    def __post_init__(self) -> None:
        for name in ("under", "over"):
            object.__setattr__(self, name, number(name, getattr(self, name), above=0))

    def __call__(self, action: Any, y: Any) -> NDArray[np.float64]:
        a, y = np.asarray(action, np.float64), np.asarray(y, np.float64)
        return np.asarray(np.maximum(self.under * (y - a), self.over * (a - y)))

    def best(self, distribution: Any) -> NDArray[np.float64]:
        from thalweg.probability import quantile

        return np.asarray(quantile(distribution, self.under / (self.under + self.over)), np.float64)


@dataclasses.dataclass(frozen=True)
class Absolute(Asymmetric):
    """The distance: the asymmetric cost with both prices 1.

    Example:
        >>> Absolute()(0.0, np.array([-2.0, 3.0]))
        array([2., 3.])
    """

    name: ClassVar[str] = "absolute"
    formula: ClassVar[str] = "|a - y|"
    optimum: ClassVar[str] = "median"
    source: ClassVar[str] = "Berger, Statistical Decision Theory and Bayesian Analysis (1985), section 4.4.2"
    under: float = dataclasses.field(default=1.0, init=False)
    over: float = dataclasses.field(default=1.0, init=False)


@dataclasses.dataclass(frozen=True)
class Pinball(Asymmetric):
    """The pinball cost of a quantile: τ a unit below the truth, 1 - τ a unit above it.

    Args:
        level: τ in (0, 1).

    Raises:
        ArgumentError: ``level`` is not between 0 and 1.

    Example:
        >>> Pinball(0.75)(0.0, np.array([-4.0, 4.0]))
        array([1., 3.])
    """

    name: ClassVar[str] = "pinball"
    formula: ClassVar[str] = "τ max(y - a, 0) + (1 - τ) max(a - y, 0)"
    optimum: ClassVar[str] = "quantile τ"
    source: ClassVar[str] = "Koenker and Bassett, Regression Quantiles, Econometrica 46 (1978)"
    under: float = dataclasses.field(default=0.5, init=False)
    over: float = dataclasses.field(default=0.5, init=False)
    level: float = 0.5

    def __post_init__(self) -> None:
        level = number("level", self.level, above=0, below=1)
        for name, value in (("level", level), ("under", level), ("over", 1 - level)):
            object.__setattr__(self, name, value)


COSTS: dict[str, type[Cost]] = {cost.name: cost for cost in (ZeroOne, Squared, Absolute, Pinball, Asymmetric)}
"""Costs by name; :class:`~thalweg.decisions.matrix.CostMatrix` and any callable are costs too."""


def make_cost(cost: str | Cost | Callable[[Any, Any], Any]) -> Cost | Callable[[Any, Any], Any]:
    """Return a cost from its name, with settings behind it: ``"pinball=0.9"``, ``"under=5,over=1"``.

    Args:
        cost: a name in ``COSTS``, a cost, or a callable ``cost(action, y)`` that broadcasts over NumPy arrays.

    Raises:
        ArgumentError: an unknown name (with the nearest one) or a setting that cannot be used.

    Example:
        >>> make_cost("pinball=0.9").level, make_cost("under=5,over=1").under
        (0.9, 5.0)
        >>> make_cost("square")
        Traceback (most recent call last):
            ...
        thalweg.core.errors.ArgumentError: cost: expected one of 0-1, absolute, asymmetric, pinball, squared, got
        'square'. Did you mean 'squared'?
    """
    if not isinstance(cost, str):
        if not callable(cost):
            raise ArgumentError("cost", "a name, a cost, a cost matrix, or a callable cost(action, y)", repr(cost))
        return cost
    settings = {name.strip(): value.strip() for name, _, value in (part.partition("=") for part in cost.split(","))}
    if settings.keys() == {"under", "over"}:
        return Asymmetric(**{name: _price(name, value) for name, value in settings.items()})
    if len(settings) == 1 and settings.keys() == {"pinball"} and settings["pinball"]:
        return Pinball(_price("pinball", settings["pinball"]))
    if "=" in cost:
        raise ArgumentError("cost", "settings such as pinball=0.9 or under=5,over=1", repr(cost))
    return lookup(COSTS, cost.strip(), "cost")()


def _price(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ArgumentError(name, "a number", repr(text)) from None
