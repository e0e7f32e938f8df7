"""What the fits of the tables benchmark amount to: ranks, mean errors, ratios of time and memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean, median
from typing import Any, TypeAlias

Cell: TypeAlias = tuple[str, int]
"""A set and a seed."""

SEEDS = 3
"""Seeds from here on are further splits of small sets, which tell of intervals alone: three test sets are few rows."""

SHIFT = 0.01
"""Added to errors before their logarithm is taken, so that sets with hardly any do not rule the mean."""


class Results:
    """The rows of a file of results, of which a later one replaces an earlier one of the same fit.

    Args:
        rows: see `benchmarks.tables_worker`; those of fits that failed have a ``failure`` and no scores.
    """

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        self._fits: dict[tuple[str, int, str], dict[int, Mapping[str, Any]]] = {}
        self.failures: dict[tuple[str, int, str], str] = {}
        for row in rows:
            key = (row["set"], row["seed"], row["peer"])
            if "failure" in row:
                self.failures[key] = row["failure"]
            else:
                self.failures.pop(key, None)
                self._fits.setdefault(key, {})[row["threads"]] = row

    def peers(self) -> set[str]:
        """All that have a result."""
        return {peer for _, _, peer in self._fits}

    def cells(self, *peers: str) -> list[Cell]:
        """Sets and seeds for which all of ``peers`` have a result, without further splits."""
        found = dict.fromkeys((name, seed) for name, seed, _ in self._fits if seed < SEEDS)
        return sorted(cell for cell in found if all((*cell, peer) in self._fits for peer in peers))

    def of_set(self, name: str, peer: str) -> list[Mapping[str, Any]]:
        """A peer's results on a set, of all seeds."""
        return [self._best(cell, peer) for cell in self.cells(peer) if cell[0] == name]

    def of_splits(self, name: str, peer: str) -> list[Mapping[str, Any]]:
        """A peer's results on a set, of all seeds and further splits."""
        return [self._best((of, seed), peer) for of, seed, who in sorted(self._fits) if (of, who) == (name, peer)]

    def version(self, peer: str) -> str:
        """The versions that the results are of."""
        return " and ".join(sorted({self._best(cell, peer)["version"] for cell in self.cells(peer)}))

    def load(self, peer: str) -> float:
        """The median load average of the machine at the end of a peer's fits."""
        return median(self._best(cell, peer)["load"][-1] for cell in self.cells(peer))

    def loss(self, cell: Cell, peer: str) -> float:
        """Error rate, or root mean squared error over the standard deviation of the test targets."""
        row = self._best(cell, peer)
        return float(row["error"] if "error" in row else row["rmse"] / row["spread"])

    def memory(self, cell: Cell, peer: str) -> float:
        """Peak memory of the process, MB."""
        return float(self._best(cell, peer)["rss_peak_mb"])

    def predict(self, cell: Cell, peer: str) -> float:
        """Seconds to predict the test rows."""
        return float(self._best(cell, peer)["predict_s"])

    def seconds(self, cell: Cell, peer: str) -> float:
        """Seconds of a fit by the clock on two cores.

        Of a fit that ran in one thread: its processor time × the ratio of the two in fits of the peer that ran both
        ways.
        """
        fits = self._fits[*cell, peer]
        return float(fits[2]["fit_wall_s"] if 2 in fits else fits[1]["fit_cpu_s"] * self.speed(peer))

    def speed(self, peer: str) -> float:
        """Wall time in two threads to processor time in one, geometric mean of the fits that ran both ways; else 1."""
        both = [fits for (_, _, of), fits in self._fits.items() if of == peer and {1, 2} <= set(fits)]
        return geometric(fits[2]["fit_wall_s"] / fits[1]["fit_cpu_s"] for fits in both) if both else 1.0

    def _best(self, cell: Cell, peer: str) -> Mapping[str, Any]:
        """A fit's result; where it ran both ways, the one with two threads."""
        fits = self._fits[*cell, peer]
        return fits[max(fits)]


def per_set(cells: Sequence[Cell], value: Callable[[Cell], float]) -> dict[str, float]:
    """Return set ↦ mean of ``value`` over its seeds."""
    found: dict[str, list[float]] = {}
    for cell in cells:
        found.setdefault(cell[0], []).append(value(cell))
    return {name: fmean(values) for name, values in found.items()}


def geometric(values: Iterable[float]) -> float:
    """Return exp(mean ln v)."""
    return math.exp(fmean(math.log(value) for value in values))


def ranks(results: Results, peers: Sequence[str], cells: Sequence[Cell]) -> dict[str, float]:
    """Return peer ↦ mean rank of its loss over sets, 1 being the best; equal losses share their ranks."""

    def rank(peer: str, cell: Cell) -> float:
        own = results.loss(cell, peer)
        others = [results.loss(cell, other) for other in peers]
        return 1 + sum(loss < own for loss in others) + (sum(loss == own for loss in others) - 1) / 2

    return {peer: fmean(per_set(cells, lambda cell, of=peer: rank(of, cell)).values()) for peer in peers}


def shifted(results: Results, peer: str, cells: Sequence[Cell]) -> float:
    """Return the shifted geometric mean exp(mean ln(loss + 0.01)) over sets, as the paper of RealMLP has it."""
    return math.exp(fmean(per_set(cells, lambda cell: math.log(results.loss(cell, peer) + SHIFT)).values()))


def scaled(results: Results, peer: str, cells: Sequence[Cell], peers: Sequence[str]) -> float:
    """Return the mean over sets of the loss between that of the best (0) and that of the worst (1) of ``peers``."""

    def between(cell: Cell) -> float:
        losses = [results.loss(cell, other) for other in peers]
        low, high = min(losses), max(losses)
        return (results.loss(cell, peer) - low) / (high - low) if high > low else 0.0

    return fmean(per_set(cells, between).values())


def quotient(ours: Mapping[str, float], theirs: Mapping[str, float]) -> float:
    """Return the geometric mean over sets of ours / theirs."""
    return geometric(ours[name] / theirs[name] for name in ours)
