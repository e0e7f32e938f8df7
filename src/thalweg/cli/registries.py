"""The names in a room's registry, read from its source, so that help need not import the engine."""

from __future__ import annotations

import ast
from pathlib import Path


def registry_names(registry: str) -> list[str]:
    """Return the keys of a room's explicit dictionary.

    Args:
        registry: room (or its file) and name, such as ``"optimizers.OPTIMIZERS"`` or ``"data.scalings.SCALINGS"``.

    Example:
        >>> registry_names("optimizers.OPTIMIZERS")[:2]
        ['sgd', 'momentum']
    """
    room, _, name = registry.rpartition(".")
    place = Path(__file__).parents[1].joinpath(*room.split("."))
    for file in sorted(place.glob("*.py")) or [place.with_suffix(".py")]:
        text = file.read_text(encoding="utf-8")
        if f"\n{name}: dict" not in text:
            continue
        for node in ast.parse(text).body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == name:
                return _keys(node.value)
    return []


def _keys(value: ast.expr | None) -> list[str]:
    """Keys of ``{"a": …}``, or first arguments of ``{entry.name: entry for entry in (Entry("a", …), …)}``."""
    found: list[ast.expr | None] = []
    if isinstance(value, ast.Dict):
        found = list(value.keys)
    elif isinstance(value, ast.DictComp) and isinstance(value.generators[0].iter, ast.Tuple):
        found = [call.args[0] for call in value.generators[0].iter.elts if isinstance(call, ast.Call) and call.args]
    return [str(key.value) for key in found if isinstance(key, ast.Constant)]
