r"""Where a step ends: short of the valley floor, on it, or up the opposite wall."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from numpy.typing import NDArray

from thalweg.core.types import Params
from thalweg.diagnosis.instrument import NETWORK, Cost, Instrument, MeasuredRun, Values, mixes_examples
from thalweg.diagnosis.step import Step

_DESIGN = np.array([[1.0, 1.0], [1.0, 0.0], [1.0, 2.0]])
"""Of L(1) - L(0), L'(0) and L'(1) in the parabola L(τ) = w_0 + w_1 τ + w_2 τ²."""


def positions(mean: NDArray[np.float64], covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    r"""Return α for each step, NaN where the fitted parabola does not descend.

    Args:
        mean: (steps, 3): L(1) - L(0), L'(0), L'(1).
        covariance: (steps, 3, 3) of these means.

    Example:
        >>> positions(np.array([[-1.0, -2.0, 0.0]]), np.zeros((1, 3, 3))).round(6).tolist()  # (τ - 1)²: on the floor
        [0.0]
    """
    noise = covariance + (1e-6 * np.trace(covariance, axis1=1, axis2=2)[:, None, None] + 1e-300) * np.eye(3)
    # Scaled to a trace of one: only the ratios of the noises matter.
    precision = np.linalg.inv(noise / np.trace(noise, axis1=1, axis2=2)[:, None, None])
    weighted = _DESIGN.T @ precision
    w1, w2 = np.moveaxis(np.linalg.solve(weighted @ _DESIGN, weighted @ mean[..., None])[..., 0], -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(w1 < 0, -1.0 - 2.0 * w2 / w1, np.nan)


@dataclass(frozen=True)
class Position(Instrument):
    r"""Position α along the step: -1 where it starts, 0 on the valley floor, 1 as high up the opposite wall.

    A parabola L(τ) = w_0 + w_1 τ + w_2 τ² is fitted to L and dL/dτ at both ends of the step θ_t + τ Δθ_t by generalized
    least squares, each weighted by its noise, the covariance over the examples; α = -1 - 2 w_2/w_1. Without
    noise that is -L'(1)/L'(0).

    position, position_low, position_high = the epoch's median and its quantiles 0.1 and 0.9
    uphill = the share of steps that do not descend on their own minibatch (these have no α)

    Near -1 the step size could be larger; beyond 0 steps jump across the valley; at 1 and above they no longer descend.
    1 + α is the curvature along the step times the step size. Below -1 the slope steepens along the step. Both ends are
    taken on the step's own minibatch, with the same dropout: what differs is the step, not the sample. Cost: about a
    forward pass for the first layer, for the others two, with their derivatives along the step.

    Source: Schneider, Dangel, Hennig, *Cockpit: A Practical Debugging Tool for the Training of Deep Neural Networks*
    (2021), §3.1; Mutschler, Zell, *Parabolic Approximation Line Search for DNNs* (2020).
    """

    name: ClassVar[str] = "position"
    cost: ClassVar[Cost] = "curvature"
    quantities: ClassVar[tuple[str, ...]] = ("position", "position_low", "position_high", "uphill")

    def unsupported(self, run: MeasuredRun) -> str:
        return mixes_examples(run.info.likelihood)

    def measure(self, step: Step) -> Values:
        view, outputs = step.view, _along(step)

        def costs(tau: Array) -> Array:
            cost = view.likelihood.cost(outputs(tau), view.y)
            return jnp.where(step.counted, cost * view.weight * step.rows, 0.0)

        one = jnp.ones(())
        (before, descent), (after, ascent) = (jax.jvp(costs, (end,), (one,)) for end in (jnp.zeros(()), one))
        told = jnp.stack([after - before, descent, ascent])
        center = jnp.sum(told, axis=1) / step.rows
        scatter = jnp.where(step.counted, told - center[:, None], 0.0)
        covariance = scatter @ scatter.T / (jnp.maximum(step.rows - 1.0, 1.0) * step.rows)
        return {NETWORK: {"ends": center, "noise": covariance}}

    def summarize(self, values: Values, run: MeasuredRun, params: Params) -> Values:
        ends, noise = (np.asarray(values[NETWORK][name], np.float64) for name in ("ends", "noise"))
        usable = np.isfinite(ends).all(axis=1) & np.isfinite(noise).all(axis=(1, 2))
        alpha = positions(ends[usable], noise[usable])
        known = alpha[np.isfinite(alpha)]
        low, middle, high = np.quantile(known, (0.1, 0.5, 0.9)) if known.size else (np.nan,) * 3
        uphill = 1.0 - known.size / alpha.size if alpha.size else np.nan
        return {
            NETWORK: {
                "position": float(middle),
                "position_low": float(low),
                "position_high": float(high),
                "uphill": float(uphill),
            }
        }


def _along(step: Step) -> Callable[[Array], Array]:
    """Return τ ↦ outputs at θ_t + τ Δθ_t; a first dense layer is linear in τ, and multiplies its inputs once."""
    view, found = step.view, step.fixed_input()
    update = jax.tree.map(jnp.subtract, view.after, view.params)

    def point(tau: Array, place: int) -> Params:
        ends = (view.params[place:], update[place:])
        return (*view.params[:place], *jax.tree.map(lambda theta, change: theta + tau * change, *ends))

    if found is None:
        return lambda tau: view.network.forward(point(tau, 0), view.state, view.x, key=view.key, training=True)[0]
    first, x = found
    start, change = (x @ theta[first]["weight"].T + theta[first]["bias"] for theta in (view.params, update))
    return lambda tau: step.onward(point(tau, first + 1), first, start + tau * change)
