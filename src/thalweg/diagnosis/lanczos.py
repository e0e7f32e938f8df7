r"""The Lanczos recursion: extreme eigenvalues of a matrix known by its products with vectors."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import NDArray

SHORT = 16
"""Up to so many steps vectors are kept orthogonal to the last two alone."""


class Ritz(NamedTuple):
    """Extreme Ritz values, the largest from below and the smallest from above, with the largest one's residual.

    Attributes:
        largest: λ_max of H within the Krylov space.
        smallest: λ_min there.
        error: ‖Hu - λu‖ of the largest one's vector u: some eigenvalue of H is at most this far from it.
    """

    largest: float
    smallest: float
    error: float


def lanczos(
    multiply: Callable[[Array], Array], start: Float[Array, " n"], steps: int
) -> tuple[Float[Array, " k"], Float[Array, " k"]]:
    r"""Return diagonal α and subdiagonal β of the matrix T = Qᵀ H Q that k = min(steps, n) Lanczos steps give.

    w = H q_j - β_{j-1} q_{j-1}, α_j = q_jᵀ w, w ← w - α_j q_j, β_j = ‖w‖, q_{j+1} = w/β_j

    Beyond 16 steps w is made orthogonal to all q_i besides. Orthogonality is lost only to Ritz vectors that have
    converged, and then by copies of values that T has already: the extreme ones of a short recursion do not need it,
    and its time would go into reading the basis over and over.

    Args:
        multiply: v ↦ H v for a symmetric H.
        start: q_1 up to its length.
        steps: k.

    Example:
        >>> diagonal = jnp.array([1.0, 2.0, 5.0])
        >>> alpha, beta = lanczos(lambda v: diagonal * v, jnp.ones(3), 3)
        >>> round(ritz(np.asarray(alpha), np.asarray(beta)).largest, 4)
        5.0

    Source: Golub, Van Loan, *Matrix Computations* (2013), §10.1 and §10.3; Paige, *Accuracy and effectiveness of the
    Lanczos algorithm for the symmetric eigenproblem* (1980).
    """
    steps = min(steps, start.size)
    if steps > SHORT:
        alpha, beta, _ = lanczos_basis(multiply, start, steps)
        return alpha, beta
    tiny = np.finfo(start.dtype).tiny

    def step(former: tuple[Array, Array, Array], _: None) -> tuple[tuple[Array, Array, Array], tuple[Array, Array]]:
        last, q, length = former
        w = multiply(q) - length * last
        along = jnp.sum(q * w)
        w = w - along * q
        length = jnp.linalg.norm(w)
        return (q, w / jnp.maximum(length, tiny), length), (along, length)

    first = start / jnp.maximum(jnp.linalg.norm(start), tiny)
    _, (alpha, beta) = jax.lax.scan(step, (jnp.zeros_like(first), first, jnp.zeros((), first.dtype)), length=steps)
    return alpha, beta


def lanczos_basis(
    multiply: Callable[[Array], Array], start: Float[Array, " n"], steps: int
) -> tuple[Float[Array, " k"], Float[Array, " k"], Float[Array, "k n"]]:
    """Return what `lanczos` does, and the vectors q_1 … q_k besides, each made orthogonal to all before it."""
    steps = min(steps, start.size)
    tiny = np.finfo(start.dtype).tiny

    def step(j: Array, carry: tuple[Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
        basis, q, alpha, beta = carry
        basis = basis.at[j].set(q)
        w = multiply(q)
        along = jnp.sum(q * w)

        # One vector at a time, those there are: products with the whole basis would read its empty rows as well.
        def orthogonal(i: Array, w: Array) -> Array:
            vector = basis[i]
            return w - jnp.sum(vector * w) * vector

        # q_j, the largest part, is taken out twice: its rounding error would stay in the basis.
        w = jax.lax.fori_loop(0, j + 1, lambda i, w: orthogonal(j - i, w), w - along * q)
        length = jnp.linalg.norm(w)
        return basis, w / jnp.maximum(length, tiny), alpha.at[j].set(along), beta.at[j].set(length)

    zeros = jnp.zeros(steps, start.dtype)
    first = start / jnp.maximum(jnp.linalg.norm(start), tiny)
    basis, _, alpha, beta = jax.lax.fori_loop(
        0, steps, step, (jnp.zeros((steps, start.size), start.dtype), first, zeros, zeros)
    )
    return alpha, beta, basis


def ritz(alpha: NDArray[np.floating], beta: NDArray[np.floating]) -> Ritz:
    """Return the extreme Ritz values of a recursion; NaN throughout if it was not finite."""
    diagonal, off = np.asarray(alpha, np.float64), np.asarray(beta, np.float64)
    if not (np.isfinite(diagonal).all() and np.isfinite(off).all()):
        return Ritz(np.nan, np.nan, np.nan)
    # Where the space is exhausted the recursion ends, and what stands behind means nothing.
    scale = np.abs(diagonal).max() + off.max()
    ended = np.flatnonzero(off <= 1e-7 * scale)
    k = int(ended[0]) + 1 if ended.size else len(diagonal)
    values, vectors = np.linalg.eigh(np.diag(diagonal[:k]) + np.diag(off[: k - 1], 1) + np.diag(off[: k - 1], -1))
    return Ritz(float(values[-1]), float(values[0]), float(off[k - 1] * abs(vectors[-1, -1])))
