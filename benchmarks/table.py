"""Markdown tables, and a results file whose sections are replaced one by one."""

from __future__ import annotations

import re
from collections.abc import Sequence

INTRODUCTION = """\
# Benchmarks

Written by `make bench`. Ratios are medians of ratios within a round, in which all contenders took their turn; see
`benchmarks/` for what each of them runs. Figures of different sections may be of different days.
"""


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table; the first column is aligned left, the others right."""
    lines = [columns, ["---"] + ["---:"] * (len(columns) - 1), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def merged(document: str, sections: dict[str, str], order: Sequence[str]) -> str:
    """Return the document with some sections replaced and the others kept.

    Args:
        document: the Markdown file as it is; may be empty.
        sections: title ↦ text, of the sections measured now.
        order: titles of all sections; others are dropped.
    """
    _, *parts = re.split(r"^## ", document, flags=re.MULTILINE)
    former = {title.strip(): text.strip() for title, _, text in (part.partition("\n") for part in parts)}
    texts = former | {title: text.strip() for title, text in sections.items()}
    return "\n".join([INTRODUCTION, *(f"## {title}\n\n{texts[title]}\n" for title in order if title in texts)])
