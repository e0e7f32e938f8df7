"""What an encoder makes of the columns of a table, in words: one line, or a line for each column."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from thalweg.data.columns import some

if TYPE_CHECKING:
    from thalweg.data.encode import Encoder

HEADER = ("column", "kind", "encoded as", "missing", "levels")


def describe(encoder: Encoder) -> str:
    """A table with a line for each column: its kind, how it is encoded, missing values, levels.

    Columns of an array are told in one line, and those in a second that never vary.
    """
    if not encoder.columns:
        idle = [name for name, scale in zip(encoder.number_names, encoder.numbers.scale, strict=False) if scale == 0]
        return "\n".join([in_short(encoder), *([f"never vary: {some(idle)}"] if idle else [])])
    encoded = _encodings(encoder)
    rows = [HEADER]
    for column in encoder.columns:
        levels = "" if column.levels is None else str(column.levels)
        told = column.why if column.kind == "ignore" else encoded.get(column.name, "")
        rows.append((column.name, column.kind, told, str(column.missing or ""), levels))
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADER))]
    lines = []
    for row in rows:
        left = [cell.ljust(width) for cell, width in zip(row[:3], widths[:3], strict=True)]
        right = [cell.rjust(width) for cell, width in zip(row[3:], widths[3:], strict=True)]
        lines.append("  ".join([*left, *right]).rstrip())
    return "\n".join([*lines, in_short(encoder)])


def in_short(encoder: Encoder) -> str:
    """One line: how many columns there are of each encoding, and how many inputs they make.

    Example:
        >>> from thalweg.data.encode import Encoder
        >>> from thalweg.data.read import read
        >>> in_short(Encoder.fit(read("iris"), scaling="robust"))
        '4 columns: 4 numbers (robust); 4 inputs'
    """
    numbers, onehot = encoder.number_names, [column for column in encoder.levels if not column.signed]
    counts = {
        f"numbers ({_scaled(encoder)})": len(numbers),
        "dates": len(encoder.dates),
        "with two levels": sum(column.signed for column in encoder.levels),
        "one-hot": len(onehot),
        "embedded": len(encoder.codes),
        "left out": len(encoder.ignored),
    }
    total = len(encoder.input_names) + len(encoder.ignored)
    told = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    return f"{total} columns: {told}; {encoder.feature_width} inputs"


def _encodings(encoder: Encoder) -> dict[str, str]:
    """How each column is encoded, by name."""
    gaps = Counter(encoder.number_columns[i] for i in encoder.numbers.missing)
    told = dict.fromkeys(encoder.number_names, f"{_scaled(encoder)} scaling")
    if encoder.numbers.scaling == "adaptive":
        for i, name in enumerate(encoder.number_names):
            told[name] = "robust scaling" if encoder.numbers.knots_of(i) is None else "normal scores"
    for date in encoder.dates:
        told[date.name] = " + ".join(["elapsed days", *(f"cycle of the {cycle}" for cycle in date.cycles)])
    for name in gaps:
        told[name] += " + indicator of missing"
    for column in encoder.levels:
        width = column.feature_width
        told[column.name] = "one column of -1 and 1" if column.signed else f"one-hot, {width} columns"
    return told | {code.name: f"embedding of {code.size} codes" for code in encoder.codes}


def _scaled(encoder: Encoder) -> str:
    return {"none": "no"}.get(encoder.numbers.scaling, encoder.numbers.scaling)
