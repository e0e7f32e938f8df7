"""Pictures of landscapes and of ways down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from thalweg.diagnosis.landscape.descent import Descent
from thalweg.diagnosis.landscape.slices import Slice
from thalweg.diagnosis.landscape.surfaces import Surface
from thalweg.diagnosis.style import BLUE, CYCLE, INK, ORANGE, SEQUENTIAL, SOFT, figure, house_style

LEVELS = 18
GRID = 201


@house_style()
def draw_slice(cut: Slice, title: str = "") -> Figure:
    """Return a picture of a slice: a curve along one direction, contours along two.

    Args:
        cut: what to draw.
        title: above it.
    """
    flat = len(cut.axes) == 1
    drawn = figure(3.0 if flat else 4.6)
    axes = drawn.subplots()
    if flat:
        axes.plot(cut.axes[0], cut.losses, color=BLUE)
        axes.axvline(0.0, color=SOFT, lw=0.8, ls=":")
        axes.set(xlabel=cut.names[0], ylabel="loss", title=title)
        return drawn
    _contours(axes, cut.axes[0], cut.axes[1], cut.losses.T, drawn)
    if cut.path is not None:
        axes.plot(cut.path[:, 0], cut.path[:, 1], color=ORANGE, marker="o", ms=3, lw=1.2)
        axes.plot(*cut.path[0], color=ORANGE, marker="o", ms=7, mfc="white")
    axes.plot(0.0, 0.0, color=INK, marker="+", ms=10, mew=1.8)
    axes.set(xlabel=cut.names[0], ylabel=cut.names[1], title=title)
    return drawn


@house_style()
def draw_descents(surface: Surface, paths: Sequence[Descent]) -> Figure:
    """Return a picture of ways down a surface, and of the loss along them.

    Args:
        surface: what they descend.
        paths: one an optimizer.
    """
    (left, right), (low, high) = surface.box
    x, y = np.linspace(left, right, GRID), np.linspace(low, high, GRID)
    losses = _surface(surface, x, y)
    drawn = figure(3.8)
    plane, curve = drawn.subplots(1, 2, width_ratios=(3, 2))
    _contours(plane, x, y, losses)
    for path, color in zip(paths, CYCLE, strict=False):
        plane.plot(path.points[:, 0], path.points[:, 1], color=color, lw=1.3, marker=".", ms=3)
        curve.semilogy(np.maximum(path.losses - losses.min(), 1e-9), color=color, label=path.name)
    plane.plot(*surface.start, color=INK, marker="o", ms=6, mfc="white")
    for minimum in surface.minima:
        plane.plot(*minimum, color=INK, marker="+", ms=10, mew=1.8)
    plane.set(xlim=(left, right), ylim=(low, high), title=surface.formula, xlabel="x", ylabel="y")
    curve.set(title="Loss above the least", xlabel="step")
    curve.legend()
    return drawn


def _surface(surface: Surface, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    import jax

    grid = np.stack(np.meshgrid(x, y), axis=-1).astype(np.float32)
    return np.asarray(jax.jit(jax.vmap(jax.vmap(surface.loss)))(grid), np.float64)


def _contours(axes: Axes, x: Any, y: Any, losses: NDArray[np.float64], drawn: Figure | None = None) -> None:
    """Draw contours whose levels lie closer near the minimum, where a landscape is looked at."""
    low, high = float(np.nanmin(losses)), float(np.nanquantile(losses, 0.98))
    levels = low + max(high - low, 1e-9) * np.linspace(0, 1, LEVELS) ** 2
    filled = axes.contourf(x, y, losses, levels=levels, cmap=SEQUENTIAL.reversed(), extend="max")
    axes.contour(x, y, losses, levels=levels, colors=SOFT, linewidths=0.4)
    if drawn is not None:
        drawn.colorbar(filled, ax=axes, label="loss", ticks=levels[::4], format="%.3g")
