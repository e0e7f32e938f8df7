"""Periodic embeddings of numbers: learned waves of each feature, mixed by a small linear map of its own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array

from thalweg.core.errors import ArgumentError
from thalweg.core.random import split, standard_normal, uniform
from thalweg.core.types import Params, State, Tape
from thalweg.core.validate import number
from thalweg.network.layer import Layer

_COSINE = (
    *(0.9999999999, -19.73920874, 64.93938908, -85.45665831),
    *(60.24213134, -26.40466818, 7.800131423, -1.453112297),
)
"""Coefficients of cos(2π √z) on 0 ≤ z ≤ ¼, an interpolation in Chebyshev points, off by 1e-9 at most.

XLA's cosine reduces arguments of any size and takes fifteen times as long as this polynomial does.
"""


@dataclass(frozen=True)
class Periodic(Layer):
    r"""Learned waves of each number, mixed linearly and put beside it: the embedding "PBLD" of RealMLP.

    For each of the first n columns, z(x) = cos(2π (f x + p)) with frequencies f and phases p ∈ R^h, and
    y holds x and V z(x) + c ∈ R^m in place of x; the other columns follow unchanged. The backward rule is
    δ_z = Vᵀδ, δ_u = -2π sin(2π u) ⊙ δ_z with u = f x + p, and ∂L/∂f = Σ x δ_u, ∂L/∂p = Σ δ_u, δ_in = δ_x + fᵀδ_u.

    Args:
        numbers: n, how many leading columns are numbers.
        waves: h of each number.
        dimension: m + 1, columns of y for each number.
        deviation: of the starting frequencies, f ~ N(0, deviation²); p is uniform on [-½, ½].
        step_factor: its steps are this many times as long as those of the other layers.

    Raises:
        ArgumentError: a size out of range.

    Example:
        >>> import numpy as np
        >>> layer = Periodic(2, waves=16, dimension=4)
        >>> layer.width(5)
        11

    Source: Holzmüller, Grinsztajn, Steinwart, *Better by Default* (2024), section 3; Gorishniy, Rubachev, Babenko, *On
    Embeddings for Numerical Features in Tabular Deep Learning* (2022).
    """

    numbers: int
    waves: int = 16
    dimension: int = 4
    deviation: float = 0.1
    step_factor: float = 0.1
    kind: ClassVar[str] = "periodic"

    def __post_init__(self) -> None:
        number("numbers", self.numbers, at_least=1, integer=True)
        number("waves", self.waves, at_least=1, integer=True)
        number("dimension", self.dimension, at_least=2, integer=True)
        number("deviation", self.deviation, above=0)
        number("step_factor", self.step_factor, above=0)

    def width(self, width_in: int) -> int:
        if width_in < self.numbers:
            raise ArgumentError("numbers", f"at most the {width_in} columns of the input", self.numbers)
        return width_in + self.numbers * (self.dimension - 1)

    def init(self, key: Array, width_in: int) -> Params:
        of_frequency, of_phase, of_weight, of_bias = split(key, 4)
        bound, mixed = 1 / math.sqrt(self.waves), self.dimension - 1
        # Frequencies and phases are vectors: weight decay, which acts on matrices, would pull them to 0.
        return {
            "frequency": self.deviation * standard_normal(of_frequency, (self.numbers * self.waves,)),
            "phase": uniform(of_phase, (self.numbers * self.waves,), -0.5, 0.5),
            "weight": uniform(of_weight, (self.numbers, mixed, self.waves), -bound, bound),
            "bias": uniform(of_bias, (self.numbers * mixed,), -bound, bound),
        }

    def step_factors(self, params: Params) -> Params:
        return jax.tree.map(lambda _: self.step_factor, params)

    def forward(
        self, params: Params, state: State, x: Array, *, key: Array | None = None, training: bool = False
    ) -> tuple[Array, Tape]:
        numbers, shape = x[:, : self.numbers], (self.numbers, self.waves)
        frequency, phase = params["frequency"].reshape(shape), params["phase"].reshape(shape)
        turns = numbers[:, :, None] * frequency + phase
        turns = turns - jnp.round(turns)  # cos(2π u) has period 1
        waves = _polynomial(_COSINE, turns * turns)
        # For each row and number the product with the number's matrix: sums, as products are too small.
        sums = [jnp.sum(waves * params["weight"][:, k], axis=2) for k in range(self.dimension - 1)]
        mixed = jnp.stack(sums, axis=2) + params["bias"].reshape(self.numbers, -1)
        embedded = jnp.concatenate([numbers[:, :, None], mixed], axis=2)
        return jnp.concatenate([embedded.reshape(len(x), -1), x[:, self.numbers :]], axis=1), (numbers, turns, waves)

    def backward(self, params: Params, tape: Tape, delta: Array) -> tuple[Params, Array]:
        numbers, turns, waves = tape
        embedded = self.numbers * self.dimension
        own = delta[:, :embedded].reshape(-1, self.numbers, self.dimension)
        mixed = own[:, :, 1:]
        # A sum of few products, in one loop with what follows; a reduction for each wave would be a loop of its own.
        of_waves: Array = sum(mixed[:, :, k, None] * params["weight"][:, k] for k in range(self.dimension - 1))
        slopes = tuple(2.0 * k * c for k, c in enumerate(_COSINE))[1:]
        of_turns = of_waves * turns * _polynomial(slopes, turns * turns)
        grads = {
            "frequency": jnp.sum(numbers[:, :, None] * of_turns, axis=0).ravel(),
            "phase": jnp.sum(of_turns, axis=0).ravel(),
            "weight": jnp.sum(mixed[:, :, :, None] * waves[:, :, None, :], axis=0),
            "bias": jnp.sum(mixed, axis=0).ravel(),
        }
        frequency = params["frequency"].reshape(self.numbers, self.waves)
        of_numbers = own[:, :, 0] + jnp.sum(of_turns * frequency, axis=2)
        return grads, jnp.concatenate([of_numbers, delta[:, embedded:]], axis=1)


def _polynomial(coefficients: tuple[float, ...], z: Array) -> Array:
    """Return Σ c_k z^k by Horner's rule."""
    value = jnp.full_like(z, coefficients[-1])
    for c in reversed(coefficients[:-1]):
        value = c + z * value
    return value
