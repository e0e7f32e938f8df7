r"""Instruments of single examples: their gradients' norms and scatter, without forming those gradients.

The gradient of one example's cost by a dense layer's weights is the outer product δ_l(n) x_{l-1}(n)ᵀ, and by its bias
δ_l(n), so that ‖g_l(n)‖² = ‖δ_l(n)‖² (‖x_{l-1}(n)‖² + 1): two norms of vectors that the backward pass has.

Source: Goodfellow, *Efficient Per-Example Gradient Computations* (2015).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from thalweg.core.types import Params
from thalweg.diagnosis.instrument import (
    NETWORK,
    Cost,
    Instrument,
    MeasuredRun,
    Values,
    couples_examples,
    finite,
    mean,
    mixes_examples,
    ratio,
    root,
    scales_members,
    without_layers,
)
from thalweg.diagnosis.step import Step
from thalweg.network import Site


def squared_norms(step: Step, site: Site) -> Float[Array, " batch"]:
    r"""Return ‖g_l(n)‖² for every example, 0 for rows that do not count.

    Where M members share weights, g_l(n) = Σ_m δ_m x_mᵀ, and its square is Σ_{m,k} (δ_mᵀ δ_k) (x_mᵀ x_k + 1).
    """
    x, delta = (step.of_members(site, rows) for rows in (step.input(site), step.deltas[site.name]))
    if site.shared > 1:
        products = jnp.einsum("nmu,nku->nmk", delta, delta) * (jnp.einsum("nmi,nki->nmk", x, x) + 1.0)
        squares = jnp.sum(products, axis=(1, 2))
    else:
        squares = jnp.sum(jnp.sum(jnp.square(delta), axis=2) * (jnp.sum(jnp.square(x), axis=2) + 1.0), axis=1)
    return jnp.where(step.counted, squares, 0.0)


def inner_products(step: Step, site: Site) -> Float[Array, " batch"]:
    r"""Return g_l(n)ᵀ ḡ_l for every example, 0 for rows that do not count; their mean is ‖ḡ_l‖².

    From the examples' products with each other, Σ_m (δ(n)ᵀδ(m)) (x(n)ᵀx(m) + 1) / B, or, where minibatches are larger
    than layers, from the gradient: δ(n)ᵀ (∂L/∂W x(n) + ∂L/∂b). Products of members add up to those of their example.
    """
    x, delta = step.input(site), jnp.where(step.counted[:, None], step.deltas[site.name], 0.0)
    gradient = step.gradient(site)
    if site.product.own:
        x, delta = step.of_members(site, x), step.of_members(site, delta)
        along = jnp.einsum("nmi,mui->nmu", x, gradient["weight"]) + gradient["bias"].reshape(delta.shape[1:])
        return jnp.sum(delta * along, axis=(1, 2))
    x, delta = (rows.reshape(len(rows) * site.shared, -1) for rows in (x, delta))
    (rows, inputs), units = x.shape, delta.shape[1]
    if rows * (inputs + units) <= inputs * units:
        products = jnp.sum((delta @ delta.T) * (x @ x.T + 1.0), axis=1) / step.rows
    else:
        products = jnp.sum(delta * (x @ gradient["weight"].T + gradient["bias"]), axis=1)
    return jnp.sum(products.reshape(-1, site.shared), axis=1)


@dataclass(frozen=True)
class _OfExamples(Instrument):
    def unsupported(self, run: MeasuredRun) -> str:
        return (
            without_layers(run)
            or scales_members(run)
            or couples_examples(run.info.network)
            or mixes_examples(run.info.likelihood)
        )


@dataclass(frozen=True)
class ExampleGradients(_OfExamples):
    r"""Norms of the single examples' gradients g(n) = ∂cost_n/∂θ.

    example_gradient_rms = √(mean_n ‖g_l(n)‖²) of a layer; of the network the median and the largest of ‖g(n)‖ in a
    minibatch, averaged over the epoch: example_gradient_median, example_gradient_max

    A maximum far above the median is a few examples that steer the step: outliers or wrong labels. Parameters of dense
    layers only. Cost: a pass over inputs and error vectors of each layer.

    Source: Goodfellow, *Efficient Per-Example Gradient Computations* (2015).
    """

    name: ClassVar[str] = "example_gradients"
    cost: ClassVar[Cost] = "examples"
    quantities: ClassVar[tuple[str, ...]] = (
        "example_gradient_rms",
        "example_gradient_median",
        "example_gradient_max",
    )

    def measure(self, step: Step) -> Values:
        squares = {site.name: squared_norms(step, site) for site in step.sites}
        norms = jnp.sqrt(sum(squares.values(), jnp.zeros(())))
        # Rows that do not count are sorted behind the others.
        ordered = jnp.sort(jnp.where(step.counted, norms, jnp.inf))
        middle = (step.rows.astype(jnp.int32) - 1) // 2
        found: Values = {name: {"example_gradient_rms": jnp.sum(s) / step.rows} for name, s in squares.items()}
        found[NETWORK] = {"example_gradient_median": ordered[middle], "example_gradient_max": jnp.max(norms)}
        return found

    def summarize(self, values: Values, run: MeasuredRun, params: Params) -> Values:
        return {
            part: {name: root(mean(a)) if name.endswith("rms") else mean(a) for name, a in found.items()}
            for part, found in values.items()
        }


@dataclass(frozen=True)
class GradientNoise(_OfExamples):
    r"""Scatter of the examples' gradients around their mean, and what it means for the step.

    With S = tr Σ = (Σ_n ‖g(n)‖² - B ‖ḡ‖²) / (B - 1), ḡ the minibatch's gradient and G² = ‖ḡ‖² - S/B, which is
    unbiased for the squared norm of the full gradient:

    gradient_variance = S, of a layer and of the network
    signal_to_noise = √(G² / (S/B)), of a layer and of the network: below 1 the step is mostly noise
    noise_scale = S / G²: batches far below it average too little, far above waste examples
    norm_test = √(S/B) / ‖ḡ‖: Byrd's test asks for at most θ ∈ (0, 1), else for a larger batch
    inner_product_test = √(Var_n(g(n)ᵀḡ) / B) / ‖ḡ‖²: the same along the gradient alone

    Numerators and denominators are averaged over the epoch before they are divided: ratios of single steps are biased.
    G² of a layer deep in noise can come out negative; signal_to_noise is null then. Needs minibatches of at least two
    rows. Parameters of dense layers only. Cost: per layer two norms of the rows, one of the gradient, and the
    product X ∂L/∂Wᵀ for the last.

    Source: McCandlish et al., *An Empirical Model of Large-Batch Training* (2018); Byrd, Chin, Nocedal, Wu, *Sample
    size selection in optimization methods for machine learning* (2012); Bollapragada, Byrd, Nocedal, *Adaptive sampling
    strategies for stochastic optimization* (2018).
    """

    name: ClassVar[str] = "gradient_noise"
    cost: ClassVar[Cost] = "examples"
    quantities: ClassVar[tuple[str, ...]] = (
        "gradient_variance",
        "signal_to_noise",
        "noise_scale",
        "norm_test",
        "inner_product_test",
    )

    def unsupported(self, run: MeasuredRun) -> str:
        if run.info.batch_size < 2:
            return "one row a minibatch has no scatter"
        return super().unsupported(run)

    def measure(self, step: Step) -> Values:
        found: Values = {}
        along = jnp.zeros_like(step.view.weight)
        for site in step.sites:
            products = inner_products(step, site)
            squared = jnp.sum(products) / step.rows
            variance = (jnp.sum(squared_norms(step, site)) - step.rows * squared) / (step.rows - 1.0)
            found[site.name] = {"variance": variance, "squared": squared}
            along += products
        total = {name: sum(layer[name] for layer in found.values()) for name in ("variance", "squared")}
        # The mean of g(n)ᵀḡ is ‖ḡ‖².
        deviation = jnp.where(step.counted, along - total["squared"], 0.0)
        total["along"] = jnp.sum(jnp.square(deviation)) / (step.rows - 1.0)
        for part in (*found.values(), total):
            part["batch"] = step.rows
        return found | {NETWORK: total}

    def summarize(self, values: Values, run: MeasuredRun, params: Params) -> Values:
        summary = {}
        for part, found in values.items():
            usable = np.isfinite(found["variance"]) & np.isfinite(found["squared"])
            S, squared, batch = (found[name][usable] for name in ("variance", "squared", "batch"))
            variance, noise, size = mean(S), mean(S / batch), mean(squared)
            signal = size - noise
            summary[part] = {
                "gradient_variance": variance,
                "signal_to_noise": root(ratio(signal, noise)),
            }
            if part == NETWORK:
                spread = mean(finite(found["along"][usable] / batch))
                summary[part] |= {
                    "noise_scale": ratio(variance, signal),
                    "norm_test": root(ratio(noise, size)),
                    "inner_product_test": ratio(root(spread), size),
                }
        return summary
