"""The bench of faults: what is built, and what counts."""

from pathlib import Path

import numpy as np
import pytest
from benchmarks.faults import suffers, was_cured
from benchmarks.faults.built import OPERATORS, Choice, healthy_choice
from benchmarks.faults.cures import cured
from benchmarks.faults.sets import Data, data_sets
from benchmarks.faults.study import HALVES, Half

from thalweg.diagnosis import RULES, Finding


@pytest.fixture(scope="module")
def sets() -> list[Data]:
    return data_sets(Path("/nowhere"))


def test_every_operator_applies_somewhere_and_names_a_cause_that_a_rule_knows(sets: list[Data]) -> None:
    # Three classes, two, and numbers.
    sound = [(of, Choice((4,), "relu").program(of)) for of in (sets[0], sets[1], sets[5])]
    for name, operator in OPERATORS.items():
        built = [operator(program, of, np.random.default_rng(0)) for of, program in sound]
        found = [program for program in built if program is not None]
        assert found, name
        assert all(program.causes and set(program.causes) <= RULES.keys() for program in found), name


def test_halves_share_no_seed(sets: list[Data]) -> None:
    def seeds(half: Half) -> set[int]:
        return set(range(half.first, half.first + max(half.seeds, half.healthy)))

    assert not seeds(HALVES["tuned"]) & seeds(HALVES["judged"])
    assert len(sets[:: HALVES["judged"].every]) >= 7  # and six more of the shared folder


def test_four_sound_programs_in_turn_share_a_shape_but_no_seed(sets: list[Data]) -> None:
    programs = [healthy_choice(number).program(sets[0]) for number in range(4)]
    assert len({(program.network, program.x.shape, program.batch_size, program.epochs) for program in programs}) == 1
    assert len({program.optimizer["learning_rate"] for program in programs}) == 4
    assert not np.array_equal(programs[0].x, programs[1].x)


@pytest.mark.parametrize(
    ("skill", "sound", "held_out", "expected"),
    [
        (0.5, 0.9, 300, True),
        (0.88, 0.9, 300, False),  # less than a tenth
        (0.7, 0.9, 20, False),  # 4 of 20 rows may be chance: 2 √(2 · 0.4 / 20) = 0.4
        (None, 0.9, 300, True),  # no finite answer
        (0.0, 0.04, 300, False),  # the sound program learns nothing either
    ],
)
def test_a_fault_counts_where_held_out_skill_suffers(
    skill: float | None, sound: float, held_out: int, expected: bool
) -> None:
    assert suffers({"skill": skill, "sound": sound, "held_out": held_out}) is expected


def test_a_remedy_cures_that_brings_half_of_the_loss_back_and_is_among_the_first_three() -> None:
    def line(reached: float, cause: str = "too_deep") -> dict[str, object]:
        findings = [{"cause": name, "settings": {}} for name in ("a", "b", "too_deep", "d")]
        return {
            "group": "built judged", "skill": 0.1, "sound": 0.9, "findings": findings, "cures": [[cause, {}, reached]]
        }  # fmt: skip

    assert was_cured(line(0.5))
    assert not was_cured(line(0.49))
    assert not was_cured(line(0.9, "d"))


def test_the_cure_of_a_leak_leaves_out_the_column_that_was_added(sets: list[Data]) -> None:
    sound = Choice((4,), "relu").program(sets[0])
    leaking = OPERATORS["leakage"](sound, sets[0], np.random.default_rng(0))
    assert leaking is not None
    finding = Finding("leakage", "warning", 0.9, "", "", {})
    mended = cured(leaking, finding)
    assert mended is not None
    np.testing.assert_array_equal(mended.x, sound.x)
    np.testing.assert_array_equal(mended.held_out[0], sound.held_out[0])
    assert mended.network.inputs == sound.network.inputs
