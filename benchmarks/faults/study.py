"""``python -m benchmarks.faults.study FILE …``: examine programs, one JSON line each; what is there is kept."""

from __future__ import annotations

import argparse
import json
import os
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.faults import suffers, was_cured
from benchmarks.faults.built import ARCHITECTURES, OPERATORS, Choice, healthy_choice
from benchmarks.faults.cures import cured
from benchmarks.faults.open_cases import program_of, read_cases
from benchmarks.faults.program import Examined, Program, examine
from benchmarks.faults.sets import Data, data_sets
from thalweg.cli.engine import keep_compiled
from thalweg.core.files import write_atomic
from thalweg.core.plain import plain
from thalweg.diagnosis import Evidence, judge
from thalweg.diagnosis.facts.outcome import outcome_facts


@dataclass(frozen=True)
class Half:
    """Programs that rules were tuned in sight of, or that they are judged by.

    Args:
        first: number of the first program, which seeds are made of.
        places: pairs of set and architecture that each operator is tried at.
        seeds: of each place.
        healthy: sound programs.
        every: step through the list of sets.
    """

    first: int
    places: int
    seeds: int
    healthy: int
    every: int = 1


HALVES = {
    "tuned": Half(first=0, places=2, seeds=1, healthy=48, every=2),
    "judged": Half(first=1_000_000, places=2, seeds=2, healthy=200),
}


@dataclass(frozen=True)
class Task:
    """A program to examine, and the sound one that a fault was built into."""

    group: str
    key: str
    program: Program
    sound: Program | None = None
    base: str | None = None


def open_tasks(cases: Path, seeds: int) -> Iterator[Task]:
    """Yield the documented cases, all seeds of a case in turn."""
    for case in read_cases(cases) if cases.is_file() else ():
        for seed in range(seeds):
            yield Task("open", f"{case['id']}|{seed}", program_of(case, cases.parent, seed))


def built_tasks(sets: list[Data], name: str) -> Iterator[Task]:
    """Yield faults and sound programs of a half in turn, so that a study cut short has some of both."""
    half = HALVES[name]
    sets = sets[:: half.every]
    faulty = half.seeds * half.places * len(OPERATORS)
    sound = 0
    for number in range(faulty):
        # Every operator once, then every operator at the next place, and so on with the next seed.
        rest, operator = divmod(number, len(OPERATORS))
        seed, place = divmod(rest, half.places)
        task = _faulty_task(sets, name, operator, place, half.first + seed)
        if task is not None:
            yield task
        while sound < half.healthy * (number + 1) // faulty:
            of = sets[sound // 4 % len(sets)]  # four in turn share what is compiled
            program = healthy_choice(half.first + sound).program(of)
            yield Task(f"healthy {name}", f"{of.name}|{half.first + sound}", program)
            sound += 1


def _faulty_task(sets: list[Data], name: str, operator: int, place: int, seed: int) -> Task | None:
    fault = list(OPERATORS)[operator]
    for offset in range(len(sets)):  # the next set that the operator applies to
        position = (5 * operator + 3 * place + offset) % len(sets)
        of, shape = sets[position], (position + place) % len(ARCHITECTURES)
        sound = Choice(**ARCHITECTURES[shape], seed=seed).program(of)
        program = OPERATORS[fault](sound, of, np.random.default_rng((seed, operator, place)))
        if program is not None:
            base = f"{of.name}|{shape}|{seed}"
            return Task(f"built {name}", f"{fault}|{base}", program, sound, base)
    return None


def held_out_skill(found: Examined) -> float:
    """Return what the trained network explains on held-out rows; minus infinity where it diverged."""
    if found.status == "diverged":
        return -np.inf
    program = found.program
    facts = outcome_facts(
        program.network, program.likelihood, *found.checkup.last, program.held_out[0], program.held_out[1]
    )
    return -np.inf if facts["skill"] is None else float(facts["skill"])


def line_of(task: Task, sound: float | None) -> dict[str, Any]:
    """Examine a program, and what the weightiest remedies make of it, up to the first that cures."""
    began = time.process_time()
    found = examine(task.program)
    line: dict[str, Any] = {
        "group": task.group,
        "key": task.key,
        "causes": task.program.causes,
        "status": found.status,
        "skill": held_out_skill(found),
        "held_out": len(task.program.held_out[0]),
        "base": task.base,
        "sound": sound,
        "evidence": vars(found.checkup.evidence(found.status)) | {},
        "findings": [finding.to_dict() for finding in found.findings],
    }
    line["evidence"] = {name: line["evidence"][name] for name in ("facts", "log", "records", "settings", "status")}
    if task.program.causes:
        line["cures"] = []
        if task.group == "open" or suffers(plain(line)):
            try_cures(task, line)
    result: dict[str, Any] = plain(line | {"seconds": time.process_time() - began})
    return result


def try_cures(task: Task, line: dict[str, Any]) -> bool:
    """Try the remedies of the first three findings that were not tried yet, up to the first that cures."""
    tried = False
    for finding in judge(Evidence(**line["evidence"]))[:3]:
        if was_cured(line) or [finding.cause, plain(finding.settings)] in [cure[:2] for cure in line["cures"]]:
            continue
        mended = cured(task.program, finding)
        skill = None if mended is None else held_out_skill(examine(mended))
        line["cures"].append(plain([finding.cause, finding.settings, skill]))
        tried = True
    return tried


def main() -> None:
    """Examine what the file does not hold yet."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults.study", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[3] / "shared" / "data")
    parser.add_argument("--cases", type=Path, default=Path(__file__).parents[3] / "shared" / "faults" / "open.json")
    parser.add_argument("--seeds", type=int, default=3, help="seeds of each documented case")
    parser.add_argument(
        "--only", choices=("open", *HALVES), help="documented cases, or faults of one half; by default all of them"
    )
    parser.add_argument("--match", default="", help="only programs whose group or key contains this")
    parser.add_argument("--part", default="0/1", help="i/n: this process does every n-th program, from the i-th on")
    parser.add_argument("--cures", action="store_true", help="try remedies that rules changed since give, instead")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    # Programs are small and many: most of the time goes into compiling them.
    os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")
    keep_compiled()
    place, parts = map(int, options.part.split("/"))
    lines = [json.loads(line) for line in options.file.read_text().splitlines()] if options.file.exists() else []
    known = {(line["group"], line["key"]): line for line in lines}
    sounds = {line["base"]: line["sound"] for line in lines if line.get("base")}
    for number, task in enumerate(_tasks(options)):
        if options.match not in f"{task.group} {task.key}":
            continue
        if number % parts != place or options.cures != ((task.group, task.key) in known):
            continue
        if options.cures:
            _cure_again(options.file, task, known[task.group, task.key])
            continue
        if task.base is not None and task.base not in sounds and task.sound is not None:
            sounds[task.base] = held_out_skill(examine(task.sound))
        line = json.dumps(line_of(task, sounds.get(task.base)))
        with options.file.open("a") as file:
            file.write(line + "\n")
        print(task.group, task.key, flush=True)


def _cure_again(path: Path, task: Task, line: dict[str, Any]) -> None:
    line["findings"] = [finding.to_dict() for finding in judge(Evidence(**line["evidence"]))]
    if (line["group"] != "open" and not suffers(line)) or not try_cures(task, line):
        return
    # Another process may have added lines meanwhile.
    lines = [json.loads(text) for text in path.read_text().splitlines()]
    changed = [line if (old["group"], old["key"]) == (line["group"], line["key"]) else old for old in lines]
    write_atomic(path, "".join(json.dumps(one) + "\n" for one in changed))
    print(task.group, task.key, "cured" if was_cured(line) else "not cured", flush=True)


def _tasks(options: argparse.Namespace) -> Iterator[Task]:
    if options.only in (None, "open"):
        yield from open_tasks(options.cases, options.seeds)
    sets = data_sets(options.data)
    for name in HALVES:
        if options.only in (None, name):
            yield from built_tasks(sets, name)


if __name__ == "__main__":
    main()
