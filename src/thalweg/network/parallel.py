"""Stacks of layers side by side on the same input."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float
from numpy.typing import NDArray

from thalweg.core.errors import ArgumentError
from thalweg.core.random import fold_in, split
from thalweg.core.types import Params, State, Tape
from thalweg.network import sequence
from thalweg.network.layer import Layer, Path


@dataclass(frozen=True)
class Parallel(Layer):
    r"""Different stacks on the same input, their outputs side by side: y = (f_1(x); …; f_S(x)).

    The error vector parts as the output does, δ = (δ_1; …; δ_S), and δ_in = Σ_s δ_s,in. Stacks that are alike but for
    their weights are :class:`Members`.

    Args:
        stacks: for each stack its layers, or names of activations.

    Raises:
        ArgumentError: no stack, or one without layers.

    Example:
        >>> from thalweg.network import Dense, Network
        >>> Network(4, (Parallel(((Dense(8), "relu"), (Dense(3),))), Dense(1))).layers[0].width(4)
        11

    Source: Szegedy et al., *Going Deeper with Convolutions* (2015), where such stacks see the same pixels at different
    scales.
    """

    stacks: tuple[sequence.Layers, ...]
    kind: ClassVar[str] = "parallel"

    def __post_init__(self) -> None:
        object.__setattr__(self, "stacks", tuple(sequence.as_layers(stack) for stack in self.stacks))
        if not self.stacks or not all(self.stacks):
            raise ArgumentError("stacks", "at least one stack, each with a layer", repr(self.stacks))

    def width(self, width_in: int) -> int:
        return sum(sequence.widths(stack, width_in)[-1] for stack in self.stacks)

    @property
    def inside(self) -> Mapping[Path, sequence.Layers]:
        return {(s,): stack for s, stack in enumerate(self.stacks)}

    def mapped(self, function: Callable[[sequence.Layers], sequence.Layers]) -> Parallel:
        return Parallel(tuple(function(stack) for stack in self.stacks))

    def deltas_inside(self, params: Params, tape: Tape, delta: Array) -> tuple[tuple[Array, ...], ...]:
        return tuple(deltas for _, _, deltas in self._backward(params, tape, delta))

    def init(self, key: Array, width_in: int) -> Params:
        keys = split(key, len(self.stacks))
        return tuple(sequence.init(stack, k, width_in) for stack, k in zip(self.stacks, keys, strict=True))

    def init_state(self, width_in: int) -> State:
        return tuple(sequence.init_state(stack, width_in) for stack in self.stacks)

    @property
    def learns_from_rows(self) -> bool:
        return any(layer.learns_from_rows for stack in self.stacks for layer in stack)

    def fit_state(self, state: State, x: NDArray[Any]) -> State:
        return tuple(sequence.fit_state(stack, s, x) for stack, s in zip(self.stacks, state, strict=True))

    def step_factors(self, params: Params) -> Params:
        return tuple(sequence.step_factors(stack, p) for stack, p in zip(self.stacks, params, strict=True))

    def adapt(self, params: Params, x: Float[Array, "batch features"]) -> Params:
        states = self.init_state(x.shape[-1])
        return tuple(sequence.adapt(stack, p, s, x)[0] for stack, p, s in zip(self.stacks, params, states, strict=True))

    def forward(
        self, params: Params, state: State, x: Array, *, key: Array | None = None, training: bool = False
    ) -> tuple[Array, Tape]:
        passes = [
            sequence.forward(stack, params[s], state[s], x, key=self._key(key, s), training=training)
            for s, stack in enumerate(self.stacks)
        ]
        # At the end of each stack's tapes no rows of its output: they tell the backward rule its width.
        tape = tuple((*tapes, y[:0]) for y, tapes in passes)
        return jnp.concatenate([y for y, _ in passes], axis=1), tape

    def backward(self, params: Params, tape: Tape, delta: Array) -> tuple[Params, Array]:
        results = self._backward(params, tape, delta)
        delta_in: Array = sum(passed for _, passed, _ in results[1:]) + results[0][1]
        return tuple(grads for grads, _, _ in results), delta_in

    def _backward(self, params: Params, tape: Tape, delta: Array) -> list[tuple[Params, Array, tuple[Array, ...]]]:
        ends = list(itertools.accumulate(own[-1].shape[1] for own in tape))
        parts = jnp.split(delta, ends[:-1], axis=1)
        return [sequence.backward(stack, params[s], tape[s][:-1], parts[s]) for s, stack in enumerate(self.stacks)]

    def next_state(self, state: State, tape: Tape) -> State:
        return tuple(sequence.next_state(stack, state[s], tape[s][:-1]) for s, stack in enumerate(self.stacks))

    def multiplications(self, width_in: int) -> int:
        return sum(sequence.multiplications(stack, width_in) for stack in self.stacks)

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "stacks": [[layer.to_dict() for layer in stack] for stack in self.stacks]}

    @staticmethod
    def _key(key: Array | None, s: int) -> Array | None:
        return None if key is None else fold_in(key, s)
