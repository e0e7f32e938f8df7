"""Write formulas as MathML, which browsers show by themselves: the pages need no script and no network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docutils.nodes import SkipNode
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util import logging

if TYPE_CHECKING:
    from docutils.nodes import Element
    from sphinx.application import Sphinx
    from sphinx.writers.html5 import HTML5Translator

logger = logging.getLogger(__name__)


def inline(translator: HTML5Translator, node: Element) -> None:
    """Write a formula within a line."""
    translator.body.append(_mathml(node))
    raise SkipNode


def block(translator: HTML5Translator, node: Element) -> None:
    """Write a formula on its own."""
    translator.body.append(f'<div style="margin: 1em 0">{_mathml(node, as_block=True)}</div>')
    raise SkipNode


def _mathml(node: Element, *, as_block: bool = False) -> str:
    try:
        return str(tex2mathml(node.astext(), as_block=as_block))
    except MathError as error:
        logger.warning("formula %r: %s", node.astext(), error, location=node)
        return ""


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
