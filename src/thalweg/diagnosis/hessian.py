r"""Curvature of the loss: extreme eigenvalues and trace of its Hessian, against the step size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from thalweg.core.random import fold_in, random_bits
from thalweg.core.types import Params
from thalweg.core.validate import number
from thalweg.diagnosis.curvature import curvature
from thalweg.diagnosis.instrument import NETWORK, Cost, Instrument, MeasuredRun, Values, mean, ratio
from thalweg.diagnosis.lanczos import lanczos, ritz
from thalweg.diagnosis.step import Step


@dataclass(frozen=True)
class Hessian(Instrument):
    r"""Extreme eigenvalues and trace of the Hessian H of the minibatch loss at θ_t, penalties left out.

    Lanczos from a vector z of random signs; its first coefficient zᵀHz is Hutchinson's
    estimate of the trace. Averaged over the measured steps of the epoch:

    sharpness = λ_max, sharpness_error = the residual of its Ritz vector (an eigenvalue lies that close), sharpness_max
    smallest_eigenvalue = λ_min, seen from above, and negative_curvature = max(0, -λ_min) / λ_max
    trace = E zᵀHz, condition = λ_max N_p / tr H, largest over mean curvature: at most the condition number, if H is
    positive definite
    sharpness_times_step = γ_t λ_max and stability_limit, above which steps diverge along that direction: 2 for gradient
    descent, 2 (1 + β) with momentum, 2 (1 + β) / (1 + 2 β) with Nesterov's

    Trained long enough, full-batch descent comes to stay around the limit. Minibatches are sharper than the full batch.
    A step of Adam has no such limit for H itself, which it rescales: stability_limit is null, and the position along
    the step tells instead. Cost: one gradient and k products of about a gradient each (fewer numbers for wide inputs,
    see `thalweg.diagnosis.curvature`).

    Args:
        steps: k, Lanczos steps.

    Raises:
        ArgumentError: k below 2.

    Source: Pearlmutter, *Fast Exact Multiplication by the Hessian* (1994); Golub, Van Loan, *Matrix Computations*
    (2013), §10.1; Hutchinson (1990); Ghorbani, Krishnan, Xiao, *An Investigation into Neural Net Optimization via
    Hessian Eigenvalue Density* (2019); Cohen et al., *Gradient Descent on Neural Networks Typically Occurs at the Edge
    of Stability* (2021).
    """

    steps: int = 8
    name: ClassVar[str] = "hessian"
    cost: ClassVar[Cost] = "curvature"
    quantities: ClassVar[tuple[str, ...]] = (
        "sharpness",
        "sharpness_error",
        "sharpness_max",
        "smallest_eigenvalue",
        "negative_curvature",
        "trace",
        "condition",
        "sharpness_times_step",
        "stability_limit",
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", number("steps", self.steps, at_least=2, integer=True))

    def measure(self, step: Step) -> Values:
        view, hessian = step.view, curvature(step)
        # A key of its own: layers have those folded with 0, 1, …
        bits = random_bits(fold_in(view.key, 2**31), (hessian.size,))
        signs = jnp.where(bits >> 31 == 0, 1.0, -1.0).astype(view.weight.dtype)
        alpha, beta = lanczos(hessian.multiply, signs, self.steps)
        rate = jnp.nan if view.learning_rate is None else view.learning_rate
        return {
            NETWORK: {"alpha": alpha, "beta": beta, "trace": alpha[0] * hessian.size, "rate": jnp.asarray(rate)},
        }

    def summarize(self, values: Values, run: MeasuredRun, params: Params) -> Values:
        found = values[NETWORK]
        known = [ritz(a, b) for a, b in zip(found["alpha"], found["beta"], strict=True)]
        largest, smallest, error = (np.array(v) for v in zip(*known, strict=True)) if known else (np.array([]),) * 3
        sharpness, trace = mean(largest), mean(found["trace"])
        size = sum(int(np.size(leaf)) for leaf in jax.tree.leaves(params))
        limit: Any = run.info.optimizer.stability
        return {
            NETWORK: {
                "sharpness": sharpness,
                "sharpness_error": mean(error),
                "sharpness_max": float(np.nanmax(largest, initial=-np.inf)),
                "smallest_eigenvalue": mean(smallest),
                "negative_curvature": ratio(max(0.0, -mean(smallest)), sharpness),
                "trace": trace,
                "condition": ratio(sharpness * size, trace),
                "sharpness_times_step": mean(largest * np.asarray(found["rate"], np.float64)),
                "stability_limit": float("nan") if limit is None else limit,
            }
        }
