"""Every error thalweg raises on purpose, in one tree.

Messages follow one form: which argument, what was expected, what came, how to mend it. The command
line prints the message alone and exits with status 2.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any


class ThalwegError(Exception):
    """Base of every error raised on purpose."""


class ArgumentError(ThalwegError, ValueError):
    """An argument or setting that cannot be used.

    Args:
        argument: name of the argument, flag or configuration key.
        expected: what would have been accepted.
        got: what came, as the user would recognize it.
        hint: how to mend it, one sentence.

    Example:
        >>> str(ArgumentError("learning_rate", "a number above 0", "-1"))
        'learning_rate: expected a number above 0, got -1.'
    """

    def __init__(self, argument: str, expected: str, got: object, hint: str = "") -> None:
        self.argument, self.expected, self.got, self.hint = argument, expected, got, hint
        super().__init__(f"{argument}: expected {expected}, got {got}. {hint}".rstrip())

    def __reduce__(self) -> tuple[Any, ...]:
        # By default exceptions are made again from their message alone, and an error in another process is lost.
        return type(self), (self.argument, self.expected, str(self.got), self.hint)


class DataError(ThalwegError, ValueError):
    """Data that cannot be read, or cannot be learned from."""


class DataWarning(UserWarning):
    """Data that was read or encoded, but not quite as a user may expect."""


class TrainingWarning(UserWarning):
    """Training that ended, but not all of it as asked."""


class StorageError(ThalwegError, OSError):
    """A file or folder that is missing, in use, read-only, or on a full disk."""


class StorageWarning(UserWarning):
    """A file that could not be written, without which the rest is whole."""


class ModelError(ThalwegError, ValueError):
    """A model or run folder that is damaged, or written by a newer version."""


class DivergedError(ThalwegError, ArithmeticError):
    """Training produced a quantity that is not finite.

    Args:
        epoch: epoch in which it happened, from 1.
        step: minibatch within that epoch, from 1.
        quantity: the first quantity that was not finite, e.g. ``"activations of layer 2 (dense)"``.
        hint: what to change.
    """

    def __init__(self, epoch: int, step: int, quantity: str, hint: str = "") -> None:
        self.epoch, self.step, self.quantity, self.hint = epoch, step, quantity, hint
        # The last finite parameters and the history so far, where the training loop raised this.
        self.trained: object = None
        # Number of each member ↦ where it diverged, where several were trained at once.
        self.members: dict[int, str] = {}
        super().__init__(f"training diverged in epoch {epoch}, step {step}: {quantity} is not finite. {hint}".rstrip())

    def __reduce__(self) -> tuple[Any, ...]:
        # What was trained stays where it is.
        return type(self), (self.epoch, self.step, self.quantity, self.hint), {"members": self.members}


def nearest(name: str, choices: Iterable[str]) -> str:
    """Return ``"Did you mean 'x'?"`` for the closest choice, or ``""`` when none is close.

    Example:
        >>> nearest("adm", ["adam", "sgd"])
        "Did you mean 'adam'?"
    """
    known = list(choices)
    close = get_close_matches(name, known, n=1, cutoff=0.5) or [c for c in known if name and c.startswith(name)]
    return f"Did you mean {close[0]!r}?" if close else ""
