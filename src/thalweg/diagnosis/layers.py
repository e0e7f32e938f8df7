r"""Cheap instruments of single layers: how large activations, error vectors, gradients and updates are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import jax.numpy as jnp
from jaxtyping import Array

from thalweg.core.types import Params
from thalweg.diagnosis.instrument import (
    NETWORK,
    Cost,
    Instrument,
    MeasuredRun,
    Values,
    mean,
    ratio,
    root,
    root_means,
    without_layers,
)
from thalweg.diagnosis.step import Step, block
from thalweg.network import Site
from thalweg.network.sequence import at


@dataclass(frozen=True)
class Activations(Instrument):
    r"""Sizes of the activations, ‖x_l‖ / √M_l over the minibatch, and of the inputs, x_0.

    activation_rms = √(mean_{n,i} x_{l,i}(n)²), in the network input_rms for x_0

    They should stay of one size with depth and over time. Cost: 2¹³ entries of each layer a step.

    Source: Glorot, Bengio, *Understanding the difficulty of training deep feedforward neural networks* (2010).
    """

    name: ClassVar[str] = "activations"
    cost: ClassVar[Cost] = "cheap"
    quantities: ClassVar[tuple[str, ...]] = ("activation_rms", "input_rms")

    def measure(self, step: Step) -> Values:
        layers = {site.name: {"activation_rms": step.mean_square(step.output(site))} for site in step.sites}
        return layers | {NETWORK: {"input_rms": step.mean_square(step.view.x)}}

    def summarize(self, values: Values, run: MeasuredRun, params: Params) -> Values:
        return root_means(values)


@dataclass(frozen=True)
class _OfLayers(Instrument):
    def unsupported(self, run: MeasuredRun) -> str:
        return without_layers(run)


@dataclass(frozen=True)
class ErrorVectors(_OfLayers):
    r"""Sizes of the error vectors δ_l = ∂cost/∂a_l, ‖δ_l‖ / √M_l over the minibatch.

    error_rms = √(mean_{n,i} δ_{l,i}(n)²), δ_lᵀ = δ_{l+1}ᵀ W_{l+1} diag(φ'(a_l))

    A fall (rise) by a constant factor from layer to layer is a vanishing (exploding) gradient. δ_l(n) is B ∂L/∂a_l(n):
    with sample weights, the error of the weighted cost. Cost: 2¹³ entries of each layer a step.

    Source: Hochreiter, *Untersuchungen zu dynamischen neuronalen Netzen* (1991); Bengio, Simard, Frasconi, *Learning
    long-term dependencies with gradient descent is difficult* (1994).
    """

    name: ClassVar[str] = "error_vectors"
    cost: ClassVar[Cost] = "cheap"
    quantities: ClassVar[tuple[str, ...]] = ("error_rms",)

    def measure(self, step: Step) -> Values:
        return {name: {"error_rms": step.mean_square(delta)} for name, delta in step.deltas.items()}

    def summarize(self, values: Values, run: MeasuredRun, params: Params) -> Values:
        return root_means(values)


@dataclass(frozen=True)
class Gradients(_OfLayers):
    r"""Sizes of the weights' gradients, ‖∂L/∂W_l‖_F / √(M_l M_{l-1}).

    gradient_rms = √(mean_{i,j} (∂L/∂W_l)²_{ij})

    Of the minibatch's gradient, before limits and penalties. Cost: 2¹³ entries of each layer a step; of a larger
    matrix, consecutive steps read consecutive rows, so that the mean of an epoch is over all of it.

    Source: Glorot, Bengio, *Understanding the difficulty of training deep feedforward neural networks* (2010).
    """

    name: ClassVar[str] = "gradients"
    cost: ClassVar[Cost] = "cheap"
    quantities: ClassVar[tuple[str, ...]] = ("gradient_rms",)

    def measure(self, step: Step) -> Values:
        return {
            site.name: {"gradient_rms": jnp.mean(jnp.square(block(step.gradient(site)["weight"], step.view.step)))}
            for site in step.sites
        }

    def summarize(self, values: Values, run: MeasuredRun, params: Params) -> Values:
        return root_means(values)


@dataclass(frozen=True)
class Updates(_OfLayers):
    r"""Sizes of weights and updates, and their ratio: by what share a step changes the weights.

    weight_rms = ‖W_l‖_F / √(M_l M_{l-1}), update_ratio = ‖ΔW_l‖_F / ‖W_l‖_F,
    alignment = -⟨ΔW_l, ∂L/∂W_l⟩ / (‖ΔW_l‖_F ‖∂L/∂W_l‖_F)

    A ratio of about 10⁻³ is usual; 10⁻¹ forgets what was learned, 10⁻⁶ learns nothing. Both norms are pooled over the
    epoch before they are divided. The alignment is 1 for plain gradient descent, less with momentum and adaptive rules,
    and below 0 only where steps climb the loss; it is the epoch's mean.

    Cost: 2¹³ entries of θ_t and of θ_{t+1} for each layer a step, as for gradients.

    Source: Bottou, in Karpathy, *CS231n: Convolutional Neural Networks for Visual Recognition* (2015), "Ratio of
    weights:updates"; You, Gitman, Ginsburg, *Large Batch Training of Convolutional Networks* (2017).
    """

    name: ClassVar[str] = "updates"
    cost: ClassVar[Cost] = "cheap"
    quantities: ClassVar[tuple[str, ...]] = ("weight_rms", "update_ratio", "alignment")

    def read(self, params: Params, number: Array, sites: tuple[Site, ...]) -> Any:
        return tuple(block(at(params, site.path)["weight"], number) for site in sites)

    def measure(self, step: Step) -> Values:
        found: Values = {}
        before, moved = step.view.before[self.name], step.view.moved[self.name]
        for site, weight, update in zip(step.sites, before, moved, strict=True):
            gradient = block(step.gradient(site)["weight"], step.view.step)
            squares = jnp.mean(jnp.square(update))
            length = jnp.sqrt(squares * jnp.mean(jnp.square(gradient)))
            found[site.name] = {
                "weight": jnp.mean(jnp.square(weight)),
                "update": squares,
                "alignment": -jnp.mean(update * gradient) / length,
            }
        return found

    def summarize(self, values: Values, run: MeasuredRun, params: Params) -> Values:
        squares = {name: (mean(found["weight"]), mean(found["update"])) for name, found in values.items()}
        return {
            name: {
                "weight_rms": root(weight),
                "update_ratio": root(ratio(update, weight)),
                "alignment": mean(values[name]["alignment"]),
            }
            for name, (weight, update) in squares.items()
        }
