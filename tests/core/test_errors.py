"""The form of messages, and what an error can be caught as."""

from __future__ import annotations

import copy
import inspect
import pickle
from typing import Any

import pytest

from thalweg.core import errors
from thalweg.core.errors import ArgumentError, DivergedError, ThalwegError, nearest

CLASSES = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if kind.__module__ == errors.__name__]
ERRORS = [kind for kind in CLASSES if not issubclass(kind, Warning)]


def test_argument_error_names_the_argument_what_was_expected_what_came_and_how_to_mend_it() -> None:
    error = ArgumentError("batch_size", "at most 120, the number of rows", 128, "Leave it out to use all rows.")
    assert str(error) == (
        "batch_size: expected at most 120, the number of rows, got 128. Leave it out to use all rows."
    )
    assert (error.argument, error.got) == ("batch_size", 128)


def test_without_a_hint_the_message_ends_at_the_full_stop() -> None:
    assert str(ArgumentError("epochs", "a whole number", "ten")).endswith("got ten.")


def test_divergence_tells_epoch_step_and_quantity() -> None:
    error = DivergedError(3, 17, "the gradient of layer 2 (dense)", "Lower the learning rate.")
    assert str(error) == (
        "training diverged in epoch 3, step 17: the gradient of layer 2 (dense) is not finite. Lower the learning rate."
    )
    assert (error.epoch, error.step) == (3, 17)


@pytest.mark.parametrize("kind", ERRORS)
def test_every_error_is_of_the_tree_and_says_when_it_is_raised(kind: type) -> None:
    assert issubclass(kind, ThalwegError)
    assert kind.__doc__


ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "ArgumentError": ("epochs", "a whole number", lambda: 3, "Give 10."),
    "DivergedError": (3, 17, "the gradient of layer 2 (dense)", "Lower the learning rate."),
}


@pytest.mark.parametrize("kind", CLASSES)
def test_errors_and_warnings_of_another_process_say_what_they_said_there(kind: type[Exception]) -> None:
    error = kind(*ARGUMENTS.get(kind.__name__, ("What came, and how to mend it.",)))
    if isinstance(error, DivergedError):
        error.members, error.trained = {2: "step 5"}, lambda: "what no process can be sent"
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(other) is kind
        assert str(other) == str(error)
        for name in ("argument", "hint", "epoch", "step", "quantity", "members"):
            assert getattr(other, name, None) == getattr(error, name, None)


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        ("ArgumentError", ValueError),
        ("DataError", ValueError),
        ("StorageError", OSError),
        ("DivergedError", ArithmeticError),
    ],
)
def test_errors_can_be_caught_as_the_builtin_they_refine(kind: str, builtin: type) -> None:
    assert issubclass(getattr(errors, kind), builtin)


@pytest.mark.parametrize(
    ("name", "choices", "hint"),
    [
        ("rleu", ["relu", "tanh"], "Did you mean 'relu'?"),
        ("learning-rate", ["learning_rate", "epochs"], "Did you mean 'learning_rate'?"),
        ("zzz", ["relu", "tanh"], ""),
        ("", ["relu"], ""),
        ("relu", [], ""),
    ],
)
def test_nearest(name: str, choices: list[str], hint: str) -> None:
    assert nearest(name, choices) == hint
