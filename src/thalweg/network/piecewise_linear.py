"""The piecewise linear encoding of numbers: how far each value has come through each bin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from numpy.typing import NDArray

from thalweg.core.errors import ArgumentError
from thalweg.core.types import Params, State, Tape
from thalweg.core.validate import number
from thalweg.network.layer import Layer


def knots(column: NDArray[np.floating], bins: int) -> NDArray[np.floating]:
    """Return at most ``bins`` + 1 ascending values of a column, between which about equally many of its rows lie.

    A value that would fill a bin by itself, such as the zeros of a sum that most people do not have, is a knot; the
    other values share the remaining bins by their quantiles.

    Args:
        column: (N,) values.
        bins: how many.

    Example:
        >>> knots(np.array([0.0] * 90 + [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]), 4).tolist()
        [0.0, 1.0, 3.0, 6.0, 9.0]
    """
    values, counts = np.unique(column, return_counts=True)
    if len(values) <= bins + 1:
        few: NDArray[np.floating] = values
        return few
    heavy = np.zeros(len(values), bool)
    while True:
        left = max(1, bins - int(heavy.sum()))
        more = ~heavy & (counts > counts[~heavy].sum() / left)
        if not more.any() or heavy.sum() + more.sum() >= bins:
            break
        heavy |= more
    shares = np.linspace(0, 1, bins + 1 - int(heavy.sum()))
    rest = np.quantile(np.repeat(values[~heavy], counts[~heavy]), shares, method="inverted_cdf")
    return np.unique(np.concatenate([values[heavy], rest]))


@dataclass(frozen=True)
class PiecewiseLinear(Layer):
    r"""Adds T columns for each of the first n: what a number has of each bin, between 0 and 1.

    With knots b_0 < … < b_T of a feature, e_t(x) = clip((x - b_{t-1}) / (b_t - b_{t-1}), 0, 1), and
    y = [x_1 … x_n, e(x_1), …, e(x_n), x_{n+1} … x_d]. A linear layer on y then is a continuous piecewise linear map
    of each number, with a slope of its own in each bin; x itself carries on beyond the outermost knots. The knots are
    quantiles of the training rows (see `knots`), kept in the layer's state. Backward: δ passes a bin with its slope
    1/(b_t - b_{t-1}).

    Args:
        numbers: n, how many leading columns are numbers.
        bins: T; features with fewer distinct values use fewer, and their other columns stay 0.

    Raises:
        ArgumentError: a number below 1.

    Example:
        >>> layer = PiecewiseLinear(1, 2)
        >>> x = np.array([[0.0], [1.0], [3.0]], np.float32)
        >>> layer.forward({}, layer.fit_state(layer.init_state(1), x), x)[0].tolist()
        [[0.0, 0.0, 0.0], [1.0, 1.0, 0.0], [3.0, 1.0, 1.0]]

    Source: Gorishniy, Rubachev, Babenko, *On Embeddings for Numerical Features in Tabular Deep Learning* (2022).
    """

    numbers: int
    bins: int = 32
    kind: ClassVar[str] = "piecewise_linear"

    def __post_init__(self) -> None:
        number("numbers", self.numbers, at_least=1, integer=True)
        number("bins", self.bins, at_least=1, integer=True)

    def width(self, width_in: int) -> int:
        if width_in < self.numbers:
            raise ArgumentError("numbers", f"at most the {width_in} columns of the input", self.numbers)
        return width_in + self.numbers * self.bins

    @property
    def learns_from_rows(self) -> bool:
        return True

    def init_state(self, width_in: int) -> State:
        # Until rows are seen: bins of the standard normal distribution's range.
        knots = np.broadcast_to(np.linspace(-3, 3, self.bins + 1), (self.numbers, self.bins + 1))
        return self._state(list(knots))

    def fit_state(self, state: State, x: NDArray[np.floating]) -> State:
        return self._state([knots(column, self.bins) for column in np.asarray(x)[:, : self.numbers].T])

    def _state(self, knots: list[NDArray[np.floating]]) -> State:
        start = np.zeros((self.numbers, self.bins), np.float32)
        slope = np.zeros_like(start)
        for i, b in enumerate(knots):
            widths = np.diff(b)
            start[i, : len(widths)], slope[i, : len(widths)] = b[:-1], 1 / np.maximum(widths, 1e-6)
        return {"start": jnp.asarray(start), "slope": jnp.asarray(slope)}

    def forward(
        self, params: Params, state: State, x: Array, *, key: Array | None = None, training: bool = False
    ) -> tuple[Array, Tape]:
        start, slope = state["start"], state["slope"]
        share = (x[:, : self.numbers, None] - start) * slope
        encoded = jnp.clip(share, 0, 1)
        inside = jnp.where((share > 0) & (share < 1), slope, 0)
        parts = [x[:, : self.numbers], encoded.reshape(len(x), -1), x[:, self.numbers :]]
        return jnp.concatenate(parts, axis=1), inside

    def backward(self, params: Params, tape: Tape, delta: Array) -> tuple[Params, Array]:
        n, end = self.numbers, self.numbers * (1 + self.bins)
        through = jnp.sum(delta[:, n:end].reshape(tape.shape) * tape, axis=-1)
        return {}, jnp.concatenate([delta[:, :n] + through, delta[:, end:]], axis=1)
