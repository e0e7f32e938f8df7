"""Faults: what a checkup says of programs with something wrong, and of sound ones."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.table import table

SUFFERS = 0.1
"""A built fault counts if it costs at least this share of what the sound program explains of held-out rows."""

INTRODUCTION = """\
An alarm is a finding of severity error or warning. *Cured* means that one of the first three remedies brings back at
least half of the lost held-out skill; of (a), that it reaches what simple guesses reach on held-out rows. The
programs are examined by `python -m benchmarks.faults.study FILE`, which goes on where it ended.

(a) {documented} runs of the documented cases of others: real faults, and programs that were called faulty and are not.
The thresholds of the rules were set with these cases in sight.
"""

BUILT = """
(b) Faults built into sound programs by {operators} operators on {sets} sets and three architectures, kept where the
held-out skill really suffers: it falls behind the same program without the fault, trained on the same rows from the
same seed, by more than a tenth and by more than chance ({kept} of {tried}). Beside them {healthy} sound programs of
varied settings; {unwell} of these are left out, as they fall as far behind the median of all sound programs on their
set as a fault must to be kept (with them, {alarms} of the judging half raise an alarm). Rules were tuned in sight of
one half; the other half, with seeds, splits and settings of its own, judges them.
"""

NOT_BUILT = """
(b) Faults built into sound programs: not examined yet.
"""


def measure(*, results: Path) -> str:
    """Return the section's text from what the study has examined.

    Args:
        results: file of JSON lines.
    """
    if not results.exists():
        return "Not measured: no results of `python -m benchmarks.faults.study`."
    from thalweg.diagnosis import Evidence, judge

    lines = [json.loads(line) for line in results.read_text().splitlines()]
    for line in lines:
        # Judged anew: rules may have changed since; what was measured has not.
        line["findings"] = [finding.to_dict() for finding in judge(Evidence(**line["evidence"]))]
    own = [line for line in lines if line["group"] == "open"]
    halves = {
        half: (
            [line for line in lines if line["group"] == f"built {half}"],
            [line for line in lines if line["group"] == f"healthy {half}"],
        )
        for half in ("tuned", "judged")
    }
    built, healthy = ([line for half in halves.values() for line in half[i]] for i in (0, 1))
    unwell = [line for line in healthy if suffers(line | {"sound": _usual(healthy, line)})]
    alarms = [alarmed(line) for line in halves["judged"][1]]
    kept = [line for line in built if suffers(line)]
    text = INTRODUCTION.format(documented=len(own)) + (
        BUILT.format(
            operators=len({line["key"].split("|")[0] for line in built}),
            sets=len({line["key"].split("|")[1] for line in built}),
            kept=len(kept),
            tried=len(built),
            healthy=len(healthy),
            unwell=len(unwell),
            alarms=f"{100 * sum(alarms) / max(1, len(alarms)):.1f} %",
        )
        if built
        else NOT_BUILT
    )
    groups = {"(a) documented cases": ([r for r in own if r["causes"]], [r for r in own if not r["causes"]])}
    groups |= {
        f"(b) built faults, {what}": (
            [r for r in halves[half][0] if suffers(r)],
            [r for r in halves[half][1] if r not in unwell],
        )
        for half, what in (("tuned", "tuned in sight"), ("judged", "judged"))
    }
    rows = [[name, *_figures(faulty, sound)] for name, (faulty, sound) in groups.items()]
    columns = ["", "faulty", "detected", "cause first", "within three", "cured", "healthy", "false alarms"]
    parts = [text, table(columns, [*rows, ["asked", "", "95 %", "60 %", "80 %", "70 %", "", "5 %"]])]
    parts += ["### Missed or misnamed\n", _missed([r for r in (*own, *kept) if r["causes"]])]
    parts += ["### False alarms\n", _alarms([r for r in (*own, *healthy) if not r["causes"] and r not in unwell])]
    return "\n".join(parts)


def suffers(line: dict[str, Any]) -> bool:
    """Whether a built fault costs held-out skill, and more of it than chance would."""
    skill, sound = line["skill"], line["sound"]
    if sound is None or sound <= 0.05:
        return False
    if skill is None or skill <= 0:
        return True
    # Two standard errors of a difference of shares, of held-out rows half of which a constant gets wrong.
    chance = 2 * math.sqrt(2 * max(2 - skill - sound, 0.0) / line["held_out"])
    return bool(skill < sound - max(SUFFERS * sound, chance))


def _usual(healthy: Sequence[dict[str, Any]], line: dict[str, Any]) -> float:
    """Return the median held-out skill of sound programs on a program's set; one that diverged has none."""
    name = line["key"].split("|")[0]
    skills = [other["skill"] for other in healthy if other["key"].split("|")[0] == name]
    return float(np.median([-1.0 if skill is None else skill for skill in skills]))


def alarmed(line: dict[str, Any]) -> bool:
    """Whether anything but notes was found."""
    return any(finding["severity"] != "note" for finding in line["findings"])


def named(line: dict[str, Any], within: int) -> bool:
    """Whether a true cause is among the first findings."""
    return bool({finding["cause"] for finding in line["findings"][:within]} & set(line["causes"]))


def was_cured(line: dict[str, Any]) -> bool:
    """Whether one of the first three remedies helps as much as it should."""
    remedies = [[finding["cause"], finding["settings"]] for finding in line["findings"][:3]]
    reached = [skill for *remedy, skill in line.get("cures", []) if remedy in remedies and skill is not None]
    if not reached:
        return False
    if line["group"].startswith("built"):
        before = max(-1.0, line["skill"] if line["skill"] is not None else -1.0)
        return max(reached) >= before + 0.5 * (line["sound"] - before)
    reachable = line["evidence"]["facts"]["dependence"].get("skill") or 0.0
    return max(reached) >= min(0.9 * reachable, reachable - 0.1)


def _figures(faulty: Sequence[dict[str, Any]], sound: Sequence[dict[str, Any]]) -> list[str]:
    def share(lines: Sequence[dict[str, Any]], test: Callable[[dict[str, Any]], bool]) -> str:
        return f"{100 * sum(map(test, lines)) / len(lines):.1f} %" if lines else "–"

    return [
        str(len(faulty)),
        share(faulty, alarmed),
        share(faulty, lambda line: named(line, 1)),
        share(faulty, lambda line: named(line, 3)),
        share(faulty, was_cured),
        str(len(sound)),
        share(sound, alarmed),
    ]


def _missed(lines: Sequence[dict[str, Any]]) -> str:
    rows = [
        [line["key"], ", ".join(line["causes"]), ", ".join(f["cause"] for f in line["findings"][:3]) or "nothing"]
        for line in lines
        if not named(line, 1)
    ]
    return table(["program", "true cause", "found"], rows) if rows else "None.\n"


def _alarms(lines: Sequence[dict[str, Any]]) -> str:
    rows = [[line["key"], ", ".join(f["cause"] for f in line["findings"][:3])] for line in lines if alarmed(line)]
    return table(["program", "found"], rows) if rows else "None.\n"
