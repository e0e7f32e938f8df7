"""The hook: schedules, records, what cannot be measured, and runs that are the same with it and without."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from probe import Probe

import thalweg as tw
from thalweg.core.errors import ArgumentError, DivergedError, ModelError, StorageError
from thalweg.data.batches import ArrayBatches
from thalweg.diagnosis import INSTRUMENTS, Instrument, Instruments, read_records, series
from thalweg.diagnosis.hessian import Hessian
from thalweg.diagnosis.registry import GROUPS, choose
from thalweg.likelihoods import make_likelihood
from thalweg.network import BatchEnsemble, BatchNorm, Dense, Network, dense_network, flatten
from thalweg.optimizers import make_optimizer
from thalweg.training import Hook, RunInfo, Trained, train
from thalweg.training.state import initial_state
from thalweg.training.step import Measure, train_program

RNG = np.random.default_rng(5)
X = RNG.normal(size=(44, 3)).astype(np.float32)
Y = (X[:, :1] - X[:, 1:2] ** 2).astype(np.float32)
NETWORK = dense_network(3, (6,), 1)
GAUSSIAN = make_likelihood("gaussian")


def run(*hooks: Hook, epochs: int = 2, optimizer: str = "adam", learning_rate: float = 0.01) -> Trained:
    batches = ArrayBatches(X, Y, 4)  # eleven steps an epoch
    rule = make_optimizer(
        optimizer, learning_rate=learning_rate, total_steps=epochs * batches.steps, steps_per_epoch=batches.steps
    )
    return train(NETWORK, GAUSSIAN, batches, rule, epochs=epochs, seed=2, hooks=hooks)


def started(network: Network, **changes: Any) -> Instruments:
    """Instruments that know their run, without one."""
    batches = ArrayBatches(X, Y, changes.pop("batch_size", 4))
    instruments = Instruments("all")
    adam = make_optimizer("adam", total_steps=1, steps_per_epoch=1)
    params = network.init(jax.random.key(0))
    instruments.on_train_start(
        RunInfo(network, 44, batches.batch_size, batches.steps, 1, 1, GAUSSIAN, adam, batches, params)
    )
    return instruments


@pytest.mark.parametrize("every", [1, 16])
def test_the_cheap_form_updates_the_weights_in_place(every: int) -> None:
    # More weights than are read in a step: a copy in the program is of the whole matrix, not of what is read.
    network, batches = dense_network(3, (4000,), 1), ArrayBatches(X, Y, 4)
    adam = make_optimizer("adam", total_steps=11, steps_per_epoch=11)
    params = network.init(jax.random.key(0))
    hook = Instruments("cheap", every=every)
    hook.on_train_start(RunInfo(network, 44, 4, 11, 1, 1, GAUSSIAN, adam, batches, params))
    program = train_program(network, GAUSSIAN, adam, measures=(Measure(hook.measure, hook.due, hook.read),))
    chunk = next(iter(batches.chunks(1)))
    state = initial_state(network, adam, params, average=False)
    assert hook.measure is not None
    text = program.lower(state, chunk, jax.random.key(0)).compile().as_text()  # type: ignore[attr-defined]
    assert "f32[4000,3]" in text
    assert not re.search(r"f32\[4000,3\]\S* copy\(", text)


def test_a_schedule_measures_every_nth_step_and_the_first_ones_and_changes_no_bit_of_the_run() -> None:
    scheduled, always, other = Probe(), Probe(), Probe()
    hook = Instruments("activations", every=5, first=2)
    hook.on_train_start(RunInfo(NETWORK, 44, 4, 11, 2, 1, GAUSSIAN, None, None, None))  # type: ignore[arg-type]
    scheduled.due = hook.due
    other.due = lambda step: step == 3
    plain = run()
    tracked = run(scheduled, always, other)
    np.testing.assert_array_equal(flatten(plain.params), flatten(tracked.params))
    assert [row["train_loss"] for row in plain.history] == [row["train_loss"] for row in tracked.history]
    assert [int(s["step"]) for s in always.steps] == list(range(22))
    assert [int(s["step"]) for s in scheduled.steps] == [0, 1, 5, 10, 11, 12, 16, 21]
    assert [int(s["step"]) for s in other.steps] == [3]
    for seen in (*scheduled.steps, *other.steps):
        jax.tree.map(np.testing.assert_array_equal, seen, always.steps[int(seen["step"])])


def test_records_are_lines_of_json_read_back_as_arrays(tmp_path: Path) -> None:
    path = tmp_path / "instruments.jsonl"
    often = Instruments("cheap", path=path)
    seldom = Instruments(["gradient_noise", "position"], every=4, path=path)
    run(often, seldom)
    assert [record["steps"] for record in often.history] == [11, 11]
    assert [record["rows"] for record in often.history] == [44, 44]
    assert [record["steps"] for record in seldom.history] == [3, 3]
    records = read_records(path)
    assert [record["epoch"] for record in records] == [1, 2]
    assert all(record["complete"] for record in records)
    assert records[1]["network"] == often.history[1]["network"] | seldom.history[1]["network"]
    np.testing.assert_array_equal(series(records, "error_rms", "2"), often.series("error_rms", "2"))
    assert np.isfinite(often.series("input_rms")).all()
    assert np.isnan(series(records, "no such quantity", "2")).all()
    with pytest.raises(ArgumentError, match=r"quantity: .*Did you mean 'input_rms'"):
        often.series("inputs_rms")


def test_a_run_that_diverges_leaves_a_record_of_its_last_steps(tmp_path: Path) -> None:
    path = tmp_path / "instruments.jsonl"
    hook = Instruments(["cheap", "gradient_noise", "position"], path=path)
    with pytest.raises(DivergedError) as caught:
        run(hook, optimizer="sgd", learning_rate=1e6)
    (record,) = read_records(path)
    assert not record["complete"]
    assert record["epoch"] == caught.value.epoch
    assert record["steps"] == caught.value.step
    # Every number is one that JSON has.
    json.dumps(record, allow_nan=False)
    assert record["layers"]["0"]["activation_rms"] > 0


def test_what_a_network_cannot_support_is_said_once() -> None:
    hook = started(Network(3, (Dense(4), BatchNorm(), "relu", Dense(1))))
    assert set(hook.unsupported) == {"example_gradients", "gradient_noise"}
    assert "batch normalization" in hook.unsupported["gradient_noise"]
    scaled = started(Network(3, (BatchEnsemble(4, 2, shared=True), "relu", Dense(1))))
    assert set(scaled.unsupported) == {"example_gradients", "gradient_noise"}
    assert "layer 0" in scaled.unsupported["gradient_noise"]
    linear = started(dense_network(3, (), 1))
    assert set(linear.unsupported) == {"units"}
    assert set(started(NETWORK, batch_size=1).unsupported) == {"gradient_noise"}
    scheduled = Instruments("units")
    batches = ArrayBatches(X, Y, 44)
    sgd = make_optimizer("sgd", total_steps=2, steps_per_epoch=1)
    train(dense_network(3, (), 1), GAUSSIAN, batches, sgd, epochs=2, hooks=[scheduled])
    assert ["unsupported" in record for record in scheduled.history] == [True, False]


def test_groups_are_the_instruments_of_one_cost() -> None:
    assert set(GROUPS["all"]) == set(INSTRUMENTS)
    for cost in ("cheap", "examples", "curvature"):
        assert {INSTRUMENTS[name].cost for name in GROUPS[cost]} == {cost}
    quantities = [quantity for entry in INSTRUMENTS.values() for quantity in entry.quantities]
    # One name for layers and network where both have the quantity, never for two instruments.
    assert len(quantities) == len(set(quantities))
    (chosen,) = choose(["hessian", Hessian(steps=3)])
    assert chosen == Hessian(steps=3)
    assert all(isinstance(one, Instrument) and one.__doc__ and "Source:" in one.__doc__ for one in choose("all"))


def test_wrong_settings_are_named() -> None:
    with pytest.raises(ArgumentError, match=r"instruments: expected one of .* Did you mean 'hessian'"):
        Instruments("hesian")
    with pytest.raises(ArgumentError, match="at least one instrument"):
        Instruments([])
    for setting in ({"every": 0}, {"first": -1}):
        with pytest.raises(ArgumentError, match=next(iter(setting))):
            Instruments("cheap", **setting)
    with pytest.raises(ArgumentError, match="steps"):
        Hessian(steps=1)


def test_a_torn_last_line_is_left_out_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    path = tmp_path / "instruments.jsonl"
    line = json.dumps({"epoch": 1, "network": {"sharpness": 1.0}})
    path.write_text(f"{line}\n" + line[:10])
    assert [record["epoch"] for record in read_records(path)] == [1]
    path.write_text(f"nonsense\n{line}\n")
    with pytest.raises(ModelError, match="line 1"):
        read_records(path)
    with pytest.raises(StorageError, match="does not exist"):
        read_records(tmp_path / "none.jsonl")


def test_a_residual_network_with_layer_normalization_is_measured_from_python() -> None:
    network = dense_network(3, (5, 5), 1, "tanh", normalization="layer", residual=True, dropout=0.1)
    hook = tw.diagnosis.Instruments(["error_vectors", "units", "distance"])
    tw.fit(network, X, Y, epochs=1, batch_size=11, hooks=[hook])
    assert set(hook.history[0]["layers"]) == {"0", "4.0", "5"}
    for name in hook.history[0]["layers"]:
        assert hook.series("distance_from_start", name)[0] > 0
        assert hook.series("error_rms", name)[0] > 0
