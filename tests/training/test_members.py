"""Members trained at once are what each would be alone; folds stay apart; a bad member spoils no other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from thalweg.core.errors import ArgumentError, DivergedError
from thalweg.data.batches import ArrayBatches
from thalweg.data.disk_batches import DiskBatches
from thalweg.deploy import Model
from thalweg.likelihoods import Members, make_likelihood
from thalweg.network import dense_network
from thalweg.optimizers import make_optimizer
from thalweg.training import Checkpoints, EarlyStopping, StepStatistics, evaluate, train
from thalweg.training.members import TrainedMembers, as_one, out_of_fold, train_members
from thalweg.training.members_loop import Own

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 4)).astype(np.float32)
Y = (X[:, 0] + 0.5 * RNG.normal(size=90) > 0).astype(np.int32)
BATCHES = ArrayBatches(X, Y, 16)
FOLDS = np.arange(90) % 3
NETWORK, LIKELIHOOD = dense_network(4, (8,), 2, dropout=0.2), make_likelihood("categorical")
ADAM = make_optimizer("adam", learning_rate=0.01, total_steps=100, steps_per_epoch=6)
EPOCHS = 4


def members(**settings: Any) -> TrainedMembers:
    given = {"epochs": EPOCHS, "seeds": [3, 4, 5], "threads": 1} | settings
    return train_members(NETWORK, LIKELIHOOD, given.pop("batches", BATCHES), ADAM, **given)


def assert_same(a: Any, b: Any, tolerance: float = 1e-5) -> None:
    jax.tree.map(lambda p, q: np.testing.assert_allclose(p, q, rtol=tolerance, atol=tolerance / 10), a, b)


@pytest.fixture(scope="module")
def folded() -> TrainedMembers:
    return members(folds=FOLDS)


def test_each_member_is_what_it_would_be_alone() -> None:
    # Two threads, one with a member at rest; members too large to be packed.
    compiled = []

    def note(event: str, _: float, **told: Any) -> None:
        if event.endswith("backend_compile_duration"):
            compiled.append(told["fun_name"])

    jax.monitoring.register_event_duration_secs_listener(note)
    network = dense_network(4, (64, 64), 2, dropout=0.2)
    together = train_members(
        network, LIKELIHOOD, BATCHES, ADAM, epochs=EPOCHS, seeds=[3, 4, 5], record_losses=True, threads=2
    )
    jax.monitoring.unregister_event_duration_listener(note)
    assert [name for name in compiled if "run" in name] == ["jit(run)"]  # both threads use one program
    assert together.status == "finished"
    assert together.losses is not None
    assert together.losses.shape == (3, 6 * EPOCHS)
    for number, seed in enumerate([3, 4, 5]):
        alone = train(network, LIKELIHOOD, BATCHES, ADAM, epochs=EPOCHS, seed=seed)
        assert_same(together.member(number), (alone.params, alone.state), 1e-4)
        for row, other in zip(together.histories[number], alone.history, strict=True):
            assert {k: row[k] for k in row if k != "seconds"} == pytest.approx(
                {k: other[k] for k in other if k != "seconds"}, rel=1e-5
            )
    counts = np.array([16] * 5 + [10])
    epochs = (together.losses.reshape(3, EPOCHS, 6) * counts).sum(axis=2) / 90
    np.testing.assert_allclose(epochs, [[row["train_loss"] for row in own] for own in together.histories], rtol=1e-5)


def test_a_row_is_never_learned_by_the_member_that_holds_it_out(folded: TrainedMembers) -> None:
    flipped = ArrayBatches(X, np.where(FOLDS == 1, 1 - Y, Y), 16)
    other = members(folds=FOLDS, batches=flipped)
    assert_same(folded.member(1), other.member(1), 1e-12)
    assert folded.histories[1][0]["validation_loss"] != other.histories[1][0]["validation_loss"]
    with pytest.raises(AssertionError):
        assert_same(folded.member(0), other.member(0))


def test_held_out_quantities_are_those_of_the_rows_held_out(folded: TrainedMembers) -> None:
    outputs = out_of_fold(NETWORK, folded, BATCHES, FOLDS)
    for number in range(3):
        own = number == FOLDS
        there = evaluate(NETWORK, LIKELIHOOD, *folded.member(number), ArrayBatches(X[own], Y[own], 30))
        row = folded.histories[number][-1]
        assert (row["validation_loss"], row["validation_error"]) == pytest.approx(tuple(there.values()), rel=1e-5)
        np.testing.assert_allclose(outputs[own], NETWORK.apply(*folded.member(number), X[own]), rtol=1e-5, atol=1e-6)
        assert np.mean(outputs[own].argmax(axis=1) != Y[own]) == pytest.approx(row["validation_error"])


def test_rows_on_disk_give_the_same_folds() -> None:
    disk = members(folds=FOLDS, batches=DiskBatches(X, Y, 16), epochs=1)
    own = FOLDS == 2
    there = evaluate(NETWORK, LIKELIHOOD, *disk.member(2), ArrayBatches(X[own], Y[own], 30))
    assert disk.histories[2][-1]["validation_loss"] == pytest.approx(there["loss"], rel=1e-5)


def test_factors_multiply_the_step_size_and_who_diverges_is_named() -> None:
    together = members(seeds=[3, 3, 3], step_factors=[1.0, 1e36, 2.0])
    assert together.usable == (0, 2)
    assert "diverged in epoch 1, step 2: output of layer" in together.diverged[1]
    for number, factor in ((0, 1), (2, 2)):
        adam = make_optimizer("adam", learning_rate=0.01 * factor, total_steps=100, steps_per_epoch=6)
        alone = train(NETWORK, LIKELIHOOD, BATCHES, adam, epochs=EPOCHS, seed=3)
        assert_same(together.member(number), (alone.params, alone.state))
        assert together.histories[number][-1]["learning_rate"] == pytest.approx(0.01 * factor)
    with pytest.raises(DivergedError, match="step 2"):
        members(step_factors=[1e36] * 3)
    # With all networks of a fold its rows lack an answer: no need to go on.
    with pytest.raises(DivergedError, match=r"epoch 1, step 2: output of .* of every network of fold 2"):
        members(seeds=range(6), folds=FOLDS, step_factors=[1, 1e36, 1, 1, 1e36, 1])
    assert members(seeds=range(6), folds=FOLDS, step_factors=[1, 1e36, 1, 1, 1, 1]).usable == (0, 2, 3, 4, 5)


def test_every_member_keeps_its_best_epoch() -> None:
    rule = EarlyStopping(patience=2)
    found = members(folds=FOLDS, epochs=40, stopping=rule)
    assert found.status == "stopped early"
    assert found.epochs == [rule.best(history) for history in found.histories]
    for number, own in enumerate(found.histories):
        assert len(own) == found.epochs[number] + 2
        rows = number == FOLDS
        there = evaluate(NETWORK, LIKELIHOOD, *found.member(number), ArrayBatches(X[rows], Y[rows], 30))
        assert there["loss"] == pytest.approx(own[found.epochs[number] - 1]["validation_loss"], rel=1e-5)
    last = found.history[-1]
    assert last["epoch"] == max(len(own) for own in found.histories)


def test_every_member_anneals_from_its_own_best_epoch() -> None:
    rules = [EarlyStopping(2, anneal=0.5), EarlyStopping(3, anneal=1.0), EarlyStopping(2)]
    validation = ArrayBatches(X[:40], Y[:40], 40)
    starts = [train(NETWORK, LIKELIHOOD, BATCHES, ADAM, epochs=1, seed=seed).params for seed in (3, 4, 5)]
    own = [Own(params, ADAM.scales, dropout=0.2, stopping=rule) for params, rule in zip(starts, rules, strict=True)]
    settings: dict[str, Any] = {"epochs": 60, "validation": validation}
    together = members(own=own, stopping=rules[0], **settings)
    for number, (params, rule, seed) in enumerate(zip(starts, rules, (3, 4, 5), strict=True)):
        alone = train(NETWORK, LIKELIHOOD, BATCHES, ADAM, params=params, seed=seed, stopping=rule, **settings)
        ours = together.histories[number]
        assert [row["learning_rate"] for row in ours] == pytest.approx([r["learning_rate"] for r in alone.history])
        assert [row["train_loss"] for row in ours] == pytest.approx([r["train_loss"] for r in alone.history], rel=1e-4)
        assert together.epochs[number] == alone.epoch
        assert_same(together.member(number)[0], alone.params, 1e-4)


def test_a_run_goes_on_where_it_stopped(tmp_path: Path, folded: TrainedMembers) -> None:
    first = members(folds=FOLDS, epochs=2, checkpoints=Checkpoints(tmp_path, 0))
    assert len(first.histories[0]) == 2
    resumed = members(folds=FOLDS, checkpoints=Checkpoints(tmp_path, 0))
    assert_same(resumed.params, folded.params, 1e-12)
    assert [len(own) for own in resumed.histories] == [EPOCHS] * 3
    assert resumed.histories[0][-1]["validation_loss"] == folded.histories[0][-1]["validation_loss"]


def test_one_network_answers_as_the_members_average(folded: TrainedMembers, tmp_path: Path) -> None:
    network, likelihood, params, state = as_one(NETWORK, LIKELIHOOD, folded)
    assert likelihood == Members(LIKELIHOOD, 3)
    together = Model(network, likelihood, params, state)
    alone = [Model(NETWORK, LIKELIHOOD, *folded.member(m)) for m in range(3)]
    mean = np.mean([model.predict_proba(X) for model in alone], axis=0)
    np.testing.assert_allclose(together.predict_proba(X), mean, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(together.predict(X), mean.argmax(axis=1))
    judged = together.evaluate(X, Y)
    assert judged["loss"] == pytest.approx(-np.log(mean[np.arange(90), Y]).mean(), rel=1e-5)
    assert judged["error"] == pytest.approx(np.mean(mean.argmax(axis=1) != Y))
    together.save(tmp_path / "model")
    from thalweg.deploy import load

    np.testing.assert_array_equal(load(tmp_path / "model").predict_proba(X), together.predict_proba(X))


def test_what_does_not_fit_is_refused() -> None:
    for settings, message in (
        ({"step_factors": [1.0]}, "step_factors: expected 3 numbers"),
        ({"step_factors": [1.0, 0.0, 1.0]}, "step_factors: expected a number above 0"),
        ({"row_weights": np.ones((90, 2))}, r"row_weights: expected shape \(90, 3\)"),
        ({"folds": FOLDS[:5]}, "folds: expected 90 whole numbers"),
        ({"folds": np.zeros(90, int)}, "folds: expected at least 2 folds"),
        ({"folds": np.arange(90) % 2}, "seeds: expected a multiple of the 2 folds"),
        ({"folds": FOLDS, "validation": BATCHES}, "validation: expected none beside folds"),
        ({"seeds": []}, "members: expected a whole number of at least 1"),
        ({"hooks": [StepStatistics()]}, "hooks: expected none that measure"),
        ({"stopping": EarlyStopping()}, "Hold out a validation set"),
    ):
        with pytest.raises(ArgumentError, match=message):
            members(**settings)
