"""``python -m benchmarks.faults.study FILE …``: examine programs, one JSON line each; what is there is kept."""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.faults.built import ARCHITECTURES, OPERATORS, Choice, healthy_choice
from benchmarks.faults.cures import cured
from benchmarks.faults.open_cases import program_of, read_cases
from benchmarks.faults.program import Examined, Program, examine
from benchmarks.faults.sets import data_sets
from thalweg.core.plain import plain
from thalweg.diagnosis.facts.outcome import outcome_facts

HEALTHY = 200
PICKS = 2
"""Places (set, architecture, seed) each operator is tried at."""


def programs(data: Path, cases: Path, seeds: int) -> Iterator[tuple[str, str, Program, Program | None]]:
    """Yield group, key, program, and for a built fault the sound program it was built into."""
    if cases.is_file():
        for seed in range(seeds):
            for case in read_cases(cases):
                yield "open", f"{case['id']}|{seed}", program_of(case, cases.parent, seed), None
    sets = data_sets(data)
    # Faults and sound programs in turn, so that a study cut short has some of both.
    names = list(OPERATORS)
    for number in range(max(HEALTHY, PICKS * len(names))):
        if number < PICKS * len(names):
            name = names[number % len(names)]
            of = sets[(7 * (number % len(names)) + 5 * (number // len(names))) % len(sets)]
            base = Choice(**ARCHITECTURES[(number + number // len(names)) % len(ARCHITECTURES)], seed=number)
            for offset in range(len(sets)):  # the next set that the operator applies to
                of = sets[(sets.index(of) + (offset > 0)) % len(sets)]
                sound = base.program(of)
                program = OPERATORS[name](sound, of, np.random.default_rng(number))
                if program is not None:
                    yield "built", f"{name}|{of.name}|{number}", program, sound
                    break
        if number < HEALTHY:
            of = sets[number % len(sets)]
            yield "healthy", f"{of.name}|{number}", healthy_choice(number).program(of), None


def held_out_skill(found: Examined) -> float:
    """Return what the trained network explains on held-out rows; minus infinity where it diverged."""
    if found.status == "diverged":
        return -np.inf
    program = found.program
    facts = outcome_facts(
        program.network, program.likelihood, *found.checkup.last, program.held_out[0], program.held_out[1]
    )
    return -np.inf if facts["skill"] is None else float(facts["skill"])


def line_of(group: str, key: str, program: Program, sound: Program | None) -> dict[str, Any]:
    """Examine a program, the sound one beside it, and what the weightiest remedies make of it."""
    began = time.perf_counter()
    found = examine(program)
    skill = held_out_skill(found)
    line: dict[str, Any] = {
        "group": group,
        "key": key,
        "causes": program.causes,
        "status": found.status,
        "skill": skill,
        "evidence": vars(found.checkup.evidence(found.status)) | {},
        "findings": [finding.to_dict() for finding in found.findings],
    }
    line["evidence"] = {name: line["evidence"][name] for name in ("facts", "log", "records", "settings", "status")}
    if sound is not None:
        line["sound"] = held_out_skill(examine(sound))
    if program.causes:
        line["cures"] = []
        for finding in found.findings[:3]:
            mended = cured(program, finding)
            if mended is not None:
                line["cures"].append([finding.cause, held_out_skill(examine(mended))])
    result: dict[str, Any] = plain(line | {"seconds": time.perf_counter() - began})
    return result


def main() -> None:
    """Examine what the file does not hold yet."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults.study", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[3] / "shared" / "data")
    parser.add_argument("--cases", type=Path, default=Path(__file__).parents[3] / "shared" / "faults" / "open.json")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--part", default="0/1", help="i/n: this process does every n-th program, from the i-th on")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    place, parts = map(int, options.part.split("/"))
    known = set()
    if options.file.exists():
        known = {(r["group"], r["key"]) for r in map(json.loads, options.file.read_text().splitlines())}
    for number, (group, key, program, sound) in enumerate(programs(options.data, options.cases, options.seeds)):
        if number % parts != place or (group, key) in known:
            continue
        line = json.dumps(line_of(group, key, program, sound))
        with options.file.open("a") as file:
            file.write(line + "\n")
        print(group, key, flush=True)


if __name__ == "__main__":
    main()
