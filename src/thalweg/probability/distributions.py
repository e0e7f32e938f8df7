"""The distributions by name, as NumPyro makes them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array

from thalweg.core.errors import ArgumentError, nearest
from thalweg.core.registry import lookup
from thalweg.core.validate import number
from thalweg.probability.checks import check_covariance
from thalweg.probability.density import Density
from thalweg.probability.empirical import Empirical

DISTRIBUTIONS: dict[str, Callable[..., Any]] = {
    "bernoulli": dist.Bernoulli,
    "beta": dist.Beta,
    "binomial": dist.Binomial,
    "categorical": dist.Categorical,
    "delta": dist.Delta,
    "density": Density,
    "dirichlet": dist.Dirichlet,
    "empirical": Empirical,
    "exponential": dist.Exponential,
    "gamma": dist.Gamma,
    "geometric": dist.Geometric,
    "laplace": dist.Laplace,
    "mixture": dist.Mixture,
    "multinomial": dist.Multinomial,
    "multivariate_normal": dist.MultivariateNormal,
    "negative_binomial": dist.NegativeBinomial,
    "normal": dist.Normal,
    "poisson": dist.Poisson,
    "student_t": dist.StudentT,
    "uniform": dist.Uniform,
}
"""Name → NumPyro class or factory. Any other NumPyro distribution will do as well wherever one is taken."""

_ANY = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def make_distribution(name: str, **parameters: Any) -> Any:
    """Return a distribution by name, its parameters checked.

    Args:
        name: a key of `DISTRIBUTIONS`.
        **parameters: as NumPyro names them; arrays make a batch.

    Returns:
        A NumPyro distribution.

    Raises:
        ArgumentError: unknown name or parameter, a parameter out of its range, or a covariance matrix that is not
            positive definite (names its smallest eigenvalue).

    Example:
        >>> make_distribution("normal", loc=0.0, scale=2.0).log_prob(0.0).round(4)
        Array(-1.6121, dtype=float32, weak_type=True)
    """
    make = lookup(DISTRIBUTIONS, name, "name")
    _check_names(name, make, parameters)
    parameters = {key: _array(value) for key, value in parameters.items()}
    if parameters.get("covariance_matrix") is not None:
        check_covariance("covariance_matrix", parameters["covariance_matrix"])
    if name == "uniform" and not np.all(np.asarray(parameters.get("low", 0.0)) < parameters.get("high", 1.0)):
        got = f"{parameters.get('low', 0.0)}, with high {parameters.get('high', 1.0)}"
        raise ArgumentError("low", "less than high", got)
    try:
        return make(**parameters, validate_args=True)
    except ArgumentError:
        raise
    except (TypeError, ValueError) as error:
        raise ArgumentError("parameters", f"those of {name}", f"{sorted(parameters)}", str(error)) from error


def _array(value: Any) -> Any:
    """Lists of numbers as arrays, which NumPyro asks for."""
    if not isinstance(value, (list, tuple)):
        return value
    array = np.asarray(value)
    return array if array.dtype.kind in "biuf" else value


def _check_names(name: str, make: Callable[..., Any], parameters: dict[str, Any]) -> None:
    """Say which parameter is unknown or missing; of the factories of several classes, NumPyro does."""
    known = inspect.signature(make).parameters
    unknown = [key for key in parameters if key not in known]
    if unknown and not any(p.kind is p.VAR_KEYWORD for p in known.values()):
        names = [key for key in known if key != "validate_args"]
        raise ArgumentError(
            "parameters", f"those of {name}: {', '.join(names)}", unknown[0], nearest(unknown[0], names)
        )
    missing = [key for key, p in known.items() if p.default is p.empty and p.kind not in _ANY and key not in parameters]
    if missing:
        raise ArgumentError("parameters", f"{missing[0]}, which {name} needs", f"{', '.join(parameters) or 'none'}")


def sample(d: Any, key: Array, n: int) -> Array:
    r"""Return n independent draws x(1) … x(n).

    Args:
        d: a NumPyro distribution.
        key: JAX random key.
        n: number of draws.

    Returns:
        Array (n, \\*batch, \\*event).

    Raises:
        ArgumentError: ``n`` is not a whole number of at least 1.

    Example:
        >>> import jax
        >>> sample(dist.Normal(0.0, jnp.ones(3)), jax.random.key(0), 5).shape
        (5, 3)
    """
    n = number("n", n, at_least=1, integer=True)
    return jnp.asarray(d.sample(key, (n,)))
