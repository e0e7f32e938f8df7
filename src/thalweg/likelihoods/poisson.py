"""Counts of independent events: Poisson with a log link."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import jax.numpy as jnp
from jax.scipy.special import gammaln
from jaxtyping import Array, Float, Shaped

from thalweg.likelihoods.counts import Counts
from thalweg.likelihoods.likelihood import array_library
from thalweg.likelihoods.links import log_mean


@dataclasses.dataclass(frozen=True)
class Poisson(Counts):
    r"""Counts of events that happen independently at a rate m, with the network's output as its logarithm, m = e^a.

    -ln q(y|x; θ) = Σ_k m_k - y_k ln m_k + ln y_k!, with error vector δ_L = m - y. The variance of such counts is their
    mean; counts that scatter more are negative binomial. Beyond a = 30 the link goes on in a straight line.

    Example:
        >>> cost = Poisson().cost(jnp.zeros((1, 1)), jnp.array([[2.0]]))
        >>> round(float(cost[0]), 4)  # 1 + ln 2
        1.6931

    Source: McCullagh, Nelder, *Generalized Linear Models* (1989), chapter 6.
    """

    name: ClassVar[str] = "poisson"

    def cost(self, outputs: Float[Array, "batch outputs"], y: Shaped[Array, "batch outputs"]) -> Float[Array, " batch"]:
        logarithm, _ = log_mean(outputs)
        count = y.astype(outputs.dtype)
        return jnp.sum(jnp.exp(logarithm) - count * logarithm + gammaln(count + 1), axis=-1)

    def error(
        self, outputs: Float[Array, "batch outputs"], y: Shaped[Array, "batch outputs"]
    ) -> Float[Array, "batch outputs"]:
        logarithm, slope = log_mean(outputs)
        return (jnp.exp(logarithm) - y.astype(outputs.dtype)) * slope

    def predictive(self, outputs: Float[Array, "batch outputs"]) -> Any:
        from numpyro.distributions import Poisson as Density

        return Density(jnp.exp(log_mean(outputs)[0])).to_event(1)

    def std(self, outputs: Float[Array, "batch outputs"]) -> Float[Array, "batch outputs"]:
        deviations: Array = array_library(outputs).sqrt(self.mean(outputs))
        return deviations
