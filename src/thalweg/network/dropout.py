"""Dropout, and noise on the inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from thalweg.core.errors import ArgumentError
from thalweg.core.random import random_bits, standard_normal
from thalweg.core.types import Params, State, Tape
from thalweg.core.validate import number
from thalweg.network.layer import Layer


@dataclass(frozen=True)
class Dropout(Layer):
    """Inverted dropout: while training, y = m ⊙ x / (1 - p) with m ~ Bernoulli(1 - p); otherwise y = x.

    The state may hold another rate, see :meth:`rated`: so networks side by side drop different shares.

    Args:
        rate: p, the share of units set to zero.

    Source: Srivastava et al. 2014.
    """

    rate: float = 0.5
    kind: ClassVar[str] = "dropout"

    def __post_init__(self) -> None:
        number("dropout", self.rate, at_least=0, below=1, hint="It is the share of units set to zero.")

    def forward(
        self, params: Params, state: State, x: Array, *, key: Array | None = None, training: bool = False
    ) -> tuple[Array, Tape]:
        if not training or (self.rate == 0.0 and not state):
            return x, None
        if key is None:
            raise ArgumentError("key", "a random key while training with dropout", None)
        keep = random_bits(key, x.shape) >= (state["dropped"] if state else jnp.uint32(self.rate * 2**32))
        tape = keep, (state["factor"] if state else None)
        return self._masked(x, *tape), tape

    def backward(self, params: Params, tape: Tape, delta: Array) -> tuple[Params, Array]:
        return {}, delta if tape is None else self._masked(delta, *tape)

    def _masked(self, x: Array, keep: Array, factor: Array | None) -> Array:
        return jnp.where(keep, x * (1.0 / (1.0 - self.rate) if factor is None else factor.astype(x.dtype)), 0)

    @staticmethod
    def rated(rate: Any) -> State:
        """Return the state of a layer that drops another share than its own, or of several side by side.

        Example:
            >>> {name: value.tolist() for name, value in Dropout.rated([0.0, 0.5]).items()}
            {'dropped': [0, 2147483648], 'factor': [1.0, 2.0]}
        """
        shares = np.asarray(rate, np.float64)
        return {"dropped": (shares * 2**32).astype(np.uint32), "factor": (1 / (1 - shares)).astype(np.float32)}


@dataclass(frozen=True)
class GaussianNoise(Layer):
    """Noise on the inputs: while training, y = x + s z with z ~ N(0, 1); otherwise y = x.

    Args:
        scale: s, in units of the (standardized) input.
        columns: how many leading columns get noise, such as those before codes of levels; by default all.

    Source: Bishop 1995, *Training with Noise is Equivalent to Tikhonov Regularization*.
    """

    scale: float = 0.1
    columns: int | None = None
    kind: ClassVar[str] = "gaussian_noise"

    def __post_init__(self) -> None:
        number("input_noise", self.scale, at_least=0)
        if self.columns is not None:
            number("columns", self.columns, at_least=0, integer=True)

    def forward(
        self, params: Params, state: State, x: Array, *, key: Array | None = None, training: bool = False
    ) -> tuple[Array, Tape]:
        if not training or self.scale == 0.0:
            return x, None
        if key is None:
            raise ArgumentError("key", "a random key while training with input noise", None)
        noisy = x.shape[-1] if self.columns is None else self.columns
        noise = self.scale * standard_normal(key, (len(x), noisy)).astype(x.dtype)
        if noisy == x.shape[-1]:
            return x + noise, None
        return jnp.concatenate([x[:, :noisy] + noise, x[:, noisy:]], axis=1), None

    def backward(self, params: Params, tape: Tape, delta: Array) -> tuple[Params, Array]:
        return {}, jnp.asarray(delta)
