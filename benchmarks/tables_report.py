"""The tables of the tables benchmark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from benchmarks.figures import figures, verdict
from benchmarks.table import table
from benchmarks.tables_compare import SEEDS, Cell, Results, per_set, quotient, ranks, scaled, shifted
from benchmarks.tables_data import SETS, UCI
from benchmarks.tables_peers import OURS, PEERS

BASE, SLOW, TREES = "realmlp_td", "tabm_d", "catboost"
"""Peers that the targets name."""

KEPT = dict.fromkeys(("adult", "bank", "magic"), ("ECE on", "ece", 0.0, 0.02)) | dict.fromkeys(
    UCI, ("inside 90 % on", "coverage", 0.88, 0.92)
)
"""Set ↦ what is asked of it: title, name in a result, least and most."""

MEASURES = {
    "auc": ("AUC", "{:.4f}"),
    "log_loss": ("log loss, nat", "{:.4f}"),
    "ece": ("ECE", "{:.2%}"),
    "coverage": ("inside 90 %", "{:.1%}"),
}
"""Beside the error: name in a result ↦ title and format."""


def scores(results: Results, shown: Sequence[str]) -> str:
    """Return the test errors, a row for each set and a column for each method."""
    lines = []
    for name, of in SETS.items():
        found = {peer: results.of_set(name, peer) for peer in shown}
        if rows := [row for fits in found.values() for row in fits]:
            seeds = max(map(len, found.values()))
            size = f"{rows[0]['rows']} × {rows[0]['features']}"
            title = f"{name}, {'RMSE' if of.task == 'regression' else 'error'}"
            lines.append([title, size, f"{seeds}", *(_score(fits, seeds) for fits in found.values())])
    about = "The number of seeds stands in parentheses where a method has fewer than others; – is none.\n\n"
    return about + table(["", "rows × features", "seeds", *_labels(shown)], lines).strip()


def _score(fits: Sequence[Mapping[str, Any]], seeds: int) -> str:
    if not fits:
        return "–"
    mean = fmean(row["error"] if "error" in row else row["rmse"] for row in fits)
    few = f" ({len(fits)})" if len(fits) < seeds else ""
    return f"{mean:.0f}{few}" if mean >= 1000 else f"{mean:.3f}{few}" if mean >= 1 else f"{mean:.4f}{few}"


def pairs(results: Results, rivals: Sequence[str]) -> str:
    """Return thalweg beside each peer, on the sets and seeds that both have."""
    lines = []
    for peer in rivals:
        if results.cells(OURS, peer):
            better, sets = wins(results, peer)
            ratios = (_ratio(results, peer, kind) for kind in ("loss", "seconds", "memory", "predict"))
            lines.append([f"to {PEERS[peer].label}", f"{better} of {sets}", *map(figures, ratios)])
    about = (
        "On the sets that both were fitted to, over the seeds that both have; the ratios of thalweg's figure to the "
        "peer's are geometric means over sets.\n\n"
    )
    return about + table(["", "at least as good on", "error", "fit time", "memory", "time to predict"], lines).strip()


def means(results: Results, shown: Sequence[str]) -> str:
    """Return mean ranks and mean errors, with all peers, and without the one that has fewest sets."""
    about = (
        "The shifted geometric mean is exp(mean ln(ε + 0.01)), ε being the error, or the root mean squared error over "
        "the standard deviation of the test targets. The scaled error is 0 for a set's best method, 1 for its worst."
    )
    parts = [about]
    for group in dict.fromkeys((tuple(shown), tuple(name for name in shown if name != SLOW))):
        if not (cells := results.cells(*group)):
            continue
        networks = [name for name in group if PEERS[name].network]
        among, overall = ranks(results, networks, cells), ranks(results, group, cells)
        lines = [
            [
                PEERS[name].label,
                figures(among[name]) if name in among else "–",
                figures(overall[name]),
                f"{shifted(results, name, cells):.4f}",
                f"{scaled(results, name, cells, group):.3f}",
            ]
            for name in group
        ]
        sets = sorted({name for name, _ in cells}, key=list(SETS).index)
        parts.append(f"{len(sets)} sets that all of these were fitted to: {', '.join(sets)}.")
        parts.append(
            table(["", "rank among networks", "rank", "shifted geometric mean", "scaled error"], lines).strip()
        )
    return "\n\n".join(parts)


def calibration(results: Results, shown: Sequence[str]) -> str:
    """Return what is known beside the error: of probabilities, and of thalweg's intervals."""
    lines = []
    for name in SETS:
        for key, (title, form) in MEASURES.items():
            found = [_found(results, name, peer, key) for peer in shown]
            if any(found):
                title_of = f"{name}, {title}{_splits(_found(results, name, OURS, key))}"
                lines.append([title_of, *(form.format(fmean(f)) if f else "–" for f in found)])
    about = (
        "Expected calibration error (ECE) in 15 bins of equal mass of the winning probability; share of test targets "
        "inside `predict_interval(X, 0.9)`.\n\n"
    )
    return about + table(["", *_labels(shown)], lines).strip()


def targets(results: Results) -> str:
    """Return what the targets ask for, as far as it was measured."""
    lines: list[list[str]] = []
    networks = [name for name in PEERS if PEERS[name].network and name in results.peers()]
    fast = [name for name in networks if name != SLOW]
    for group, less in ((networks, ""), (fast, f" but {PEERS[SLOW].label}")):
        if (cells := results.cells(*group)) and (group == networks or fast != networks):
            found = ranks(results, group, cells)
            sets = len({name for name, _ in cells})
            lines.append(
                [
                    f"mean rank among networks{less}, {sets} sets",
                    figures(found[OURS]),
                    "first",
                    verdict(found[OURS] == min(found.values())),
                ]
            )
    if results.cells(OURS, BASE):
        better, sets = wins(results, BASE)
        lines.append(
            [
                f"sets at least as good as {PEERS[BASE].label}",
                f"{better} of {sets}",
                "≥ 4 of 5",
                verdict(better >= 0.8 * sets),
            ]
        )
    if cells := results.cells(OURS, TREES):
        own, other = (shifted(results, name, cells) for name in (OURS, TREES))
        lines.append(
            ["shifted geometric mean of errors", f"{own:.4f}", f"< {other:.4f} (CatBoost)", verdict(own < other)]
        )
    for peer, most in ((BASE, 0.2), (SLOW, 0.1)):
        if results.cells(OURS, peer):
            time, memory = _ratio(results, peer, "seconds"), _ratio(results, peer, "memory")
            label = PEERS[peer].label
            lines.append([f"fit time to {label}", figures(time), f"≤ {most:g}", verdict(time <= most)])
            lines.append([f"peak memory to {label}", figures(memory), "≤ 1", verdict(memory <= 1)])
    for name, (title, key, low, high) in KEPT.items():
        if found := _found(results, name, OURS, key):
            wanted = f"{low:.0%} to {high:.0%}" if low else f"≤ {high:.0%}"
            reached = verdict(low <= fmean(found) <= high)
            lines.append([f"{title} {name}{_splits(found)}", f"{fmean(found):.2%}", wanted, reached])
    return table(["", "measured", "target", "reached"], lines).strip()


def _found(results: Results, name: str, peer: str, key: str) -> list[float]:
    """Return a measure of a peer on a set, of all its seeds, and of intervals on further splits too."""
    rows = results.of_splits(name, peer) if key == "coverage" else results.of_set(name, peer)
    return [row[key] for row in rows if key in row]


def _splits(found: Sequence[float]) -> str:
    return f", {len(found)} splits" if len(found) > SEEDS else ""


def wins(results: Results, peer: str) -> tuple[int, int]:
    """Return on how many sets thalweg's mean loss is at most the peer's, and how many there are."""
    ours, theirs = _both(results, peer, "loss")
    return sum(ours[name] <= theirs[name] for name in ours), len(ours)


def _ratio(results: Results, peer: str, kind: str) -> float:
    return quotient(*_both(results, peer, kind))


def _both(results: Results, peer: str, kind: str) -> tuple[dict[str, float], dict[str, float]]:
    """Means over seeds of a figure of thalweg and of a peer, for each set that both have."""

    def value(cell: Cell, of: str) -> float:
        return float(getattr(results, kind)(cell, of))

    cells = results.cells(OURS, peer)
    ours, theirs = (per_set(cells, lambda cell, of=of: value(cell, of)) for of in (OURS, peer))
    return ours, theirs


def _labels(names: Sequence[str]) -> list[str]:
    return [PEERS[name].label for name in names]
