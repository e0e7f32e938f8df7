"""TabM-mini: members that share all dense layers and differ by one vector of signs each, and by their heads."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array

from thalweg.core.random import random_bits, split, uniform
from thalweg.core.types import Params, State, Tape
from thalweg.core.validate import number
from thalweg.network.batch_ensemble import member_width, outer_sum
from thalweg.network.layer import Layer, Product


@dataclass(frozen=True)
class MemberScale(Layer):
    r"""A copy of the input for each of M members, scaled by a vector of its own: y_m = r_m ⊙ x.

    Outputs stand side by side, (batch, M · d). The r_m start as random signs, so that the members see the inputs in
    different corners of space; what follows may then share its weights. Backward: ∂L/∂r_m = Σ x ⊙ δ_m, and
    δ_in = Σ_m r_m ⊙ δ_m.

    Args:
        members: M.

    Raises:
        ArgumentError: a number below 1.

    Example:
        >>> import numpy as np
        >>> scale = {"scale": np.array([1.0, 1.0, -1.0, 1.0], np.float32)}
        >>> MemberScale(2).forward(scale, {}, np.array([[3.0, 4.0]], np.float32))[0].tolist()
        [[3.0, 4.0, -3.0, 4.0]]

    Source: Gorishniy, Kotelnikov, Babenko, *TabM: Advancing Tabular Deep Learning with Parameter-Efficient Ensembling*
    (2024), section 3.3.
    """

    members: int = 16
    kind: ClassVar[str] = "member_scale"

    def __post_init__(self) -> None:
        number("members", self.members, at_least=1, integer=True)

    def width(self, width_in: int) -> int:
        return self.members * width_in

    def init(self, key: Array, width_in: int) -> Params:
        signs = jnp.where(random_bits(key, (self.members * width_in,)) & 1, 1.0, -1.0)
        return {"scale": signs.astype(jnp.result_type(float))}

    def forward(
        self, params: Params, state: State, x: Array, *, key: Array | None = None, training: bool = False
    ) -> tuple[Array, Tape]:
        return jnp.tile(x, (1, self.members)) * params["scale"], x

    def backward(self, params: Params, tape: Tape, delta: Array) -> tuple[Params, Array]:
        scaled = (delta * params["scale"]).reshape(len(delta), self.members, -1)
        return {"scale": jnp.sum(delta * jnp.tile(tape, (1, self.members)), axis=0)}, jnp.sum(scaled, axis=1)


@dataclass(frozen=True)
class SharedDense(Layer):
    r"""One dense layer for all of M members: a_m = W x_m + b, a single product over members and rows.

    Inputs and outputs of the members stand side by side. Backward: ∂L/∂W = Σ_m δ_m x_mᵀ, ∂L/∂b = Σ_m δ_m, and Wᵀ δ_m is
    passed on.

    Args:
        units: width of each member's output.
        members: M.

    Raises:
        ArgumentError: a size below 1.

    Example:
        >>> SharedDense(8, members=4).width(12)
        32

    Source: Gorishniy, Kotelnikov, Babenko, *TabM* (2024).
    """

    units: int
    members: int = 16
    kind: ClassVar[str] = "shared_dense"

    def __post_init__(self) -> None:
        number("units", self.units, at_least=1, integer=True)
        number("members", self.members, at_least=1, integer=True)

    def width(self, width_in: int) -> int:
        member_width(width_in, self.members)
        return self.units * self.members

    @property
    def product(self) -> Product:
        return Product(self.units, self.members)

    def init(self, key: Array, width_in: int) -> Params:
        of_weight, of_bias = split(key, 2)
        own = member_width(width_in, self.members)
        bound = 1 / math.sqrt(own)
        return {
            "weight": uniform(of_weight, (self.units, own), -bound, bound),
            "bias": uniform(of_bias, (self.units,), -bound, bound),
        }

    def forward(
        self, params: Params, state: State, x: Array, *, key: Array | None = None, training: bool = False
    ) -> tuple[Array, Tape]:
        weight = params["weight"]
        parts = x.reshape(-1, weight.shape[1])
        return (parts @ weight.T + params["bias"]).reshape(len(x), -1), parts

    def backward(self, params: Params, tape: Tape, delta: Array) -> tuple[Params, Array]:
        parts = delta.reshape(-1, self.units)
        grads = {"weight": outer_sum(parts, tape), "bias": jnp.sum(parts, axis=0)}
        return grads, (parts @ params["weight"]).reshape(len(delta), -1)

    def multiplications(self, width_in: int) -> int:
        return self.units * width_in
