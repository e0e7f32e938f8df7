"""Sphinx settings: strict (every warning is an error), Markdown pages, one API page a room."""

from __future__ import annotations

import sys
from pathlib import Path

import thalweg

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "thalweg"
author = "the thalweg authors"
copyright = "the thalweg authors, Apache License 2.0"
release = version = thalweg.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "lesson_pictures",
    "mathml",
    "reference_pages",
]
exclude_patterns = ["_build", "_generated"]
myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

autodoc_default_options = {"member-order": "bysource"}
autodoc_preserve_defaults = True
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True

# Links into other projects would need their inventories from the network, and a build must not depend on it: nitpicky
# mode therefore holds references into thalweg alone.
# Private names appear in signatures and have no page.
nitpick_ignore_regex = [(r"py:.*", r"(?!thalweg\.).*"), (r"py:.*", r".*\._\w+")]

html_math_renderer = "mathml"
html_theme = "furo"
html_title = "thalweg"
