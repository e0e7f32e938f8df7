"""Joint distributions of several discrete variables, as tables with named axes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import rel_entr

from thalweg.core.errors import ArgumentError
from thalweg.core.registry import lookup
from thalweg.core.validate import number
from thalweg.probability.checks import check_probabilities, check_weights


@dataclass(frozen=True, eq=False)
class JointTable:
    r"""The probabilities P(x, y, …) of every combination of values.

    Marginals sum out the other variables, p(y) = Σ_x p(x, y); conditionals divide, p(x | y) = p(x, y) / p(y), so that
    p(x, y) = p(y | x) p(x).

    Args:
        axes: a name for each variable, in the order of the axes of the table.
        probabilities: of every combination, at least 0 and together 1.

    Raises:
        ArgumentError: names that are missing or twice, or probabilities that are negative or do not sum to one.

    Example:
        >>> weather = JointTable(("sky", "ground"), [[0.6, 0.1], [0.05, 0.25]])
        >>> weather.marginal("ground").probabilities
        array([0.65, 0.35])
        >>> weather.conditional("sky", given={"ground": 1}).probabilities.round(3)
        array([0.286, 0.714])
        >>> weather.independent("sky", "ground")
        False

    Source: Bishop, *Pattern Recognition and Machine Learning* (2006), section 1.2.
    """

    axes: tuple[str, ...]
    probabilities: NDArray[np.float64]

    def __post_init__(self) -> None:
        axes = tuple(self.axes)
        table = check_probabilities("probabilities", self.probabilities, axis=None)
        if len(axes) != table.ndim or len(set(axes)) != len(axes):
            raise ArgumentError("axes", f"{table.ndim} different names, one an axis", f"{axes}")
        object.__setattr__(self, "axes", axes)
        object.__setattr__(self, "probabilities", table)

    @classmethod
    def from_counts(cls, axes: tuple[str, ...], counts: Any) -> JointTable:
        """Return the relative frequencies of counted combinations.

        Raises:
            ArgumentError: counts that are negative or all zero.

        Example:
            >>> JointTable.from_counts(("a", "b"), [[1, 1], [0, 2]]).probabilities
            array([[0.25, 0.25],
                   [0.  , 0.5 ]])
        """
        table = check_weights("counts", counts, axis=None, expected="counts")
        return cls(axes, table / table.sum())

    def marginal(self, *names: str) -> JointTable:
        """Return the table of these variables alone, in this order, the others summed out.

        Raises:
            ArgumentError: no names, unknown ones, or one twice.
        """
        kept = [self._axis(name) for name in names]
        if not kept or len(set(kept)) != len(kept):
            raise ArgumentError("names", f"different names among {', '.join(self.axes)}", f"{names}")
        rest = tuple(i for i in range(len(self.axes)) if i not in kept)
        table = self.probabilities.sum(axis=rest)
        # The axes of the sum stand in the order of this table; each name takes the rank of its axis.
        return JointTable(names, table.transpose(np.argsort(np.argsort(kept))))

    def conditional(self, *names: str, given: Mapping[str, int]) -> JointTable:
        """Return the table of variables once others have been observed.

        Args:
            *names: variables to keep; all that are not observed if none are named.
            given: observed variable → its value, a position along its axis from 0.

        Raises:
            ArgumentError: unknown variables or values, a variable on both sides, or an observation of probability 0.
        """
        index: list[Any] = [slice(None)] * len(self.axes)
        for name, value in given.items():
            axis = self._axis(name)
            last = self.probabilities.shape[axis] - 1
            index[axis] = number(name, value, at_least=0, at_most=last, integer=True)
        table = self.probabilities[tuple(index)]
        left = tuple(name for name in self.axes if name not in given)
        if not left or set(names) & set(given):
            raise ArgumentError("given", "other variables than those that are asked for", f"{sorted(given)}")
        evidence = table.sum()
        if evidence == 0:
            raise ArgumentError("given", "values that occur together", f"{dict(given)}, whose probability is 0")
        return JointTable(left, table / evidence).marginal(*(names or left))

    def expected(self, first: str, second: str) -> NDArray[np.float64]:
        """Return the table that two variables would have if they were independent, p(x) p(y)."""
        return np.multiply.outer(self.marginal(first).probabilities, self.marginal(second).probabilities)

    def independent(self, first: str, second: str, tolerance: float = 1e-9) -> bool:
        """Return whether p(x, y) = p(x) p(y) for all values, to within ``tolerance``.

        Raises:
            ArgumentError: unknown variables.
        """
        pair = self.marginal(first, second).probabilities
        return bool(np.abs(pair - self.expected(first, second)).max() <= tolerance)

    def mutual_information(self, first: str, second: str) -> float:
        """Return I(X; Y) = Σ p(x, y) ln p(x, y) / (p(x) p(y)) in nats: 0 for independent variables alone.

        Raises:
            ArgumentError: unknown variables.
        """
        pair = self.marginal(first, second).probabilities
        return max(0.0, float(rel_entr(pair, self.expected(first, second)).sum()))

    def _axis(self, name: str) -> int:
        return lookup({axis: i for i, axis in enumerate(self.axes)}, name, "names")
