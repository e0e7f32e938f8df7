"""A stack of layers that grows as another library's is read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thalweg.core.errors import ArgumentError
from thalweg.core.types import Params, State
from thalweg.network import (
    Activation,
    BatchNorm,
    Dense,
    Dropout,
    GaussianNoise,
    LayerNorm,
    Network,
    PReLU,
)
from thalweg.network.layer import Layer
from thalweg.network.network import default_initializer

SLOPE = 0.01
"""Of thalweg's leaky ReLU."""


class Stack:
    """Layers with their parameters and running statistics, in the order of the network."""

    def __init__(self) -> None:
        self.inputs: int | None = None
        self.width: int | None = None
        self.layers: list[Layer] = []
        self.params: list[Params] = []
        self.state: list[State] = []
        self.notes: list[str] = []

    def dense(self, weight: ArrayLike, bias: ArrayLike | None) -> None:
        """Add W x + b, with W (outputs, inputs)."""
        W = array(weight)
        if self.inputs is None:
            self.inputs = W.shape[1]
        if bias is None:
            self.note("a dense layer has no bias: here it is 0 at first, and trained")
        self.width = len(W)
        self._add(Dense(len(W)), {"weight": W, "bias": np.zeros(len(W), np.float32) if bias is None else array(bias)})

    def activation(self, name: str) -> None:
        """Add a named activation, and tell the dense layer before which it is; identity adds nothing."""
        if name == "identity":
            return
        dense = next((i for i in reversed(range(len(self.layers))) if isinstance(self.layers[i], Dense)), None)
        if dense is not None:
            self.layers[dense] = Dense(self.layers[dense].width(0), default_initializer(name), name)
        self._add(Activation(name))

    def leaky(self, slope: float) -> None:
        """Add a leaky ReLU of any slope."""
        if math.isclose(slope, SLOPE):
            self.activation("leaky_relu")
        else:
            self.note(f"a leaky ReLU of slope {slope:g} is a parametric one here, whose slope is trained")
            self.prelu(slope)

    def prelu(self, slope: ArrayLike) -> None:
        """Add a parametric ReLU, with one slope or one a unit."""
        slopes = array(slope).ravel()
        if slopes.size == 1 and self.units > 1:
            slopes = np.full(self.units, slopes.item(), np.float32)
        self._add(PReLU(float(slopes[0])), {"slope": slopes})

    def dropout(self, rate: float) -> None:
        """Add dropout of a share of units."""
        self._add(Dropout(float(rate)))

    def noise(self, scale: float) -> None:
        """Add Gaussian noise."""
        self._add(GaussianNoise(float(scale)))

    def batch_norm(
        self,
        mean: ArrayLike,
        variance: ArrayLike,
        scale: ArrayLike | None,
        shift: ArrayLike | None,
        *,
        momentum: float,
        epsilon: float,
    ) -> None:
        """Add batch normalization; ``momentum`` is the weight of the old value."""
        state = {"mean": array(mean), "variance": array(variance)}
        params = self._affine(scale, shift, len(state["mean"]))
        self._add(BatchNorm(float(momentum), float(epsilon)), params, state)

    def layer_norm(self, scale: ArrayLike | None, shift: ArrayLike | None, *, epsilon: float) -> None:
        """Add layer normalization."""
        self._add(LayerNorm(float(epsilon)), self._affine(scale, shift, self.units))

    def note(self, text: str) -> None:
        """Keep a word on what differs."""
        if text not in self.notes:
            self.notes.append(text)

    @property
    def units(self) -> int:
        """Width so far."""
        if self.width is None:
            raise ArgumentError("layers", "a dense layer first", "another one, whose width is not known")
        return self.width

    def last(self) -> str | None:
        """Return the name of the output activation, if there is one."""
        final = self.layers[-1] if self.layers else None
        return final.name if isinstance(final, Activation) else None

    def drop(self) -> None:
        """Take the last layer off: the likelihood holds it."""
        for parts in (self.layers, self.params, self.state):
            parts.pop()

    def network(self) -> Network:
        """Return the description of the network.

        Raises:
            ArgumentError: there is no dense layer.
        """
        if self.inputs is None:
            raise ArgumentError("layers", "at least one dense layer", "none")
        return Network(self.inputs, tuple(self.layers))

    def _affine(self, scale: ArrayLike | None, shift: ArrayLike | None, width: int) -> Params:
        if scale is None or shift is None:
            self.note("a normalization lacks scale or shift: here they are 1 and 0 at first, and trained")
        return {
            "scale": np.ones(width, np.float32) if scale is None else array(scale),
            "shift": np.zeros(width, np.float32) if shift is None else array(shift),
        }

    def _add(self, layer: Layer, params: Params | None = None, state: State | None = None) -> None:
        self.layers.append(layer)
        self.params.append(params or {})
        self.state.append(state or {})


def array(values: Any) -> NDArray[np.float32]:
    """Return values of another library as float32 of our own."""
    if hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    return np.array(values, np.float32)


def refuse(argument: str, names: Sequence[tuple[int, str]], known: Sequence[str]) -> None:
    """Raise if there are layers that cannot be read, by their places and names.

    Raises:
        ArgumentError: names all of them.
    """
    if names:
        found = ", ".join(f"layer {place} ({name})" for place, name in names)
        raise ArgumentError(argument, f"a stack of {', '.join(known)}", found)
