r"""Batch and layer normalization: y = γ ⊙ (x - μ)/√(v + ε) + b, over the batch or over the features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array

from thalweg.core.types import Params, State, Tape
from thalweg.core.validate import number
from thalweg.network.layer import Layer


def _scale_and_shift(width: int) -> Params:
    return {"scale": jnp.ones(width), "shift": jnp.zeros(width)}


@dataclass(frozen=True)
class BatchNorm(Layer):
    r"""Batch normalization with μ, v over the minibatch while training, running averages otherwise.

    With x̂ = (x - μ)/√(v + ε) and g = γ ⊙ δ, its backward rule is
    δ_in = (g - mean(g) - x̂ ⊙ mean(g ⊙ x̂)) / √(v + ε), means over the batch.

    The last minibatch of an epoch is filled up with other rows of the epoch, of weight zero: they take part in μ and v,
    not in the loss (see :mod:`thalweg.data.batches`), so that its statistics are those of a full minibatch.

    Args:
        momentum: weight of the old value in the running averages.
        epsilon: ε, keeps the root away from zero.

    Source: Ioffe & Szegedy 2015.
    """

    momentum: float = 0.9
    epsilon: float = 1e-5
    kind: ClassVar[str] = "batch_norm"

    def __post_init__(self) -> None:
        number("momentum", self.momentum, at_least=0, below=1)
        number("epsilon", self.epsilon, above=0)

    def init(self, key: Array, width_in: int) -> Params:
        return _scale_and_shift(width_in)

    def init_state(self, width_in: int) -> State:
        return {"mean": jnp.zeros(width_in), "variance": jnp.ones(width_in)}

    def forward(
        self, params: Params, state: State, x: Array, *, key: Array | None = None, training: bool = False
    ) -> tuple[Array, Tape]:
        mean = jnp.mean(x, axis=0) if training else state["mean"]
        variance = jnp.var(x, axis=0) if training else state["variance"]
        inverse = jax.lax.rsqrt(variance + self.epsilon)
        normalized = (x - mean) * inverse
        tape = (normalized, inverse, mean, variance, float(training))
        return params["scale"] * normalized + params["shift"], tape

    def backward(self, params: Params, tape: Tape, delta: Array) -> tuple[Params, Array]:
        normalized, inverse, _, _, training = tape
        grads = {"scale": jnp.sum(delta * normalized, axis=0), "shift": jnp.sum(delta, axis=0)}
        g = params["scale"] * delta
        # Running averages do not depend on x: outside training the correction is absent.
        correction = jnp.mean(g, axis=0) + normalized * jnp.mean(g * normalized, axis=0)
        return grads, (g - training * correction) * inverse

    def next_state(self, state: State, tape: Tape) -> State:
        normalized, _, mean, variance, _ = tape
        rows = normalized.shape[0]
        unbiased = variance * (rows / max(rows - 1, 1))
        return {
            "mean": self.momentum * state["mean"] + (1.0 - self.momentum) * mean,
            "variance": self.momentum * state["variance"] + (1.0 - self.momentum) * unbiased,
        }


@dataclass(frozen=True)
class LayerNorm(Layer):
    r"""Layer normalization: μ and v over the features of each example, in training and prediction alike.

    Its backward rule is batch normalization's with means over the features.

    Args:
        epsilon: ε, keeps the root away from zero.
        members: members of an ensemble whose features stand side by side, each normalized by itself.

    Source: Ba, Kiros & Hinton 2016.
    """

    epsilon: float = 1e-5
    members: int = 1
    kind: ClassVar[str] = "layer_norm"

    def __post_init__(self) -> None:
        number("epsilon", self.epsilon, above=0)
        number("members", self.members, at_least=1, integer=True)

    def init(self, key: Array, width_in: int) -> Params:
        return _scale_and_shift(width_in)

    def forward(
        self, params: Params, state: State, x: Array, *, key: Array | None = None, training: bool = False
    ) -> tuple[Array, Tape]:
        parts = self._parted(x)
        inverse = jax.lax.rsqrt(jnp.var(parts, axis=-1, keepdims=True) + self.epsilon)
        normalized = ((parts - jnp.mean(parts, axis=-1, keepdims=True)) * inverse).reshape(x.shape)
        return params["scale"] * normalized + params["shift"], (normalized, inverse)

    def backward(self, params: Params, tape: Tape, delta: Array) -> tuple[Params, Array]:
        normalized, inverse = tape
        g, z = self._parted(params["scale"] * delta), self._parted(normalized)
        correction = jnp.mean(g, axis=-1, keepdims=True) + z * jnp.mean(g * z, axis=-1, keepdims=True)
        grads = {"scale": jnp.sum(delta * normalized, axis=0), "shift": jnp.sum(delta, axis=0)}
        return grads, ((g - correction) * inverse).reshape(delta.shape)

    def _parted(self, x: Array) -> Array:
        """Return the features member by member."""
        return x if self.members == 1 else x.reshape(len(x), self.members, -1)
