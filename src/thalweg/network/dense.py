"""The dense layer a = W x + b."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from thalweg.core.types import Params, State, Tape
from thalweg.core.validate import number
from thalweg.network.activations import activation
from thalweg.network.initializers import initializer
from thalweg.network.layer import Layer, Product


@dataclass(frozen=True)
class Dense(Layer):
    r"""A dense layer a_l = W_l x_{l-1} + b_l with W_l ∈ R^{M_l × M_{l-1}}.

    Its backward rule is the outer-product form ∂L/∂W_l = δ_l x_{l-1}ᵀ, ∂L/∂b_l = δ_l, and W_lᵀ δ_l is passed on.

    Args:
        units: output width M_l.
        initializer: name of the rule for W; b starts at zero.
        activation: the activation that follows, for initializers scaled by its gain. The layer itself stays linear.

    Example:
        >>> import jax, numpy as np
        >>> layer = Dense(2)
        >>> params = layer.init(jax.random.key(0), 3)
        >>> params["weight"].shape, params["bias"].shape
        ((2, 3), (2,))

    Source: Bishop, *Pattern Recognition and Machine Learning* (2006), §5.3.
    """

    units: int
    initializer: str = "he_normal"
    activation: str = "relu"
    kind: ClassVar[str] = "dense"

    def __post_init__(self) -> None:
        object.__setattr__(self, "units", number("units", self.units, at_least=1, integer=True))
        initializer(self.initializer)

    def width(self, width_in: int) -> int:
        return self.units

    @property
    def product(self) -> Product:
        return Product(self.units)

    def init(self, key: Array, width_in: int) -> Params:
        gain = 1.0 if self.activation == "prelu" else activation(self.activation).gain
        weight = initializer(self.initializer)(key, self.units, width_in, gain)
        return {"weight": weight, "bias": jnp.zeros(self.units)}

    def adapt(self, params: Params, x: Float[Array, "batch features"]) -> Params:
        # Krähenbühl et al. 2016 (data-dependent initialization): every unit starts with mean 0 and variance 1.
        if self.initializer != "data":
            return params
        a = x @ params["weight"].T
        deviation = jnp.std(a, axis=0)
        # A unit that these rows do not move keeps its weights.
        scale = jnp.where(deviation > 1e-6, 1.0 / deviation, 1.0)
        return {"weight": params["weight"] * scale[:, None], "bias": -jnp.mean(a, axis=0) * scale}

    def with_output_bias(self, params: Params, bias: np.ndarray) -> Params:
        return params | {"bias": jax.device_put(bias)}

    def forward(
        self, params: Params, state: State, x: Array, *, key: Array | None = None, training: bool = False
    ) -> tuple[Array, Tape]:
        return x @ params["weight"].T + params["bias"], x

    def backward(self, params: Params, tape: Tape, delta: Array) -> tuple[Params, Array]:
        return {"weight": delta.T @ tape, "bias": jnp.sum(delta, axis=0)}, delta @ params["weight"]

    def multiplications(self, width_in: int) -> int:
        return self.units * width_in
