"""Embeddings of levels: a learned vector for each level of a column with many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from thalweg.core.errors import ArgumentError
from thalweg.core.random import standard_normal
from thalweg.core.types import Params, State, Tape
from thalweg.core.validate import number
from thalweg.network.layer import Layer


@dataclass(frozen=True)
class Embed(Layer):
    r"""Learned vectors in place of level codes: the last C columns of x hold codes, y has their vectors there.

    y = [x_1 … x_{d-C}, e_1(c_1), …, e_C(c_C)] with codes c_j ∈ {0, …, n_j - 1}; larger ones count as the last level,
    smaller ones as the first. Code 0 stands for levels that training never saw: its vector starts at zero, and stays
    there where no training row has it, so that an unseen level says nothing. Backward: each row's error is added to the
    vectors that the row used.

    Args:
        levels: n_j of each code column.
        dimension: length of the vectors.
        deviation: of their starting values, drawn from N(0, deviation²) but for code 0.

    Raises:
        ArgumentError: no column, or a size below 1.

    Example:
        >>> import numpy as np
        >>> table = {"0": np.array([[0.0, 0.0], [1.0, 2.0], [3.0, 4.0]], np.float32)}
        >>> Embed((3,), 2).forward(table, {}, np.array([[0.5, 2.0]], np.float32))[0].tolist()
        [[0.5, 3.0, 4.0]]

    Source: Guo, Berkhahn, *Entity Embeddings of Categorical Variables* (2016).
    """

    levels: tuple[int, ...]
    dimension: int = 8
    deviation: float = 0.5
    kind: ClassVar[str] = "embed"

    def __post_init__(self) -> None:
        levels = tuple(number("levels", n, at_least=1, integer=True) for n in self.levels)
        if not levels:
            raise ArgumentError("levels", "at least one column of codes", "none")
        object.__setattr__(self, "levels", levels)
        number("dimension", self.dimension, at_least=1, integer=True)
        number("deviation", self.deviation, at_least=0)

    def width(self, width_in: int) -> int:
        if width_in < len(self.levels):
            raise ArgumentError("levels", f"at most the {width_in} columns of the input", f"{len(self.levels)} columns")
        return width_in + len(self.levels) * (self.dimension - 1)

    def init(self, key: Array, width_in: int) -> Params:
        # One draw for all tables: separate ones would each take time to compile.
        draws = self.deviation * standard_normal(key, (sum(self.levels), self.dimension))
        starts = np.cumsum([0, *self.levels])
        draws = draws.at[starts[:-1]].set(0.0)
        return {str(i): draws[starts[i] : starts[i + 1]] for i in range(len(self.levels))}

    def forward(
        self, params: Params, state: State, x: Array, *, key: Array | None = None, training: bool = False
    ) -> tuple[Array, Tape]:
        first = x.shape[-1] - len(self.levels)
        codes = [jnp.clip(x[:, first + i], 0, n - 1).astype(jnp.int32) for i, n in enumerate(self.levels)]
        vectors = [jnp.asarray(params[str(i)])[code] for i, code in enumerate(codes)]
        return jnp.concatenate([x[:, :first], *vectors], axis=1), codes

    def backward(self, params: Params, tape: Tape, delta: Array) -> tuple[Params, Array]:
        first = delta.shape[-1] - len(self.levels) * self.dimension
        grads = {
            str(i): jnp.zeros_like(params[str(i)]).at[code].add(delta[:, place : place + self.dimension])
            for i, code in enumerate(tape)
            for place in [first + i * self.dimension]
        }
        # A code is no quantity to descend in.
        return grads, jnp.pad(delta[:, :first], ((0, 0), (0, len(self.levels))))
