"""An answer that says how it was found and how exact it is."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Method = Literal["closed form", "sum", "quadrature", "Monte Carlo"]


class Estimate(NamedTuple):
    """A number, or one for each entry of a batch, with its origin.

    Attributes:
        value: the estimate, float64.
        method: ``"closed form"``, ``"sum"`` over all values, ``"quadrature"`` or ``"Monte Carlo"``.
        error: a bound on the error, or for Monte Carlo the standard error; of the shape of ``value``. 0 for closed
            forms, which are exact up to rounding.
        note: why the value is what it is, where that is not plain: of an infinite divergence, for instance.

    Example:
        >>> answer = Estimate(np.float64(0.5), "closed form", np.float64(0.0))
        >>> float(answer), answer.method
        (0.5, 'closed form')
    """

    value: NDArray[np.float64] | np.float64
    method: Method
    error: NDArray[np.float64] | np.float64
    note: str = ""

    def __float__(self) -> float:
        """Return the value alone."""
        return float(self.value)
