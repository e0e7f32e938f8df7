"""Markup that is escaped by default: text given to `el` cannot become an element, an attribute or a script.

Class names, column names and paths come from users' files, so no section writes a tag as a string.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

_VOID = frozenset({"img", "br", "input", "meta", "hr"})


class Html(str):
    """Text that is markup already; everything else is escaped when it is put into an element."""

    __slots__ = ()


def el(tag: str, /, *children: object, **attributes: object) -> Html:
    """Return an element.

    Args:
        tag: its name.
        children: `Html`, text (escaped), numbers, lists of these; ``None`` is left out.
        attributes: ``class_`` for ``class``, ``data_x`` for ``data-x``; ``None`` and ``False`` are left out, ``True``
            gives an attribute without value.

    Example:
        >>> el("p", "a < b ", el("b", "c"), class_="note")
        '<p class="note">a &lt; b <b>c</b></p>'
    """
    parts = [f"<{tag}"]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        name = key.rstrip("_").replace("_", "-")
        parts.append(f" {name}" if value is True else f' {name}="{escape(str(value), quote=True)}"')
    parts.append(">")
    if tag not in _VOID:
        parts.append(join(children))
        parts.append(f"</{tag}>")
    return Html("".join(parts))


def join(children: Iterable[object]) -> Html:
    """Put children one after another, as `el` does.

    Example:
        >>> join(["<", el("br"), None])
        '&lt;<br>'
    """
    parts: list[str] = []
    for child in children:
        if child is None:
            continue
        if isinstance(child, Html):
            parts.append(child)
        elif isinstance(child, (list, tuple)):
            parts.append(join(child))
        else:
            parts.append(escape(str(child), quote=True))
    return Html("".join(parts))


def table(
    head: Sequence[object],
    rows: Iterable[Sequence[object]],
    *,
    caption: str | None = None,
    numbers: Iterable[int] = (),
    row_heads: bool = True,
    class_: str | None = None,
) -> Html:
    """Return a table that scrolls sideways where it is wider than the screen.

    Args:
        head: the column headings.
        rows: the cells.
        caption: what the table shows, for those who hear it.
        numbers: columns set flush right.
        row_heads: the first cell names its row.
        class_: classes of the table.
    """
    right = set(numbers)

    def kind(column: int) -> str | None:
        return "n" if column in right else None

    body = [
        el(
            "tr",
            [
                el("th", cell, scope="row", class_=kind(i)) if i == 0 and row_heads else el("td", cell, class_=kind(i))
                for i, cell in enumerate(row)
            ],
        )
        for row in rows
    ]
    return el(
        "div",
        el(
            "table",
            el("caption", caption, class_="sr") if caption else None,
            el("thead", el("tr", [el("th", h, scope="col", class_=kind(i)) for i, h in enumerate(head)])),
            el("tbody", body),
            class_=class_,
        ),
        class_="scroll",
        tabindex="0",
        role="group",
        aria_label=caption or "Table",
    )


def details(summary: str, *children: object) -> Html:
    """Return a part that is folded away until asked for."""
    return el("details", el("summary", summary), *children)


def section(title: str, *children: object, id: str, intro: object = None) -> Html:  # noqa: A002 - the HTML name
    """Return a section with its heading and an introductory sentence."""
    return el(
        "section",
        el("h2", title, id=id),
        el("p", intro, class_="intro") if intro else None,
        *children,
        aria_labelledby=id,
    )


def data(value: Any) -> Html:
    r"""Return data for the page's script; no text in it can end the element it stands in.

    Example:
        >>> data({"a": "</script>"})
        '<script type="application/json">{"a":"\\u003c/script\\u003e"}</script>'
    """
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Html(f'<script type="application/json">{text}</script>')
