"""Activations as layers: φ from the registry, PReLU with its trained slope, and φ with a trained strength."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array

from thalweg.core.types import Params, State, Tape
from thalweg.core.validate import number
from thalweg.network.activations import activation
from thalweg.network.layer import Layer


@dataclass(frozen=True)
class Activation(Layer):
    """An activation layer y = φ(a), backward δ_in = φ'(a) ⊙ δ.

    Args:
        name: key in :data:`thalweg.network.activations.ACTIVATIONS`.

    Example:
        >>> import numpy as np
        >>> y, _ = Activation("relu").forward({}, {}, np.array([[-1.0, 2.0]], dtype=np.float32))
        >>> y.tolist()
        [[0.0, 2.0]]
    """

    name: str
    kind: ClassVar[str] = "activation"

    def __post_init__(self) -> None:
        activation(self.name)

    def forward(
        self, params: Params, state: State, x: Array, *, key: Array | None = None, training: bool = False
    ) -> tuple[Array, Tape]:
        y = activation(self.name).value(x)
        return y, (x, y)

    def backward(self, params: Params, tape: Tape, delta: Array) -> tuple[Params, Array]:
        a, y = tape
        return {}, activation(self.name).pull(a, y, delta)


@dataclass(frozen=True)
class PReLU(Layer):
    """Parametric ReLU: y = a for a > 0, s a otherwise, one trained slope s per unit.

    Args:
        slope: starting value of s.

    Source: He et al. 2015, *Delving Deep into Rectifiers*.
    """

    slope: float = 0.25
    kind: ClassVar[str] = "prelu"

    def init(self, key: Array, width_in: int) -> Params:
        return {"slope": jnp.full(width_in, self.slope)}

    def forward(
        self, params: Params, state: State, x: Array, *, key: Array | None = None, training: bool = False
    ) -> tuple[Array, Tape]:
        return jnp.where(x > 0, x, params["slope"] * x), x

    def backward(self, params: Params, tape: Tape, delta: Array) -> tuple[Params, Array]:
        slope = jnp.where(tape > 0, 1.0, params["slope"])
        return {"slope": jnp.sum(jnp.minimum(tape, 0.0) * delta, axis=0)}, slope * delta


@dataclass(frozen=True)
class ParametricActivation(Layer):
    r"""An activation whose strength is learned: y = x + α ⊙ (φ(x) - x), one α for each unit, starting from 1.

    Backward: ∂L/∂α = Σ (φ(x) - x) ⊙ δ, δ_in = (1 - α + α φ'(x)) ⊙ δ.

    Args:
        name: key in :data:`thalweg.network.activations.ACTIVATIONS`.
        step_factor: its steps are this many times as long as those of the other layers.

    Example:
        >>> import numpy as np
        >>> half = {"strength": np.array([0.5, 0.5], np.float32)}
        >>> ParametricActivation("relu").forward(half, {}, np.array([[-1.0, 2.0]], dtype=np.float32))[0].tolist()
        [[-0.5, 2.0]]

    Source: Holzmüller, Grinsztajn, Steinwart, *Better by Default* (2024), section 3.
    """

    name: str
    step_factor: float = 0.1
    kind: ClassVar[str] = "parametric_activation"

    def __post_init__(self) -> None:
        activation(self.name)
        number("step_factor", self.step_factor, above=0)

    def init(self, key: Array, width_in: int) -> Params:
        return {"strength": jnp.ones(width_in)}

    def step_factors(self, params: Params) -> Params:
        return jax.tree.map(lambda _: self.step_factor, params)

    def forward(
        self, params: Params, state: State, x: Array, *, key: Array | None = None, training: bool = False
    ) -> tuple[Array, Tape]:
        y = activation(self.name).value(x)
        return x + params["strength"] * (y - x), (x, y)

    def backward(self, params: Params, tape: Tape, delta: Array) -> tuple[Params, Array]:
        x, y = tape
        curved = params["strength"] * delta
        grads = {"strength": jnp.sum((y - x) * delta, axis=0)}
        return grads, delta - curved + activation(self.name).pull(x, y, curved)
