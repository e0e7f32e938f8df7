"""The contract of a layer: a forward rule and its own backward rule.

Rules take minibatches, not single examples: one matrix product δᵀx per layer is what makes the explicit backward
pass faster than a vmapped one (docs/decisions/explicit-backward.md), and batch normalization needs the batch.
"""

from __future__ import annotations

import dataclasses
from abc import ABC
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import NDArray

from thalweg.core.types import Params, State, Tape


class Product(NamedTuple):
    """The product with weights that a dense layer makes, for one input or for the parts of several members.

    Attributes:
        units: rows of W, the outputs of one member.
        members: how many members' inputs and outputs stand side by side.
        own: whether each member has weights of its own, (members, units, inputs); else all share one W.
        plain: whether ∂L/∂W and ∂L/∂b are sums over rows and members of δ xᵀ and δ; not where members scale what they
            share.
    """

    units: int
    members: int = 1
    own: bool = False
    plain: bool = True


Path = tuple[int, ...]
"""Where an entry of nested tuples is."""


@dataclasses.dataclass(frozen=True)
class Layer(ABC):
    """One step x ↦ y of a network: an immutable description, its parameters kept apart.

    A subclass writes either :meth:`apply`, and gets its backward rule from ``jax.vjp``, or :meth:`forward` and
    :meth:`backward` by hand. It adds its name to ``thalweg.network.layers.LAYERS``.
    """

    kind: ClassVar[str]
    stacked: ClassVar[bool] = False
    """Whether parameters and tapes of the layers :attr:`inside` have a leading axis of members."""

    @property
    def product(self) -> Product | None:
        """What a dense layer multiplies, None for other layers.

        The parameters of a dense layer are ``weight`` and ``bias``, and its tape is its input or begins with it.
        """
        return None

    @property
    def inside(self) -> Mapping[Path, tuple[Layer, ...]]:
        """The sequences of layers within this one, by where their parameters, state and tapes are in those of it."""
        return {}

    def mapped(self, function: Callable[[tuple[Layer, ...]], tuple[Layer, ...]]) -> Layer:
        """Return the layer with each sequence :attr:`inside` replaced by what the function makes of it."""
        return self

    def deltas_inside(self, params: Params, tape: Tape, delta: Array) -> tuple[tuple[Array, ...], ...]:
        """Return for each sequence :attr:`inside` ∂L/∂y of its layers' outputs, given that of the layer's own."""
        return ()

    def width(self, width_in: int) -> int:
        """Return the output width for an input of ``width_in`` features."""
        return width_in

    def init(self, key: Array, width_in: int) -> Params:
        """Return starting parameters, ``{}`` for a layer that trains none."""
        return {}

    def init_state(self, width_in: int) -> State:
        """Return what the layer keeps but does not train, ``{}`` if nothing."""
        return {}

    @property
    def learns_from_rows(self) -> bool:
        """Whether :meth:`fit_state` looks at the rows."""
        return False

    def fit_state(self, state: State, x: NDArray[Any]) -> State:
        """Return the state as training rows make it, such as the knots of a numerical embedding."""
        return state

    def step_factors(self, params: Params) -> Params:
        """Return for each parameter by how much its steps are longer than those of the others: a tree of numbers."""
        return jax.tree.map(lambda _: 1.0, params)

    def adapt(self, params: Params, x: Float[Array, "batch features"]) -> Params:
        """Return parameters adapted to a first minibatch (data-dependent initialization)."""
        return params

    def with_output_bias(self, params: Params, bias: np.ndarray) -> Params:
        """Return parameters with ``bias`` (width,) as the constant part of the output, where the layer has such."""
        return params

    def apply(self, params: Params, state: State, x: Array, *, key: Array | None, training: bool) -> Array:
        """Return y = f(x; params). Only for layers that leave the backward rule to ``jax.vjp``."""
        raise TypeError(f"{type(self).__name__} defines neither apply nor forward and backward")

    def forward(
        self, params: Params, state: State, x: Array, *, key: Array | None = None, training: bool = False
    ) -> tuple[Array, Tape]:
        """Return the output and what the backward rule needs.

        Args:
            params: the layer's parameters.
            state: the layer's running statistics.
            x: (batch, features) input.
            key: randomness for this pass; required by layers that draw while training.
            training: true in a training step, false for evaluation and prediction.

        Returns:
            y of shape (batch, width), and the tape.
        """
        return jax.vjp(lambda p, u: self.apply(p, state, u, key=key, training=training), params, x)

    def backward(self, params: Params, tape: Tape, delta: Array) -> tuple[Params, Array]:
        """Return gradients and the error passed on.

        Args:
            params: the layer's parameters.
            tape: what :meth:`forward` kept.
            delta: ∂L/∂y, shape (batch, width).

        Returns:
            ∂L/∂params (the structure of params) and ∂L/∂x, shape (batch, features).
        """
        grads, delta_in = tape(delta)
        return grads, delta_in

    def next_state(self, state: State, tape: Tape) -> State:
        """Return the running statistics after a training pass."""
        return state

    def multiplications(self, width_in: int) -> int:
        """Return the number of multiplications with weights for one example."""
        return 0

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form read back by :func:`thalweg.network.layers.layer_from_dict`."""
        return {"kind": self.kind} | {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
