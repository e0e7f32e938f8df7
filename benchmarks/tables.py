"""Tables: the default recipe against other networks and boosted trees with their defaults.

``python -m benchmarks.tables FILE`` prints the tables of a file of results and fits nothing.
"""

from __future__ import annotations

import sys
import tempfile
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
that ran both ways ({speeds}).
The median load of the machine at the end of fits: {loads}; above 2, other work made times longer.
Memory is the peak of the process, libraries included.

Intervals of small sets are judged on further splits of the suite, which nothing else here looks at.

The peers' fits come from `python -m benchmarks.tables_run --results FILE --peers …`; the command above fits thalweg.

{versions}."""


def measure(*, data: Path, results: Path, seeds: int, quick: bool) -> str:
    """Return the section's text: fit thalweg anew on what the peers were fitted to, and compare.

    Args:
        data: folder of the sets.
        results: file of JSON lines with the fits of the peers, see `benchmarks.tables_run`; without one, all sets are
            fitted by thalweg alone.
        seeds: how many, from 0.
        quick: two small sets, one seed and one peer, nothing kept.
    """
    absent = [of.file for of in SETS.values() if not (data / f"{of.file}.parquet").exists()]
    if absent:
        return f"Not measured: {', '.join(absent)} not found in the folder of `--data`."
    if quick:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "fits.jsonl"
            fits(file, data=data, peers=["sklearn_mlp", OURS], sets=["boston", "energy"], seeds=[0])
            return report(Results(read(file)))
    known = Results(read(results))
    theirs = {cell for peer in known.peers() - {OURS} for cell in known.cells(peer)}
    for seed in range(seeds):
        sets = [name for name in SETS if (name, seed) in theirs or not theirs]
        fits(results, data=data, peers=[OURS], sets=sets, seeds=[seed], again=True)
    return report(Results(read(results)))


def report(results: Results) -> str:
    """Return the tables of what was measured."""
    shown = [name for name in PEERS if name in results.peers()]
    rivals = [name for name in shown if name != OURS]
    speeds = ", ".join(f"{PEERS[name].label} {results.speed(name):.2f}" for name in rivals) or "none"
    loads = ", ".join(f"{PEERS[name].label} {results.load(name):.1f}" for name in shown)
    versions = dict.fromkeys(f"{PEERS[name].package} {results.version(name)}" for name in shown)
    parts = [INTRODUCTION.format(speeds=speeds, loads=loads, versions=", ".join(versions)), scores(results, shown)]
    if gaps := results.failures:
        told = (f"{name} seed {seed}, {PEERS[peer].label}: {why}" for (name, seed, peer), why in gaps.items())
        parts.append(f"Not fitted within {LIMIT:g} s, or failed: {'; '.join(told)}.")
    if OURS in shown and rivals:
        parts += ["### Side by side", pairs(results, rivals), "### Means over sets", means(results, shown)]
        parts += ["### Whether they can be believed", calibration(results, shown), targets(results)]
    return "\n\n".join(parts)


if __name__ == "__main__":
    print(report(Results(read(Path(sys.argv[1])))))
