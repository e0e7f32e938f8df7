"""The scaling layer: one trained factor for each feature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array

from thalweg.core.types import Params, State, Tape
from thalweg.core.validate import number
from thalweg.network.layer import Layer


@dataclass(frozen=True)
class Scale(Layer):
    r"""A scaling layer y = s ⊙ x, with its own step size: it learns soon which features matter.

    Backward: ∂L/∂s = Σ_n x_n ⊙ δ_n, and δ_in = s ⊙ δ.

    Args:
        step_factor: its steps are this many times as long as those of the other layers.

    Example:
        >>> import numpy as np
        >>> layer = Scale()
        >>> layer.forward({"scale": np.array([2.0, 0.5])}, {}, np.array([[1.0, 4.0]]))[0].tolist()
        [[2.0, 2.0]]

    Source: Holzmüller, Grinsztajn, Steinwart, *Better by Default: Strong Pre-Tuned MLPs and Boosted Trees on Tabular
    Data* (2024), section 3.
    """

    step_factor: float = 6.0
    kind: ClassVar[str] = "scale"

    def __post_init__(self) -> None:
        number("step_factor", self.step_factor, above=0)

    def init(self, key: Array, width_in: int) -> Params:
        return {"scale": jnp.ones(width_in)}

    def step_factors(self, params: Params) -> Params:
        return jax.tree.map(lambda _: self.step_factor, params)

    def forward(
        self, params: Params, state: State, x: Array, *, key: Array | None = None, training: bool = False
    ) -> tuple[Array, Tape]:
        return x * params["scale"], x

    def backward(self, params: Params, tape: Tape, delta: Array) -> tuple[Params, Array]:
        return {"scale": jnp.sum(tape * delta, axis=0)}, delta * params["scale"]
