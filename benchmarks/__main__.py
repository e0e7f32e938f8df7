"""``python -m benchmarks``: measure, print, and write RESULTS.md."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks import (
    ablation,
    decisions,
    disk,
    encoder,
    faults,
    instruments,
    kde,
    learning_rate,
    likelihoods,
    members,
    mnist,
    predict,
    recipe_findings,
    search,
    segmentation,
    start,
    steps,
    stream,
    tables,
)
from benchmarks.machine import describe, limit_processors
from benchmarks.table import merged

RESULTS = Path(__file__).with_name("RESULTS.md")
FITS = Path(__file__).with_name("tables.jsonl")
ABLATION = Path(__file__).with_name("ablation.jsonl")
GRID = Path(__file__).with_name("learning_rate.jsonl")
EXAMINED = Path("build") / "faults.jsonl"
TITLES = {
    "steps": "Training steps",
    "instruments": "Instruments",
    "learning_rate": "Step sizes",
    "start": "Start of commands",
    "mnist": "MNIST",
    "disk": "A set larger than memory",
    "stream": "A CSV file larger than memory",
    "likelihoods": "Noise models on real data",
    "kde": "Kernel density and divergences",
    "segmentation": "Segmentation",
    "decisions": "Decisions and calibration",
    "tables": "Tables",
    "predict": "Prediction",
    "members": "Members at once",
    "search": "Search",
    "encoder": "Encoder",
    "ablation": "Ablation of the recipe",
    "faults": "Faults and verdicts",
    "recipe_findings": "Findings on the default recipe",
}
DATA = Path(__file__).parents[2] / "shared" / "data"
DISK_ROUNDS = 3
"""Pairs over the large file, which take a minute or two each."""


def main() -> None:
    """Run the sections asked for; those not run keep their former text."""
    options = _options()
    limit_processors()
    rounds = options.rounds or (2 if options.quick else 7)
    own_rounds = {
        "disk": options.rounds or (1 if options.quick else DISK_ROUNDS),
        "kde": options.rounds or 3,
        "likelihoods": options.rounds or 1,
        "predict": options.rounds or 3,
        "tables": options.rounds or 3,
        "members": options.rounds or 3,
        "learning_rate": options.rounds or 3,
        "ablation": options.rounds or 3,
    }
    sections: dict[str, Callable[[], str]] = {
        "steps": partial(steps.measure, rounds=rounds, quick=options.quick),
        "instruments": partial(instruments.measure, rounds=rounds, quick=options.quick),
        "learning_rate": partial(
            learning_rate.measure,
            rounds=own_rounds["learning_rate"],
            quick=options.quick,
            data=options.data,
            results=options.grid,
        ),
        "start": partial(start.measure, rounds=rounds, quick=options.quick),
        "mnist": partial(mnist.measure, rounds=rounds, quick=options.quick),
        "disk": partial(disk.measure, rounds=own_rounds["disk"], quick=options.quick, size=options.disk_gb),
        "stream": partial(stream.measure, quick=options.quick, size=options.stream_gb, data=options.data),
        "kde": partial(kde.measure, rounds=own_rounds["kde"], quick=options.quick),
        "likelihoods": partial(
            likelihoods.measure, rounds=own_rounds["likelihoods"], quick=options.quick, data=options.data
        ),
        "members": partial(members.measure, rounds=own_rounds["members"], quick=options.quick),
        "segmentation": partial(segmentation.measure, data=options.data, quick=options.quick),
        "decisions": partial(decisions.measure, data=options.data, quick=options.quick),
        "search": partial(search.measure, data=options.data, quick=options.quick),
        "predict": partial(predict.measure, rounds=own_rounds["predict"], quick=options.quick),
        "encoder": partial(encoder.measure, rounds=rounds, quick=options.quick),
        "tables": partial(
            tables.measure,
            data=options.data,
            results=options.results,
            seeds=own_rounds["tables"],
            quick=options.quick,
        ),
        "faults": partial(faults.measure, results=options.examined),
        "recipe_findings": partial(recipe_findings.measure, data=options.data, runs=options.runs, quick=options.quick),
        "ablation": partial(
            ablation.measure,
            data=options.data,
            results=options.ablated,
            seeds=own_rounds["ablation"],
            quick=options.quick,
        ),
    }
    out = options.out or (None if options.quick else RESULTS)
    for name in [options.only] if options.only else sections:
        print(f"{TITLES[name]} …", flush=True)
        command = f"python -m benchmarks --only {name} --rounds {own_rounds.get(name, rounds)}"
        command += f" --stream-gb {options.stream_gb:g}" * (name == "stream")
        text = f"`{command}{' --quick' * options.quick}`\n\n{describe()}\n\n{sections[name]()}"
        print(f"\n## {TITLES[name]}\n\n{text}\n", flush=True)
        if out is not None:
            # After each section, so that a run cut short leaves what it has.
            former = out.read_text(encoding="utf-8") if out.exists() else ""
            out.write_text(merged(former, {TITLES[name]: text}, list(TITLES.values())), encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", choices=TITLES, help="one section; the others keep their text")
    parser.add_argument("--rounds", type=int, help=f"rounds of each section (default: 7, or {DISK_ROUNDS} for disk)")
    parser.add_argument("--disk-gb", type=float, default=8.0, help="GiB of the file that is trained from (default: 8)")
    parser.add_argument("--stream-gb", type=float, default=10.0, help="GB of the CSV file (default: 10)")
    parser.add_argument(
        "--quick", action="store_true", help="short, to see that it works; writes nothing without --out"
    )
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the real sets (default: ../shared/data)")
    parser.add_argument(
        "--examined", type=Path, default=EXAMINED, help="programs of the section faults (default: build/faults.jsonl)"
    )
    parser.add_argument(
        "--results", type=Path, default=FITS, help="fits of the section tables (default: benchmarks/tables.jsonl)"
    )
    parser.add_argument(
        "--grid", type=Path, default=GRID, help="runs of learning_rate's grid (default: benchmarks/learning_rate.jsonl)"
    )
    parser.add_argument(
        "--ablated",
        type=Path,
        default=ABLATION,
        help="fits of the section ablation (default: benchmarks/ablation.jsonl)",
    )
    parser.add_argument("--runs", type=Path, help="folder that keeps the runs of the section recipe_findings")
    parser.add_argument("--out", type=Path, help="file to write (default: benchmarks/RESULTS.md)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
