"""Numbers and words for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

LINE = 84


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return an aligned table: the first column to the left, numbers to the right.

    Example:
        >>> print(table(("norm", "of (3, 4)"), [("l1", "7.0"), ("l2", "5.0")]))
        norm  of (3, 4)
        l1          7.0
        l2          5.0
    """
    lines = [[str(cell) for cell in line] for line in (header, *rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    return "\n".join(
        "  ".join(
            f"{cell:<{w}}" if i == 0 else f"{cell:>{w}}" for i, (cell, w) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def words(*paragraphs: str) -> str:
    r"""Return paragraphs, each filled to the width of a terminal.

    Example:
        >>> words("One  line.", "Another.")
        'One line.\n\nAnother.'
    """
    return "\n\n".join(textwrap.fill(" ".join(text.split()), LINE) for text in paragraphs)
