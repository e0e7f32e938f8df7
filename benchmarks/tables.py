"""Tables: the default recipe against other networks and boosted trees with their defaults."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.tables_compare import Results
from benchmarks.tables_data import SETS
from benchmarks.tables_peers import OURS, PEERS
from benchmarks.tables_report import calibration, means, pairs, scores, targets
from benchmarks.tables_run import LIMIT, fits, read

INTRODUCTION = """\
Every method with its default settings, on the same training rows. The figure of a regression is the root mean squared
error of the test rows, that of a classification their share of errors; means over seeds. Where a set has one split, the
seeds are those of the methods; of the UCI suite, seed s is split s. The networks of pytabkit, LightGBM and XGBoost get
text as categories, CatBoost as text; scikit-learn's MLP gets one-hot columns and standardized numbers and targets;
thalweg gets the frame as it is.

The time of a fit is wall time on two cores, from data in memory to the fitted model; compilation counts, imports do
not. Of peers' fits that ran in one thread beside other work it is their processor time × the ratio of the two in fits
that ran both ways ({speeds}). Memory is the peak of the process, libraries included.

{versions}."""


def measure(*, data: Path, results: Path, seeds: int, quick: bool) -> str:
    """Return the section's text: fit thalweg anew on all sets, peers where ``results`` lacks them, and compare.

    Args:
        data: folder of the sets.
        results: file of JSON lines with the fits so far. Peers take hours, so theirs are kept, and those that are not
            installed are left as they are.
        seeds: how many, from 0.
        quick: two small sets, one seed, nothing kept.
    """
    absent = [of.file for of in SETS.values() if not (data / f"{of.file}.parquet").exists()]
    if absent:
        return f"Not measured: {', '.join(absent)} not found in the folder of `--data`."
    if quick:
        with tempfile.TemporaryDirectory() as folder:
            return _measured(data, Path(folder) / "results.jsonl", ["boston", "energy"], range(1))
    return _measured(data, results, list(SETS), range(seeds))


def _measured(data: Path, file: Path, sets: Sequence[str], seeds: range) -> str:
    installed = [name for name in PEERS if name != OURS and _installed(PEERS[name].package)]
    fits(file, data=data, peers=installed, sets=sets, seeds=seeds)
    fits(file, data=data, peers=[OURS], sets=sets, seeds=seeds, again=True)
    return report(Results(read(file)))


def report(results: Results) -> str:
    """Return the tables of what was measured."""
    shown = [name for name in PEERS if name in results.peers()]
    rivals = [name for name in shown if name != OURS]
    speeds = ", ".join(f"{PEERS[name].label} {results.speed(name):.2f}" for name in rivals) or "none"
    versions = dict.fromkeys(f"{PEERS[name].package} {results.version(name)}" for name in shown)
    parts = [INTRODUCTION.format(speeds=speeds, versions=", ".join(versions)), scores(results, shown)]
    if gaps := results.failures:
        told = (f"{name} seed {seed}, {PEERS[peer].label}: {why}" for (name, seed, peer), why in gaps.items())
        parts.append(f"Not fitted within {LIMIT:g} s, or failed: {'; '.join(told)}.")
    if OURS in shown and rivals:
        parts += ["### Side by side", pairs(results, rivals), "### Means over sets", means(results, shown)]
        parts += ["### Whether they can be believed", calibration(results, shown), targets(results)]
    return "\n\n".join(parts)


def _installed(package: str) -> bool:
    try:
        return bool(version(package))
    except PackageNotFoundError:
        return False
