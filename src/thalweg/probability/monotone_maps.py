"""Views of numbers that are mapped by a monotone function, or kept between two bounds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from thalweg.core.errors import ArgumentError
from thalweg.probability.view import Numbers, View, highest


class MonotoneView(View):
    """A continuous variable mapped by a monotone NumPyro transform of numbers, such as exp."""

    discrete = False

    def __init__(self, base: View, transform: Any) -> None:
        self._base, self._transform, self.shape = base, transform, base.shape
        sign = np.asarray(getattr(transform, "sign", None) or 0)
        if base.discrete or transform.domain.event_dim or (sign == 0).any():
            raise ArgumentError(
                "d", "a continuous distribution mapped by a monotone function", type(transform).__name__
            )
        self._falls = bool((sign < 0).all())
        ends = [np.asarray(self._in_double(transform, b), np.float64) for b in (base.lower, base.upper)]
        self.lower, self.upper = np.minimum(*ends), np.maximum(*ends)

    @staticmethod
    def _in_double(function: Callable[..., Any], *x: Any) -> Numbers:
        import jax

        with jax.enable_x64(True):
            return np.asarray(function(*x), np.float64)

    def _backward(self, x: Numbers) -> tuple[Numbers, Any]:
        inside = (x > self.lower) & (x < self.upper)
        middle = self._in_double(self._transform, self._base.quantile(np.asarray(0.5)))
        return self._in_double(self._transform.inv, np.where(inside, x, middle)), inside

    def log_density(self, x: Numbers) -> Numbers:
        z, inside = self._backward(x)
        slope = self._in_double(self._transform.log_abs_det_jacobian, z, np.where(inside, x, 1.0))
        return np.where(inside, self._base.log_density(z) - slope, -np.inf)

    def cdf(self, x: Numbers) -> Numbers:
        z, inside = self._backward(x)
        below = self._base.survival(z) if self._falls else self._base.cdf(z)
        return np.where(inside, below, np.asarray(x >= self.upper, np.float64))

    def survival(self, x: Numbers) -> Numbers:
        z, inside = self._backward(x)
        above = self._base.cdf(z) if self._falls else self._base.survival(z)
        return np.where(inside, above, np.asarray(x < self.upper, np.float64))

    def quantile(self, q: Numbers) -> Numbers:
        z = self._base.upper_quantile(q) if self._falls else self._base.quantile(q)
        return self._in_double(self._transform, z)

    def upper_quantile(self, q: Numbers) -> Numbers:
        z = self._base.quantile(q) if self._falls else self._base.upper_quantile(q)
        return self._in_double(self._transform, z)

    def mode(self) -> Numbers:
        return highest(self)


class TruncatedView(View):
    """A continuous variable kept between two bounds."""

    discrete = False

    def __init__(self, base: View, lower: Numbers, upper: Numbers, shape: tuple[int, ...]) -> None:
        self._base, self.shape = base, shape
        self.lower, self.upper = np.broadcast_to(lower, shape), np.broadcast_to(upper, shape)
        # Where the lower bound lies above the median, masses are taken from the upper tail, where they are accurate.
        self._from_above = base.cdf(self.lower) > 0.5
        self._below, self._above = base.cdf(self.lower), base.survival(self.upper)
        self._mass = np.where(
            self._from_above, base.survival(self.lower) - self._above, base.cdf(self.upper) - self._below
        )

    def log_density(self, x: Numbers) -> Numbers:
        inside = (x >= self.lower) & (x <= self.upper)
        return np.where(inside, self._base.log_density(x) - np.log(self._mass), -np.inf)

    def cdf(self, x: Numbers) -> Numbers:
        x = np.clip(x, self.lower, self.upper)
        from_above = 1 - (self._base.survival(x) - self._above) / self._mass
        return np.clip(np.where(self._from_above, from_above, (self._base.cdf(x) - self._below) / self._mass), 0, 1)

    def quantile(self, q: Numbers) -> Numbers:
        q = np.asarray(q)
        below = self._base.quantile(np.minimum(self._below + q * self._mass, 1.0))
        x = np.where(self._from_above, self.upper_quantile(1 - q), below) if self._from_above.any() else below
        return np.clip(x, self.lower, self.upper)

    def upper_quantile(self, q: Numbers) -> Numbers:
        return np.clip(self._base.upper_quantile(np.minimum(self._above + q * self._mass, 1.0)), self.lower, self.upper)

    def mode(self) -> Numbers:
        return np.clip(self._base.mode(), self.lower, self.upper)
