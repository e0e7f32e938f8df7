"""ln p(x) in float64, whatever precision JAX is set to and a distribution was made in."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from thalweg.probability.view import Numbers


def double(d: Any) -> Any:
    """Return the distribution with its parameters in float64; those that JAX rounded to float32 stay rounded.

    To be used under ``jax.enable_x64``.
    """
    return jax.tree.map(_double, d)


def _double(leaf: Any) -> Any:
    kind = np.dtype(getattr(leaf, "dtype", type(leaf))).kind
    return np.asarray(leaf, np.float64) if kind == "f" else leaf


def log_density(d: Any, x: Any) -> Numbers:
    r"""Return ln p(x), minus infinity outside the support.

    Args:
        d: a NumPyro distribution, or a batch of them.
        x: points (n, \*batch, \*event) or what broadcasts to that.

    Example:
        >>> import numpyro.distributions as dist
        >>> float(log_density(dist.Normal(0.0, 1.0), np.array(1e-9)).round(15))  # -½ ln 2π
        -0.918938533204673
    """
    with jax.enable_x64(True):
        exact, at = double(d), np.asarray(x)
        if d.support.is_discrete and at.dtype.kind == "f":
            # NumPyro's classes are indices; a number between two has no probability.
            whole = (at == np.rint(at)).reshape(*at.shape[: at.ndim - d.event_dim], -1).all(axis=-1)
            return np.where(whole, log_density(d, np.rint(at).astype(np.int64)), -np.inf)
        try:
            return np.asarray(_compiled(exact, at), np.float64)
        except (TypeError, ValueError):  # its structure cannot be hashed, or it asks for values: then without compiling
            return np.asarray(_inside(exact, jnp.asarray(at)), np.float64)


def _inside(d: Any, x: Array) -> Array:
    # Outside their support NumPyro's densities return what the formula gives, if they are not told to check.
    logs: Array = jnp.where(d.support(x), d.log_prob(x), -jnp.inf)
    return logs


_compiled = jax.jit(_inside)
