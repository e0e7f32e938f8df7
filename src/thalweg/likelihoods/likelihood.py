"""The contract of a likelihood: how the targets y scatter around a network's raw outputs.

Choosing q(y|x; θ) chooses the loss: the cost of an example is -ln q(y|x; θ), with every constant, so that costs of
different families compare. Costs, error vectors and scores are pure functions of a minibatch, free of Python control
flow on values; ``score`` and ``mean`` take NumPy arrays as well and then answer in NumPy, without compiling anything.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal, Self

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Shaped

TargetKind = Literal["classes", "ordered", "labels", "numbers", "counts"]
"""What targets are: class numbers (N,), class numbers (N,) whose order counts, zeros and ones (N, K), numbers (N, K)
that may be shifted and scaled, or whole numbers of at least 0 (N, K) that may not."""

_LEARNING_ONLY = {"class_weights", "positive_weights", "label_smoothing"}
"""Settings that shape learning and not the predictive distribution."""


@dataclasses.dataclass(frozen=True)
class Likelihood(ABC):
    """A family of conditional densities q(y|x; θ), with the network's outputs a = f(x; θ) as its parameters.

    A family gives :meth:`cost` and :meth:`error`, or both at once in :meth:`cost_and_error` where they share work.

    Source: Goodfellow, Bengio, Courville, *Deep Learning* (2016), section 6.2.
    """

    name: ClassVar[str]
    targets: ClassVar[TargetKind]
    metric: ClassVar[Literal["error", "rmse"]]
    proper: ClassVar[bool] = True
    """Whether the cost is the negative log-density of the predictive distribution, so that losses compare in nats."""

    @property
    def sums_examples(self) -> bool:
        """Whether the loss of a minibatch is the weighted sum of its examples' costs."""
        return type(self).loss is Likelihood.loss

    def cost(self, outputs: Float[Array, "batch outputs"], y: Shaped[Array, "batch ..."]) -> Float[Array, " batch"]:
        """Return -ln q(y|x; θ) of each example, in nats, including constants."""
        return self.cost_and_error(outputs, y)[0]

    def error(
        self, outputs: Float[Array, "batch outputs"], y: Shaped[Array, "batch ..."]
    ) -> Float[Array, "batch outputs"]:
        """Return the output error vector δ_L = ∂cost/∂outputs in closed form."""
        return self.cost_and_error(outputs, y)[1]

    def cost_and_error(
        self, outputs: Float[Array, "batch outputs"], y: Shaped[Array, "batch ..."]
    ) -> tuple[Float[Array, " batch"], Float[Array, "batch outputs"]]:
        """Return :meth:`cost` and :meth:`error` together."""
        return self.cost(outputs, y), self.error(outputs, y)

    def loss(
        self, outputs: Float[Array, "batch outputs"], y: Shaped[Array, "batch ..."], weight: Float[Array, " batch"]
    ) -> Float[Array, ""]:
        """Return the loss of a minibatch, L = Σ w_n cost_n; rows of weight 0 only fill up and do not count.

        Losses that are no sum over examples, such as the overlap of two masks, override this and
        :meth:`loss_and_error` together.
        """
        return jnp.sum(jnp.where(weight > 0, weight * self.cost(outputs, y), 0))

    def loss_and_error(
        self, outputs: Float[Array, "batch outputs"], y: Shaped[Array, "batch ..."], weight: Float[Array, " batch"]
    ) -> tuple[Float[Array, ""], Float[Array, "batch outputs"]]:
        """Return the loss of a minibatch and its error vectors ∂L/∂outputs: what training descends."""
        cost, error = self.cost_and_error(outputs, y)
        return jnp.sum(cost * weight), error * weight[:, None]

    @abstractmethod
    def predictive(self, outputs: Float[Array, "batch outputs"]) -> Any:
        """Return q(·|x; θ) as a NumPyro distribution with one batch axis; its ``log_prob(y)`` is the negative cost.

        Class weights and label smoothing belong to learning and leave the predictive distribution as it is. Families
        that are not ``proper`` have another cost.
        """

    @abstractmethod
    def score(
        self, outputs: Float[Array, "batch outputs"], y: Shaped[Array, "batch ..."]
    ) -> Float[Array, "batch scores"]:
        """Return what the metric averages: mistakes 0/1 (batch, 1) or (batch, labels), or squares (batch, K)."""

    @abstractmethod
    def mean(self, outputs: Float[Array, "batch outputs"]) -> Float[Array, "batch values"]:
        """Return probabilities of classes or labels (batch, values), or predicted means (batch, values)."""

    def most_probable(self, outputs: Float[Array, "batch outputs"]) -> Int[Array, " batch"]:
        """Return the number of the class whose probability is the largest, the first of equal ones."""
        best: Array = self.mean(outputs).argmax(axis=-1)
        return best

    def std(self, outputs: Float[Array, "batch outputs"]) -> Float[Array, "batch values"]:
        """Return the predictive standard deviation of each value of :meth:`mean`, without building a distribution.

        Classes and labels stand for indicators here, whose deviation is √(p (1 - p)).
        """
        p = self.mean(outputs)
        deviation: Array = array_library(outputs).sqrt(p * (1 - p))
        return deviation

    @abstractmethod
    def check(self, outputs: int, y: np.ndarray) -> None:
        """Check targets against the likelihood and the width of the network's output.

        Raises:
            ArgumentError: naming ``likelihood`` if it cannot produce such targets, ``y`` if their shape or values
                are wrong.
        """

    def target_width(self, outputs: int) -> int:
        """Return how many values a target has, given the width of the network's output: the columns of :meth:`mean`."""
        return outputs

    @abstractmethod
    def output_width(self, y: np.ndarray, classes: int | None = None) -> int:
        """Return how many raw outputs the network needs for targets like ``y``."""

    def with_noise(self, outputs: np.ndarray, y: np.ndarray) -> Self:
        """Return the likelihood with its noise scale set to the maximum-likelihood value for these residuals.

        Families without a noise scale return themselves.
        """
        del outputs, y
        return self

    @abstractmethod
    def output_bias(self, y: np.ndarray, outputs: int | None = None) -> np.ndarray:
        """Return the constant output of least mean cost over ``y``: a starting bias for the last layer.

        A family with many such optima returns a good start towards one.

        Args:
            y: training targets.
            outputs: width of the network's output, where ``y`` does not tell it (a class may be absent).
        """

    def judged(self) -> Likelihood:
        """Return the likelihood by whose cost epochs are compared: itself, but for ensembles, which answer together."""
        return self

    def unweighted(self) -> Likelihood:
        """Return the likelihood without class weights and label smoothing: what test sets are judged by."""
        known = {field.name: field.default for field in dataclasses.fields(self)}
        return dataclasses.replace(self, **{name: known[name] for name in _LEARNING_ONLY & known.keys()})

    def to_dict(self) -> dict[str, Any]:
        """Return name and settings as JSON values; ``likelihood_from_dict`` reads them back."""
        return {"name": self.name} | dataclasses.asdict(self)


def array_library(values: Any) -> Any:
    """Return ``numpy`` for a NumPy array and ``jax.numpy`` for anything else.

    Example:
        >>> array_library(np.zeros(2)).__name__
        'numpy'
    """
    return np if isinstance(values, np.ndarray) else jnp
