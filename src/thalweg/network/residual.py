"""The residual block y = x + F(x)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from jaxtyping import Array

from thalweg.core.errors import ArgumentError
from thalweg.core.types import Params, State, Tape
from thalweg.network import sequence
from thalweg.network.layer import Layer, Path


@dataclass(frozen=True)
class Residual(Layer):
    """A residual block y = x + F(x), F a sequence of layers that keeps the width; δ_in = δ + F'ᵀδ.

    Args:
        layers: the layers of F, or names of activations.

    Example:
        >>> from thalweg.network.dense import Dense
        >>> Residual((Dense(8), "relu", Dense(8))).width(8)
        8

    Source: He et al. 2016, *Deep Residual Learning for Image Recognition*.
    """

    layers: sequence.Layers
    kind: ClassVar[str] = "residual"

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", sequence.as_layers(self.layers))

    def width(self, width_in: int) -> int:
        width_out = sequence.widths(self.layers, width_in)[-1]
        if width_out != width_in:
            raise ArgumentError(
                "layers",
                f"a residual block that keeps its width of {width_in}",
                f"one that ends with {width_out}",
                f"End the block with Dense({width_in}).",
            )
        return width_in

    @property
    def inside(self) -> Mapping[Path, sequence.Layers]:
        return {(): self.layers}

    def mapped(self, function: Callable[[sequence.Layers], sequence.Layers]) -> Residual:
        return Residual(function(self.layers))

    def deltas_inside(self, params: Params, tape: Tape, delta: Array) -> tuple[tuple[Array, ...], ...]:
        return (sequence.backward(self.layers, params, tape, delta)[2],)

    def init(self, key: Array, width_in: int) -> Params:
        return sequence.init(self.layers, key, width_in)

    def init_state(self, width_in: int) -> State:
        return sequence.init_state(self.layers, width_in)

    def step_factors(self, params: Params) -> Params:
        return sequence.step_factors(self.layers, params)

    def adapt(self, params: Params, x: Array) -> Params:
        adapted, _ = sequence.adapt(self.layers, params, sequence.init_state(self.layers, x.shape[-1]), x)
        return adapted

    def forward(
        self, params: Params, state: State, x: Array, *, key: Array | None = None, training: bool = False
    ) -> tuple[Array, Tape]:
        y, tapes = sequence.forward(self.layers, params, state, x, key=key, training=training)
        return x + y, tapes

    def backward(self, params: Params, tape: Tape, delta: Array) -> tuple[Params, Array]:
        grads, delta_in, _ = sequence.backward(self.layers, params, tape, delta)
        return grads, delta + delta_in

    def next_state(self, state: State, tape: Tape) -> State:
        return sequence.next_state(self.layers, state, tape)

    def multiplications(self, width_in: int) -> int:
        return sequence.multiplications(self.layers, width_in)

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "layers": [layer.to_dict() for layer in self.layers]}
