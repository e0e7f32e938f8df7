"""Several answers to one input: a mixture of Gaussians as output, the mixture density network."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from thalweg.core.errors import ArgumentError
from thalweg.core.validate import number
from thalweg.likelihoods.likelihood import array_library
from thalweg.likelihoods.links import inverse_log_scale, log_scale
from thalweg.likelihoods.regression import Regression, floor_scales

NARROWEST = 0.1
"""At the start no component is narrower than this share of the targets' deviation."""


@dataclasses.dataclass(frozen=True)
class GaussianMixture(Regression):
    r"""Targets from a mixture of M Gaussians, whose weights, means and deviations the network gives.

    The M (1 + 2K) outputs are M logits a, M means μ of K numbers and M times K raw scales b: π = softmax(a),
    ln s = 14 tanh(b / 14). With z_mk = (y_k - μ_mk) / s_mk, ln N_m = -Σ_k ½ z_mk² + ln s_mk + ½ ln 2π and the
    responsibilities r_m = π_m N_m / Σ_i π_i N_i,

    -ln q(y|x; θ) = -ln Σ_m π_m N_m, with error vectors π - r for a, -r_m z_mk / s_mk for μ, and
    r_m (1 - z_mk²) ∂ln s/∂b for b.

    Args:
        components: M.

    Raises:
        ArgumentError: ``components`` is not a whole number from 1 to 1000.

    Example:
        >>> cost = GaussianMixture(2).cost(jnp.array([[0.0, 0.0, -1.0, 1.0, 0.0, 0.0]]), jnp.array([[0.0]]))
        >>> round(float(cost[0]), 4)  # ½ + ½ ln 2π
        1.4189

    Source: Bishop, *Mixture Density Networks* (1994).
    """

    name: ClassVar[str] = "gaussian_mixture"
    components: int = 3

    def __post_init__(self) -> None:
        components = number("components", self.components, at_least=1, at_most=1000, integer=True)
        object.__setattr__(self, "components", components)

    def cost_and_error(
        self, outputs: Float[Array, "batch outputs"], y: Float[Array, "batch targets"]
    ) -> tuple[Float[Array, " batch"], Float[Array, "batch outputs"]]:
        logits, means, raw = self._parts(outputs)
        logarithm, slope = log_scale(raw)
        inverse = jnp.exp(-logarithm)
        z = (y[:, None, :] - means) * inverse
        weights = jax.nn.log_softmax(logits)
        joint = weights - jnp.sum(0.5 * z * z + logarithm + 0.5 * math.log(2 * math.pi), axis=-1)
        total = jax.nn.logsumexp(joint, axis=-1)
        share = jnp.exp(joint - total[:, None])
        rows = len(outputs)
        error = [
            jnp.exp(weights) - share,
            (-share[..., None] * z * inverse).reshape(rows, -1),
            (share[..., None] * (1 - z * z) * slope).reshape(rows, -1),
        ]
        return -total, jnp.concatenate(error, axis=-1)

    def predictive(self, outputs: Float[Array, "batch outputs"]) -> Any:
        from numpyro.distributions import Categorical, MixtureSameFamily, Normal

        logits, means, raw = self._parts(jnp.asarray(outputs))
        return MixtureSameFamily(Categorical(logits=logits), Normal(means, jnp.exp(log_scale(raw)[0])).to_event(1))

    def mean(self, outputs: Float[Array, "batch outputs"]) -> Float[Array, "batch targets"]:
        return self._moments(outputs)[0]

    def std(self, outputs: Float[Array, "batch outputs"]) -> Float[Array, "batch targets"]:
        return self._moments(outputs)[1]

    def target_width(self, outputs: int) -> int:
        return (outputs // self.components - 1) // 2

    def output_width(self, y: np.ndarray, classes: int | None = None) -> int:
        return self.components * (1 + 2 * super().output_width(y, classes))

    def check(self, outputs: int, y: np.ndarray) -> None:
        if outputs < 3 * self.components or outputs != self.components * (1 + 2 * self.target_width(outputs)):
            raise ArgumentError(
                "likelihood",
                f"{self.components} (1 + 2K) outputs for K targets of {self.name!r}",
                f"a network with {outputs} output(s)",
            )
        super().check(outputs, y)

    def output_bias(self, y: np.ndarray, outputs: int | None = None) -> np.ndarray:
        """Return equal weights, and components side by side along the direction in which the targets vary most.

        Components that start alike stay alike, since they get the same error vectors. So the targets are put in order
        along their first principal direction and cut into as many equal parts: quantiles, for a single target.
        """
        del outputs
        values = np.asarray(y, np.float64)
        centered = values - values.mean(axis=0)
        direction = np.linalg.eigh(centered.T @ centered)[1][:, -1]
        parts = np.array_split(values[np.argsort(centered @ direction, kind="stable")], self.components)
        everywhere = floor_scales(values.std(axis=0), values)
        # With fewer rows than components some parts are empty.
        means = np.stack([part.mean(axis=0) if len(part) else values.mean(axis=0) for part in parts])
        scales = np.stack([part.std(axis=0) if len(part) else everywhere for part in parts])
        raw = inverse_log_scale(np.maximum(scales, NARROWEST * everywhere))
        return np.concatenate([np.zeros(self.components), means.ravel(), raw.ravel()]).astype(np.float32)

    def _parts(self, outputs: Float[Array, "batch outputs"]) -> tuple[Array, Array, Array]:
        """Return logits (batch, M), means and raw scales (batch, M, K)."""
        logits, rest = outputs[:, : self.components], outputs[:, self.components :]
        both = rest.reshape(len(outputs), 2, self.components, -1)
        return logits, both[:, 0], both[:, 1]

    def _moments(self, outputs: Float[Array, "batch outputs"]) -> tuple[Array, Array]:
        xp = array_library(outputs)
        logits, means, raw = self._parts(outputs)
        powers = xp.exp(logits - xp.max(logits, axis=-1, keepdims=True))
        weights = (powers / xp.sum(powers, axis=-1, keepdims=True))[..., None]
        mean = xp.sum(weights * means, axis=1)
        squares = xp.exp(2 * log_scale(raw)[0]) + xp.square(means - mean[:, None])
        return mean, xp.sqrt(xp.sum(weights * squares, axis=1))
