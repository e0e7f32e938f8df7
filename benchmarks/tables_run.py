"""Fits of peers, one after the other, into a file of results: ``python -m benchmarks.tables_run --results FILE``.

The peers may live in an environment of their own (its Python is ``--python``). A fit that the file already holds is
not repeated, so a run that was cut short goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.machine import ENVIRONMENT
from benchmarks.tables_data import SETS
from benchmarks.tables_peers import PEERS

ROOT = Path(__file__).parents[1]
LIMIT = 900.0
"""Seconds after which a fit is given up."""

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def fits(
    results: Path,
    *,
    data: Path,
    peers: Iterable[str],
    sets: Iterable[str],
    seeds: Iterable[int],
    threads: int = 2,
    limit: float = LIMIT,
    python: str = sys.executable,
    again: bool = False,
) -> None:
    """Append a line to ``results`` for each fit that it does not hold.

    Args:
        results: file of JSON lines.
        data: folder of the sets.
        peers: keys of `PEERS`; the first is fitted to a set before the second.
        sets: keys of `SETS`.
        seeds: seed 0 of all sets comes before seed 1 of any.
        threads: of each fit.
        limit: seconds after which a fit is given up; a line says so.
        python: interpreter of the environment in which the peers are installed.
        again: fit also what it holds; the later line counts.
    """
    sets, peers = list(sets), list(peers)
    for seed in seeds:
        for name in sets:
            for peer in peers:
                # Read anew each time: another process may write to the same file.
                known = ((row["set"], row["seed"], row["peer"]) for row in read(results))
                if again or (name, seed, peer) not in known:
                    _fit(results, data, name, seed, peer, threads, limit, python)


def read(results: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of a file of results; none when there is no file."""
    if results.exists():
        yield from map(json.loads, results.read_text(encoding="utf-8").splitlines())


def _fit(results: Path, data: Path, name: str, seed: int, peer: str, threads: int, limit: float, python: str) -> None:
    command = [python, "-m", "benchmarks.tables_worker", name, str(seed), peer, str(data.resolve()), str(threads)]
    with tempfile.TemporaryDirectory() as cache:
        environment = os.environ | ENVIRONMENT | dict.fromkeys(THREADS, str(threads)) | {"XDG_CACHE_HOME": cache}
        try:
            done = subprocess.run(
                command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=limit
            )
            ended = " ".join(done.stderr.splitlines()[-1:]) or f"ended with code {done.returncode}"
            failure = ended if done.returncode else None
        except subprocess.TimeoutExpired:
            failure = f"not done after {limit:g} s"
    row = (
        json.loads(done.stdout)
        if failure is None
        else {"set": name, "seed": seed, "peer": peer, "threads": threads, "failure": failure}
    )
    with results.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    told = failure or f"{row.get('rmse', row.get('error')):.4f}, {row['fit_wall_s']:.1f} s"
    print(f"{time.strftime('%H:%M:%S')} {name} seed {seed} {peer}: {told}", flush=True)


def main() -> None:
    """Run the fits asked for on the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tables_run", description=__doc__)
    parser.add_argument("--results", type=Path, required=True, help="file of JSON lines")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder of the sets")
    parser.add_argument("--peers", default=",".join(PEERS), help="names with commas")
    parser.add_argument("--sets", default=",".join(SETS), help="names with commas")
    parser.add_argument("--seeds", default="0,1,2", help="numbers with commas")
    parser.add_argument("--threads", type=int, default=2, help="threads of each fit (default: 2)")
    parser.add_argument("--limit", type=float, default=LIMIT, help=f"seconds of the longest fit (default: {LIMIT:g})")
    parser.add_argument("--python", default=sys.executable, help="interpreter that has the peers")
    parser.add_argument("--again", action="store_true", help="fit also what the file holds; the later line counts")
    options = parser.parse_args()
    fits(
        options.results,
        data=options.data,
        peers=options.peers.split(","),
        sets=options.sets.split(","),
        seeds=[int(seed) for seed in options.seeds.split(",")],
        threads=options.threads,
        limit=options.limit,
        python=options.python,
        again=options.again,
    )


if __name__ == "__main__":
    main()
