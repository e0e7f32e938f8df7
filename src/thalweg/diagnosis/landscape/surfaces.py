r"""Classic surfaces L(θ) of two parameters, each with one difficulty of descent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import jax.numpy as jnp
from jaxtyping import Array, Float


@dataclass(frozen=True)
class Surface:
    """A loss of two parameters.

    Args:
        name: its name.
        formula: as one writes it.
        about: the difficulty it shows.
        loss: θ (2,) ↦ L(θ).
        start: where descents begin.
        minima: its minima, (2,) each; of the saddle and the plateau the points that matter.
        box: (low, high) of both parameters, for pictures.

    Example:
        >>> rosenbrock = SURFACES["rosenbrock"]
        >>> float(rosenbrock.loss(jnp.array(rosenbrock.minima[0])))
        0.0
    """

    name: str
    formula: str
    about: str
    loss: Callable[[Float[Array, " 2"]], Float[Array, ""]]
    start: tuple[float, ...]
    minima: tuple[tuple[float, ...], ...]
    box: tuple[tuple[float, float], tuple[float, float]]


def _valley(theta: Array) -> Array:
    return 0.5 * (theta[0] ** 2 + 50.0 * theta[1] ** 2)


def _saddle(theta: Array) -> Array:
    return 0.5 * theta[0] ** 2 - 0.5 * theta[1] ** 2 + 0.25 * theta[1] ** 4 + 0.25


def _plateau(theta: Array) -> Array:
    return 1.0 - jnp.exp(-0.5 * (theta[0] ** 2 + theta[1] ** 2)) + 1e-3 * (theta[0] ** 2 + theta[1] ** 2)


def _local_minima(theta: Array) -> Array:
    wave = jnp.sum(1.0 - jnp.cos(2.0 * jnp.pi * theta))
    return 0.25 * jnp.sum(theta**2) + 0.5 * wave


def _rosenbrock(theta: Array) -> Array:
    return (1.0 - theta[0]) ** 2 + 100.0 * (theta[1] - theta[0] ** 2) ** 2


def _beale(theta: Array) -> Array:
    x, y = theta[0], theta[1]
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


SURFACES: dict[str, Surface] = {
    surface.name: surface
    for surface in (
        Surface(
            "valley",
            "½ (x² + 50 y²)",
            "a narrow valley: steps small enough for its walls are too small for its floor",
            _valley,
            (-4.0, 0.8),
            ((0.0, 0.0),),
            ((-5.0, 2.0), (-1.2, 1.2)),
        ),
        Surface(
            "saddle",
            "½ x² - ½ y² + ¼ y⁴ + ¼",
            "a saddle: no slope where it matters, and a way down across",
            _saddle,
            (-1.6, 1e-3),
            ((0.0, 1.0), (0.0, -1.0)),
            ((-2.0, 1.0), (-1.6, 1.6)),
        ),
        Surface(
            "plateau",
            "1 - exp(-½ (x² + y²)) + 0.001 (x² + y²)",
            "a plateau: hardly any slope far from the minimum",
            _plateau,
            (-3.2, 2.4),
            ((0.0, 0.0),),
            ((-4.0, 2.0), (-2.0, 3.2)),
        ),
        Surface(
            "local minima",
            "¼ (x² + y²) + ½ Σ (1 - cos 2π θ)",
            "local minima: whoever descends ends in the nearest one",
            _local_minima,
            (-2.6, 1.7),
            ((0.0, 0.0),),
            ((-3.2, 1.4), (-1.4, 2.4)),
        ),
        Surface(
            "rosenbrock",
            "(1 - x)² + 100 (y - x²)²",
            "a bent narrow valley",
            _rosenbrock,
            (-1.2, 1.0),
            ((1.0, 1.0),),
            ((-1.6, 1.6), (-0.6, 2.0)),
        ),
        Surface(
            "beale",
            "(1.5 - x + xy)² + (2.25 - x + xy²)² + (2.625 - x + xy³)²",
            "flat ground between steep walls",
            _beale,
            (1.0, 1.5),
            ((3.0, 0.5),),
            ((-1.0, 4.2), (-1.5, 2.2)),
        ),
    )
}
"""Surfaces by name. Source of the last two: Rosenbrock (1960); Beale (1958)."""
