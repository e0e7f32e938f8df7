"""Medians, ratios, and how they are written."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median


def ratios(above: Sequence[float], below: Sequence[float]) -> list[float]:
    """Return the quotients of two series that were measured in the same rounds."""
    return [a / b for a, b in zip(above, below, strict=True)]


def fastest(series: dict[str, Sequence[float]]) -> str | None:
    """Return the name of the series with the smallest median, or None when there is none."""
    return min((name for name in series if series[name]), key=lambda name: median(series[name]), default=None)


def duration(seconds: float) -> str:
    """Return seconds with three figures and a fitting unit: 8.31 µs, 1.62 ms, 34 s."""
    if abs(seconds) < 1e-3:
        return f"{figures(1e6 * seconds)} µs"
    return f"{figures(1e3 * seconds)} ms" if abs(seconds) < 1 else f"{figures(seconds)} s"


def figures(value: float) -> str:
    """Return a number with about three figures and no exponent: 0.83, 1.46, 34.2, 317."""
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}" if abs(value) < 100 else f"{value:.0f}"


def spread(values: Sequence[float]) -> str:
    """Return the smallest and the largest value."""
    return f"{figures(min(values))} – {figures(max(values))}"


def verdict(reached: bool) -> str:
    """Return yes or no, the no in bold."""
    return "yes" if reached else "**no**"
