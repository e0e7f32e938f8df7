r"""The minibatch loss as a function of as few numbers as carry its curvature, and Hessian-vector products with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float

from thalweg.core.types import Params
from thalweg.diagnosis.step import Step


class Curvature(NamedTuple):
    """Products with the Hessian of the minibatch loss.

    Attributes:
        multiply: v ↦ H v.
        size: length of v.
    """

    multiply: Callable[[Float[Array, " n"]], Float[Array, " n"]]
    size: int


def curvature(step: Step) -> Curvature:
    r"""Return products with H = ∇²L on the step's minibatch, at the point of its gradient.

    By forward-over-reverse differentiation: v ↦ d/dε ∇L(θ + ε v). The gradient is linearized once, so that a product
    costs about as much as a gradient.

    The first dense layer sees fixed inputs X (B × M_0). With B < M_0 its weights matter through the B coordinates of
    the rows of X alone: with X = R Qᵀ, QᵀQ = I, the loss depends on W through W Q, and H = P H' Pᵀ with P = diag(Q ⊗ I,
    I) an isometry. H' has the nonzero eigenvalues of H and its trace, and needs R alone, the Cholesky factor of X Xᵀ.
    On 784-512-10 with 128 rows, vectors are 5.7 times shorter.
    """
    loss, start = _loss(step)
    flat, unravel = ravel_pytree(start)
    _, product = jax.linearize(jax.grad(lambda theta: loss(unravel(theta))), flat)
    return Curvature(product, flat.size)


def _loss(step: Step) -> tuple[Callable[[Params], Array], Params]:
    """Return the loss and the parameters to differentiate it at, the first weights in coordinates of the inputs."""
    view = step.view
    found = step.fixed_input()
    if found is None or found[1].shape[0] >= found[1].shape[1]:

        def whole(params: Params) -> Array:
            outputs, _ = view.network.forward(params, view.state, view.x, key=view.key, training=True)
            return view.likelihood.loss(outputs, view.y, view.weight)

        return whole, view.point

    first, x = found
    gram = x @ x.T
    # Equal rows make the Gram matrix singular; this much does not move an eigenvalue that matters.
    shift = 1e3 * np.finfo(x.dtype).eps * jnp.trace(gram) / len(gram) + np.finfo(x.dtype).tiny
    rows = jnp.linalg.cholesky(gram + shift * jnp.eye(len(gram), dtype=x.dtype))
    before = x @ view.point[first]["weight"].T

    def reduced(params: Params) -> Array:
        h = before + rows @ params[first]["weight"].T + params[first]["bias"]
        return view.likelihood.loss(step.onward(params, first, h), view.y, view.weight)

    units = view.point[first]["weight"].shape[0]
    displacement = view.point[first] | {"weight": jnp.zeros((units, len(gram)), x.dtype)}
    return reduced, (*view.point[:first], displacement, *view.point[first + 1 :])
