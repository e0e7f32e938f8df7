"""Every rule finds its cause in a run that has it, and nothing in a healthy one or one of which nothing is known."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
from evidences import EPOCHS, FAULTY, SLOW, healthy

from thalweg.diagnosis import RULES, Evidence, judge
from thalweg.recipes.config import make_config


def test_a_healthy_run_and_one_without_records_find_nothing() -> None:
    assert judge(healthy()) == []
    assert judge(Evidence({})) == []


def test_every_rule_has_a_run_that_it_finds() -> None:
    assert set(FAULTY) == set(RULES)


@pytest.mark.parametrize("cause", RULES)
def test_the_cause_is_found_where_it_is(cause: str) -> None:
    findings = judge(healthy(**FAULTY[cause]))
    assert cause in [finding.cause for finding in findings[:3]]
    finding = next(finding for finding in findings if finding.cause == cause)
    assert 0 < finding.weight <= finding.confidence <= 1
    assert finding.says.endswith((".", ")."))
    assert finding.remedy.endswith((".", "?"))
    make_config({"data": "iris"} | finding.settings)  # remedies are settings of a run


@pytest.mark.parametrize(
    ("cause", "run"),
    [
        # Held-out rows are answered better than those that are learned from.
        ("wrong_labels", {"train_loss": 0.9 + 0.5 * np.exp(-np.arange(EPOCHS) / 1.5)}),
        ("too_few_epochs", {"train_loss": SLOW}),
        ("batch_size_too_large", {"train_loss": SLOW, "run__batch_size": 1000, "run__steps": 1}),
    ],
)
def test_a_result_that_could_be_better_is_warned_of_though_it_beats_simple_guesses(
    cause: str, run: dict[str, object]
) -> None:
    assert {f.cause: f.severity for f in judge(healthy(**run))}.get(cause) == "warning"


def test_dropout_explains_a_training_loss_above_the_held_out_one() -> None:
    train_loss = 0.9 + 0.5 * np.exp(-np.arange(EPOCHS) / 1.5)
    assert judge(healthy(train_loss=train_loss, network__dropout=0.3)) == []


def test_layers_side_by_side_count_once_in_depth() -> None:
    sigmoids = FAULTY["saturating_hidden_activation"]
    for levels, found in ([0, 1, 2, 3], True), ([0, 0, 1, 2], False):
        causes = [finding.cause for finding in judge(healthy(**sigmoids | {"network__levels": levels}))]
        assert ("saturating_hidden_activation" in causes) == found


def test_weights_that_were_thrown_away_and_decay_are_no_sign_of_a_penalty() -> None:
    penalized = FAULTY["over_regularized"]
    thrown = {f"layers__{name}__distance_from_start": 40.0 for name in ("0", "2", "4")}
    assert judge(healthy(**penalized))[0].cause == "over_regularized"
    assert "over_regularized" not in [finding.cause for finding in judge(healthy(**penalized | thrown))]


def test_overfitting_is_a_note_where_the_best_epoch_is_kept() -> None:
    run = healthy(**FAULTY["overfitting"])
    for settings, severity in [({"patience": None}, "warning"), ({"patience": 100}, "note")]:
        told = judge(replace(run, settings={**run.settings, **settings}))
        assert next(finding for finding in told if finding.cause == "overfitting").severity == severity


def test_a_run_of_several_networks_is_not_told_to_have_them() -> None:
    for folds, words in [(None, "reach a test error"), (0, "reach a test error"), (3, "on the fold that each of 3")]:
        told = judge(healthy(**FAULTY["seed_spread"], seeds__folds=folds))
        finding = next(finding for finding in told if finding.cause == "seed_spread")
        assert words in finding.says
        assert ("several networks" in finding.remedy) == bool(finding.settings) == (folds is None)


def test_a_run_that_was_interrupted_is_to_go_on() -> None:
    told = judge(replace(healthy(**FAULTY["too_few_epochs"]), status="interrupted"))
    finding = next(finding for finding in told if finding.cause == "too_few_epochs")
    assert "--resume" in finding.remedy
    assert finding.settings == {}


@pytest.mark.parametrize("cause", [cause for cause, rule in RULES.items() if rule.depth < 2 and cause != "overfitting"])
def test_a_cause_stands_before_what_it_explains(cause: str) -> None:
    findings = judge(healthy(**FAULTY[cause] | {"outcome__skill": 0.0}))
    assert RULES[findings[0].cause].depth < 2


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_rule_says_where_it_is_from(rule: object) -> None:
    source = rule.source  # type: ignore[attr-defined]
    assert any(year in source for year in map(str, range(1985, 2027))) or "guide" in source
    assert rule.depth in (0, 1, 2)  # type: ignore[attr-defined]


@pytest.mark.parametrize("cause", RULES)
@pytest.mark.parametrize("layer", [{"weight_rms": 0.0, "update_ratio": 0.0}, {"update_ratio": None}], ids=str)
def test_a_run_that_diverged_in_its_first_epoch_is_judged(cause: str, layer: dict[str, float | None]) -> None:
    known = healthy(**FAULTY[cause] | {f"layers__{name}__distance_from_start": 9.0 for name in ("0", "2", "4")})
    first = copy.deepcopy(known.records[0])
    for quantities in first["layers"].values():
        quantities.update(layer)
    findings = judge(Evidence(known.facts, (), [first], known.settings, "diverged"))
    assert all(finding.says for finding in findings)


def test_unknown_numbers_find_nothing() -> None:
    """A run whose records hold nulls, as of one that diverged in its first epoch."""
    layers = {"0": {"error_rms": None, "dead": None, "update_ratio": None}}
    empty = {name: dict.fromkeys(("skill", "sigmas", "spread", "pairing")) for name in healthy().facts}
    findings = judge(Evidence(empty, [{"epoch": 1, "train_loss": float("nan")}], [{"layers": layers}]))
    assert findings == []
