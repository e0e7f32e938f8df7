"""Instruments by name."""

from __future__ import annotations

from collections.abc import Iterable

from thalweg.core.errors import ArgumentError
from thalweg.core.registry import lookup
from thalweg.diagnosis.examples import ExampleGradients, GradientNoise
from thalweg.diagnosis.hessian import Hessian
from thalweg.diagnosis.instrument import Instrument
from thalweg.diagnosis.layers import Activations, ErrorVectors, Gradients, Updates
from thalweg.diagnosis.position import Position
from thalweg.diagnosis.rank import Rank
from thalweg.diagnosis.start import Baseline, Distance
from thalweg.diagnosis.units import Units

INSTRUMENTS: dict[str, type[Instrument]] = {
    entry.name: entry
    for entry in (
        Activations,
        ErrorVectors,
        Gradients,
        Updates,
        Units,
        Distance,
        Baseline,
        ExampleGradients,
        GradientNoise,
        Rank,
        Position,
        Hessian,
    )
}
"""Instruments by name, the cheap ones first; each class says what it costs."""

GROUPS: dict[str, tuple[str, ...]] = {
    cost: tuple(name for name, entry in INSTRUMENTS.items() if entry.cost == cost)
    for cost in ("cheap", "examples", "curvature")
} | {"all": tuple(INSTRUMENTS)}
"""Instruments by cost, and all of them."""


def choose(choice: str | Instrument | Iterable[str | Instrument]) -> tuple[Instrument, ...]:
    """Return instruments in the registry's order, each once.

    Args:
        choice: names of instruments or of groups, instruments with settings of their own, or several of them.

    Raises:
        ArgumentError: an unknown name, with the nearest one, or no instrument at all.

    Example:
        >>> [instrument.name for instrument in choose(["units", "examples"])]
        ['units', 'example_gradients', 'gradient_noise', 'rank']
    """
    chosen: dict[str, Instrument] = {}
    for entry in (choice,) if isinstance(choice, str | Instrument) else choice:
        if isinstance(entry, Instrument):
            chosen[entry.name] = entry
            continue
        for name in lookup(GROUPS | {name: (name,) for name in INSTRUMENTS}, entry, "instruments"):
            # One with settings of its own goes before the usual one of its kind.
            chosen.setdefault(name, INSTRUMENTS[name]())
    if not chosen:
        raise ArgumentError("instruments", "at least one instrument", "none")
    order = list(INSTRUMENTS)
    return tuple(sorted(chosen.values(), key=lambda one: order.index(one.name) if one.name in order else len(order)))
