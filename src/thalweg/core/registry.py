"""Names to choices: each room keeps one explicit dictionary, looked up here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from thalweg.core.errors import ArgumentError, nearest

Choice = TypeVar("Choice")


def lookup(registry: Mapping[str, Choice], name: str, argument: str) -> Choice:
    """Return the registered choice called ``name``.

    Args:
        registry: the room's dictionary of choices.
        name: what the user asked for.
        argument: name of the argument or flag, for the message.

    Raises:
        ArgumentError: no such choice; names the nearest one.

    Example:
        >>> lookup({"relu": 1, "tanh": 2}, "tanh", "activation")
        2
    """
    try:
        return registry[name]
    except (KeyError, TypeError):
        raise ArgumentError(
            argument,
            f"one of {', '.join(sorted(registry))}",
            repr(name),
            nearest(str(name), registry),
        ) from None
