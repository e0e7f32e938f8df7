"""Programs compiled in threads before they are called: once each, and with nothing changed by it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import jax
import numpy as np
import pytest

from thalweg.data.batches import ArrayBatches
from thalweg.data.disk_batches import DiskBatches
from thalweg.data.window_batches import WindowBatches
from thalweg.data.windows import Windows
from thalweg.likelihoods import Likelihood, Members, make_likelihood
from thalweg.network import Network, dense_network
from thalweg.optimizers import make_optimizer
from thalweg.training import EarlyStopping, Hook, StepStatistics, loop, members_loop, train, train_members
from thalweg.training.ahead import wait

X = np.random.default_rng(0).normal(size=(70, 3)).astype(np.float32)
Y = np.sin(X.sum(axis=1, keepdims=True))
ADAM = make_optimizer("adam", learning_rate=0.01, total_steps=10, steps_per_epoch=5)


class Late(StepStatistics):
    """Says at the last moment that it measures."""

    def __post_init__(self) -> None:
        pass

    def on_train_start(self, info: Any) -> None:
        super().__post_init__()


def plain(**settings: Any) -> Any:
    return run(dense_network(3, (8,), 1, dropout=0.1), make_likelihood("gaussian"), **settings)


def tabular(**settings: Any) -> Any:
    network = dense_network(3, (8,), 4, numeric_embedding="mixed", feature_scaling=True, shared_members=4)
    return run(network, Members(make_likelihood("gaussian"), 4), stopping=EarlyStopping(2, anneal=0.5), **settings)


def run(network: Network, likelihood: Likelihood, **settings: Any) -> Any:
    held = ArrayBatches(X[:20], Y[:20], 20)
    data = ArrayBatches(X[20:], Y[20:], 10, sample_weight=np.arange(1, 51))
    trained = train(network, likelihood, data, ADAM, epochs=2, validation=held, **settings)
    return trained.params, [row["validation_loss"] for row in trained.history]


def folds(**settings: Any) -> Any:
    kind = dense_network(3, (8,), 1), make_likelihood("gaussian")
    numbers = np.arange(70) % 3
    trained = train_members(
        *kind, ArrayBatches(X, Y, 14), ADAM, epochs=2, seeds=[0, 1, 2], folds=numbers, threads=2, **settings
    )
    return trained.params, [row["validation_loss"] for row in trained.history]


@contextmanager
def compiled() -> Iterator[list[str]]:
    """Yield the names of functions that XLA compiles meanwhile."""
    names: list[str] = []

    def listen(event: str, seconds: float, **told: Any) -> None:
        if event.endswith("backend_compile_duration"):
            names.append(told["fun_name"])

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield names
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)


@pytest.mark.parametrize(
    ("fit", "hooks"), [(plain, ()), (plain, (StepStatistics,)), (plain, (Late,)), (tabular, ()), (folds, ())]
)
def test_training_and_evaluation_are_each_compiled_once_and_give_what_they_give_otherwise(
    fit: Callable[..., Any], hooks: tuple[type[Hook], ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    jax.clear_caches()
    with compiled() as names:
        found = fit(hooks=[hook() for hook in hooks])
    assert names.count("jit(run)") == 2
    with compiled() as names:
        fit(hooks=[hook() for hook in hooks])
    assert not names

    jax.clear_caches()
    for module in (loop, members_loop):
        monkeypatch.setattr(module, "compiling", lambda *_: [])
    jax.tree.map(np.testing.assert_array_equal, fit(hooks=[hook() for hook in hooks]), found)


def test_training_goes_on_where_nothing_can_be_compiled_before(monkeypatch: pytest.MonkeyPatch) -> None:
    found = plain()
    monkeypatch.setattr(ArrayBatches, "blank", lambda self: 1 / 0)
    jax.tree.map(np.testing.assert_array_equal, plain(), found)


def test_a_blank_chunk_is_one_of_the_set_in_shape_and_type() -> None:
    windows = Windows(np.zeros((1, 1, 6, 6, 1), np.float32), (1, 3, 3))
    starts = windows.starts((0, 0, slice(None)))
    whole = np.arange(70)
    for batches in (
        ArrayBatches(X, Y, 16),
        ArrayBatches(X, whole, 16, sample_weight=np.ones((70, 2)), multiple=3),
        DiskBatches(X, whole, 16, chunk_bytes=400),
        WindowBatches(windows, starts, np.zeros(16, np.uint8), 8),
    ):
        for blank, real in zip(batches.blank(), next(iter(batches.chunks(epoch=1))), strict=True):
            assert (blank.shape, blank.dtype) == (real.shape, real.dtype)


def test_an_error_of_a_compilation_is_left_to_the_call() -> None:
    failed: Future[Any] = Future()
    failed.set_exception(RuntimeError("XLA"))
    wait([failed])


def test_control_c_is_heard_while_a_compilation_is_waited_for() -> None:
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        wait([Future()])
