"""Members that share their weights: BatchEnsemble, and the heads that tell them apart."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from thalweg.core.errors import ArgumentError
from thalweg.core.random import random_bits, split, uniform
from thalweg.core.types import Params, State, Tape
from thalweg.core.validate import number
from thalweg.network.layer import Layer, Product

SAME_ORDER = 8
"""Rows from which on a product sums in one order. Of fewer rows the last digits would be others."""


@dataclass(frozen=True)
class BatchEnsemble(Layer):
    r"""A dense layer for M members that share W and differ by vectors: a_m = s_m ⊙ (W (r_m ⊙ x_m)) + b_m.

    Outputs of the members stand side by side, (batch, M · units). The first such layer of a network is ``shared``: it
    has one input x for all members and no r, so that its product is done once for all of them; its s_m starts with
    random signs, which make the members differ. All others start from r = s = 1.

    Backward, with g_m = s_m ⊙ δ_m: ∂L/∂W = Σ_m g_m (r_m ⊙ x_m)ᵀ, ∂L/∂s_m = Σ δ_m ⊙ W (r_m ⊙ x_m), ∂L/∂b_m = Σ δ_m,
    ∂L/∂r_m = Σ x_m ⊙ Wᵀ g_m, and r_m ⊙ Wᵀ g_m is passed on.

    Args:
        units: width of each member's output.
        members: M.
        shared: whether the input is one for all members.

    Raises:
        ArgumentError: a size below 1.

    Example:
        >>> first, second = BatchEnsemble(8, members=4, shared=True), BatchEnsemble(6, members=4)
        >>> first.width(3), second.width(32)
        (32, 24)

    Source: Wen, Tran, Ba, *BatchEnsemble* (2020); Gorishniy, Kotelnikov, Babenko, *TabM: Advancing Tabular Deep
    Learning with Parameter-Efficient Ensembling* (2024), where the first layer's random signs are in r.
    """

    units: int
    members: int = 16
    shared: bool = False
    kind: ClassVar[str] = "batch_ensemble"

    def __post_init__(self) -> None:
        number("units", self.units, at_least=1, integer=True)
        number("members", self.members, at_least=1, integer=True)

    def width(self, width_in: int) -> int:
        self._width_of_member(width_in)
        return self.units * self.members

    @property
    def product(self) -> Product:
        return Product(self.units, self.members, plain=False)

    def _width_of_member(self, width_in: int) -> int:
        if self.shared:
            return width_in
        return member_width(width_in, self.members)

    def init(self, key: Array, width_in: int) -> Params:
        of_weight, of_bias, of_signs = split(key, 3)
        own = self._width_of_member(width_in)
        bound, outputs = 1 / math.sqrt(own), self.units * self.members
        # r, s and b are vectors: weight decay acts on W alone.
        params = {
            "weight": uniform(of_weight, (self.units, own), -bound, bound),
            "bias": uniform(of_bias, (outputs,), -bound, bound),
            "output_scale": jnp.ones(outputs),
        }
        if self.shared:
            sign = jnp.where(random_bits(of_signs, (outputs,)) & 1, 1.0, -1.0)
            return params | {"output_scale": sign.astype(params["bias"].dtype)}
        return params | {"input_scale": jnp.ones(width_in)}

    def forward(
        self, params: Params, state: State, x: Array, *, key: Array | None = None, training: bool = False
    ) -> tuple[Array, Tape]:
        weight = params["weight"]
        if self.shared:
            product = jnp.tile(x @ weight.T, (1, self.members))
            return product * params["output_scale"] + params["bias"], (x, product)
        scaled = (x * params["input_scale"]).reshape(-1, weight.shape[1])
        product = (scaled @ weight.T).reshape(len(x), -1)
        return product * params["output_scale"] + params["bias"], (x, scaled, product)

    def backward(self, params: Params, tape: Tape, delta: Array) -> tuple[Params, Array]:
        weight = params["weight"]
        grads = {"bias": jnp.sum(delta, axis=0), "output_scale": jnp.sum(delta * tape[-1], axis=0)}
        g = delta * params["output_scale"]
        if self.shared:
            g = jnp.sum(g.reshape(len(delta), self.members, self.units), axis=1)
            return grads | {"weight": outer_sum(g, tape[0])}, g @ weight
        x, scaled, _ = tape
        g = g.reshape(-1, self.units)
        passed = (g @ weight).reshape(x.shape)
        grads |= {"weight": outer_sum(g, scaled), "input_scale": jnp.sum(passed * x, axis=0)}
        return grads, passed * params["input_scale"]

    def multiplications(self, width_in: int) -> int:
        own = self._width_of_member(width_in)
        if self.shared:
            return self.units * own + self.units * self.members
        return self.members * (self.units * own + own + self.units)


@dataclass(frozen=True)
class MemberDense(Layer):
    r"""A dense layer of its own for each of M members: a_m = W_m x_m + b_m.

    Inputs and outputs of the members stand side by side. Backward: ∂L/∂W_m = Σ δ_m x_mᵀ, ∂L/∂b_m = Σ δ_m, and W_mᵀ δ_m
    is passed on.

    Args:
        units: width of each member's output.
        members: M.

    Raises:
        ArgumentError: a size below 1.

    Example:
        >>> MemberDense(3, members=4).width(32)
        12

    Source: Gorishniy, Kotelnikov, Babenko, *TabM* (2024).
    """

    units: int
    members: int = 16
    kind: ClassVar[str] = "member_dense"

    def __post_init__(self) -> None:
        number("units", self.units, at_least=1, integer=True)
        number("members", self.members, at_least=1, integer=True)

    def width(self, width_in: int) -> int:
        member_width(width_in, self.members)
        return self.units * self.members

    @property
    def product(self) -> Product:
        return Product(self.units, self.members, own=True)

    def init(self, key: Array, width_in: int) -> Params:
        own = member_width(width_in, self.members)
        bound = 1 / math.sqrt(own)
        return {
            "weight": uniform(key, (self.members, self.units, own), -bound, bound),
            "bias": jnp.zeros(self.units * self.members),
        }

    def with_output_bias(self, params: Params, bias: np.ndarray) -> Params:
        return params | {"bias": jnp.asarray(bias.reshape(-1))}

    def forward(
        self, params: Params, state: State, x: Array, *, key: Array | None = None, training: bool = False
    ) -> tuple[Array, Tape]:
        rows = len(x)
        x = jnp.pad(x, ((0, max(0, SAME_ORDER - rows)), (0, 0)))
        # Without the barrier XLA works out x anew, and slowly, in the order that each product wants.
        by_member = jax.lax.optimization_barrier(jnp.swapaxes(x.reshape(len(x), self.members, -1), 0, 1))
        parts = jnp.swapaxes(by_member, 0, 1)
        products = jnp.einsum("nmd,mkd->nmk", parts, params["weight"])
        return products.reshape(len(x), -1)[:rows] + params["bias"], parts[:rows]

    def backward(self, params: Params, tape: Tape, delta: Array) -> tuple[Params, Array]:
        parts = delta.reshape(len(delta), self.members, self.units)
        gradient = jnp.einsum("nmk,nmd->mkd", parts, tape)
        passed = jnp.einsum("nmk,mkd->nmd", parts, params["weight"])
        return {"weight": gradient, "bias": jnp.sum(delta, axis=0)}, passed.reshape(len(delta), -1)

    def multiplications(self, width_in: int) -> int:
        return self.units * width_in


def member_width(width_in: int, members: int) -> int:
    """Return the width of one member's part.

    Raises:
        ArgumentError: the width is no multiple of the number of members.
    """
    if width_in % members:
        raise ArgumentError("members", f"a number that divides the {width_in} columns of the input", members)
    return width_in // members


def outer_sum(delta: Array, x: Array) -> Array:
    """Return Σ δ xᵀ; the explicit transpose makes XLA choose the faster product (docs/decisions/tabular-recipe.md)."""
    transposed: Array = jax.lax.optimization_barrier(delta.T)
    return transposed @ x
