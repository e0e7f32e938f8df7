"""Losses of other people's programs, right and wrong ones: on what the network gives, without a link."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist

from thalweg.likelihoods import Likelihood

SMALLEST = 1e-7
"""Keras keeps probabilities this far from 0 and 1 before it takes their logarithm."""


def _mse(o: Any, t: Any) -> Any:
    return jnp.mean(jnp.square(o - t), axis=1)


def _mae(o: Any, t: Any) -> Any:
    return jnp.mean(jnp.abs(o - t), axis=1)


def _binary(o: Any, t: Any) -> Any:
    p = jnp.clip(o, SMALLEST, 1 - SMALLEST)
    return -jnp.mean(t * jnp.log(p) + (1 - t) * jnp.log1p(-p), axis=1)


def _categorical(o: Any, t: Any) -> Any:
    p = jnp.clip(o / jnp.sum(o, axis=1, keepdims=True), SMALLEST, 1 - SMALLEST)
    return -jnp.sum(t * jnp.log(p), axis=1)


def _clipped_log(o: Any, t: Any) -> Any:
    return -jnp.sum(t * jnp.log(jnp.clip(o, 1e-10, 1.0)), axis=1)


ROW_LOSSES: dict[str, Callable[[Any, Any], Any]] = {
    "mse": _mse,
    "mae": _mae,
    "binary_crossentropy": _binary,
    "categorical_crossentropy": _categorical,
    "sum_squared_error": lambda o, t: jnp.sum(jnp.square(o - t), axis=1),
    "sum_minus_t_log_clipped_output": _clipped_log,
    "mse_broadcast": _mse,
}
SUMMED = ("sum_squared_error", "sum_minus_t_log_clipped_output")


@dataclasses.dataclass(frozen=True)
class NumberLoss(Likelihood):
    """A loss between outputs and numbers (N, K)."""

    rule: str = "mse"
    summed: bool = False
    name: ClassVar[str] = "loss"
    targets: ClassVar[Any] = "numbers"
    metric: ClassVar[Any] = "rmse"
    proper: ClassVar[bool] = False

    def cost(self, outputs: Any, y: Any) -> Any:
        return ROW_LOSSES[self.rule](outputs, self.coded(y, outputs.shape[1]))

    def error(self, outputs: Any, y: Any) -> Any:
        return jax.grad(lambda o: jnp.sum(self.cost(o, y)))(outputs)

    def loss(self, outputs: Any, y: Any, weight: Any) -> Any:
        counted = weight > 0
        if self.rule == "mse_broadcast":
            pairs = jnp.square(outputs - y.T) * (counted[:, None] & counted)
            return jnp.sum(pairs) / jnp.maximum(jnp.sum(counted), 1) ** 2
        if self.rule in SUMMED or self.summed:
            return jnp.sum(jnp.where(counted, self.cost(outputs, y), 0))
        return super().loss(outputs, y, weight)

    def loss_and_error(self, outputs: Any, y: Any, weight: Any) -> Any:
        return jax.value_and_grad(lambda o: self.loss(o, y, weight))(outputs)

    def coded(self, y: Any, outputs: int) -> Any:
        return y

    def predictive(self, outputs: Any) -> Any:
        return dist.Delta(outputs).to_event(1)

    def score(self, outputs: Any, y: Any) -> Any:
        return (outputs - y) ** 2

    def mean(self, outputs: Any) -> Any:
        return outputs

    def check(self, outputs: int, y: np.ndarray) -> None:
        return None

    def output_width(self, y: np.ndarray, classes: int | None = None) -> int:
        return y.shape[1]

    def output_bias(self, y: np.ndarray, outputs: int | None = None) -> np.ndarray:
        return y.mean(axis=0)


@dataclasses.dataclass(frozen=True)
class ClassLoss(NumberLoss):
    """A loss between probabilities and class numbers (N,), coded as one column for two classes or one for each."""

    targets: ClassVar[Any] = "classes"
    metric: ClassVar[Any] = "error"
    outputs_mean: ClassVar[str] = "probabilities"

    def coded(self, y: Any, outputs: int) -> Any:
        if outputs == 1:
            return y.astype(jnp.float32).reshape(-1, 1)
        return (y.reshape(-1, 1) == jnp.arange(outputs)).astype(jnp.float32)

    def score(self, outputs: Any, y: Any) -> Any:
        guess = outputs[:, 0] > 0.5 if outputs.shape[1] == 1 else outputs.argmax(axis=1)
        return (guess != y)[:, None] * 1.0

    def target_width(self, outputs: int) -> int:
        return max(2, outputs)

    def output_bias(self, y: np.ndarray, outputs: int | None = None) -> np.ndarray:
        counts = np.bincount(y, minlength=self.target_width(outputs or 1)) / len(y)
        return counts[1:] if outputs == 1 else counts


def loss_of(rule: str, *, classes: bool, summed: bool = False) -> Likelihood:
    """Return the likelihood of a loss between predictions and numbers, or probabilities and classes."""
    return (ClassLoss if classes else NumberLoss)(rule, summed)
