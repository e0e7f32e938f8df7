"""Draw the pictures of the lessons' pages: whoever builds the docs runs the lessons.

Writes ``lessons/pictures/NAME.svg`` and, with the numbers and words, ``NAME.txt``. They are drawn again only when the
package has changed. A process of its own does it: Sphinx forks to read pages in parallel, and JAX, once loaded, must
not be forked.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import thalweg

if TYPE_CHECKING:
    from sphinx.application import Sphinx

PACKAGE = Path(thalweg.__file__).parent
DRAW = """
import sys
from pathlib import Path
import thalweg as tw
from thalweg.cli.engine import keep_compiled
keep_compiled()
folder = Path(sys.argv[1])
for name in tw.lessons.LESSONS:
    done = tw.lessons.run(name, folder, quick=True, formats=("svg",))
    (folder / f"{name}.txt").write_text(done.text + "\\n", encoding="utf-8")
"""


def _state() -> str:
    """Return a digest of the package's code."""
    digest = hashlib.sha256(DRAW.encode())
    for file in sorted(PACKAGE.rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def draw_pictures(app: Sphinx) -> None:
    """Run every lesson with its quick settings, unless the pictures are of this code already."""
    folder = Path(app.srcdir) / "lessons" / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    mark, state = folder / ".state", _state()
    if mark.exists() and mark.read_text() == state:
        return
    subprocess.run([sys.executable, "-c", DRAW, str(folder)], check=True)  # noqa: S603 (our own code)
    mark.write_text(state)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("builder-inited", draw_pictures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
