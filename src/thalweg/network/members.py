"""Independent stacks side by side: the members of an ensemble as one layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import NDArray

from thalweg.core.errors import ArgumentError
from thalweg.core.random import split
from thalweg.core.types import Params, State, Tape
from thalweg.core.validate import number
from thalweg.network import sequence
from thalweg.network.layer import Layer, Path


@dataclass(frozen=True)
class Members(Layer):
    r"""M stacks of the same layers, each with parameters of its own, on the same input: y = (f_1(x); …; f_M(x)).

    Member m's K outputs are y_{mK} … y_{mK+K-1}, as :class:`thalweg.likelihoods.members.Members` reads them. The
    error vector δ = (δ_1; …; δ_M) parts the same way: each member's backward pass sees its own δ_m alone, and δ_in =
    Σ_m δ_m,in.
    Parameters and running statistics are those of the stack with a leading axis of length M; starting weights, dropout
    and noise differ from member to member.

    Args:
        members: M.
        layers: the layers of one stack, or names of activations.

    Raises:
        ArgumentError: fewer than one member, or a stack without layers.

    Example:
        >>> import jax, numpy as np
        >>> from thalweg.network import Dense, Network
        >>> network = Network(4, (Members(3, (Dense(8), "relu", Dense(2))),))
        >>> params = network.init(jax.random.key(0))
        >>> params[0][0]["weight"].shape, network.outputs
        ((3, 8, 4), 6)

    Source: Lakshminarayanan, Pritzel, Blundell, *Simple and Scalable Predictive Uncertainty Estimation using Deep
    Ensembles* (2017).
    """

    members: int
    layers: sequence.Layers
    kind: ClassVar[str] = "members"
    stacked: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "members", number("members", self.members, at_least=1, integer=True))
        object.__setattr__(self, "layers", sequence.as_layers(self.layers))
        if not self.layers:
            raise ArgumentError("layers", "at least one layer", "none")

    def width(self, width_in: int) -> int:
        return self.members * sequence.widths(self.layers, width_in)[-1]

    @property
    def inside(self) -> Mapping[Path, sequence.Layers]:
        return {(): self.layers}

    def mapped(self, function: Callable[[sequence.Layers], sequence.Layers]) -> Members:
        return Members(self.members, function(self.layers))

    def init(self, key: Array, width_in: int) -> Params:
        return jax.vmap(lambda k: sequence.init(self.layers, k, width_in))(split(key, self.members))

    def init_state(self, width_in: int) -> State:
        repeat = (self.members,)
        state = sequence.init_state(self.layers, width_in)
        return jax.tree.map(lambda a: jnp.broadcast_to(a, repeat + jnp.shape(a)), state)

    @property
    def learns_from_rows(self) -> bool:
        return any(layer.learns_from_rows for layer in self.layers)

    def fit_state(self, state: State, x: NDArray[Any]) -> State:
        fitted = sequence.fit_state(self.layers, jax.tree.map(lambda a: a[0], state), x)
        return jax.tree.map(lambda a: jnp.broadcast_to(a, (self.members, *jnp.shape(a))), fitted)

    def step_factors(self, params: Params) -> Params:
        return sequence.step_factors(self.layers, params)

    def adapt(self, params: Params, x: Float[Array, "batch features"]) -> Params:
        state = sequence.init_state(self.layers, x.shape[-1])
        return jax.vmap(lambda p: sequence.adapt(self.layers, p, state, x)[0])(params)

    def with_output_bias(self, params: Params, bias: np.ndarray) -> Params:
        last = jax.vmap(self.layers[-1].with_output_bias)(params[-1], bias.reshape(self.members, -1))
        return (*params[:-1], last)

    def forward(
        self, params: Params, state: State, x: Array, *, key: Array | None = None, training: bool = False
    ) -> tuple[Array, Tape]:
        def one(p: Params, s: State, k: Array | None) -> tuple[Array, Tape]:
            return sequence.forward(self.layers, p, s, x, key=k, training=training)

        keys = None if key is None else split(key, self.members)
        y, tapes = jax.vmap(one, out_axes=(1, 0))(params, state, keys)
        return y.reshape(len(x), -1), tapes

    def backward(self, params: Params, tape: Tape, delta: Array) -> tuple[Params, Array]:
        def one(p: Params, tapes: Tape, d: Array) -> tuple[Params, Array]:
            return sequence.backward(self.layers, p, tapes, d)[:2]

        parts = delta.reshape(len(delta), self.members, -1)
        grads, delta_in = jax.vmap(one, in_axes=(0, 0, 1))(params, tape, parts)
        return grads, jnp.sum(delta_in, axis=0)

    def next_state(self, state: State, tape: Tape) -> State:
        return jax.vmap(lambda s, t: sequence.next_state(self.layers, s, t))(state, tape)

    def multiplications(self, width_in: int) -> int:
        return self.members * sequence.multiplications(self.layers, width_in)

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "members": self.members, "layers": [layer.to_dict() for layer in self.layers]}
