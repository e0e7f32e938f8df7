"""The picture of the loss around the network, where one was drawn."""

from __future__ import annotations

import base64

from thalweg.runs.report.files import RunFiles
from thalweg.runs.report.html import Html, el, section

PICTURE = "landscape.png"


def landscape(run: RunFiles) -> Html | None:
    """Return the section, or None for a run whose landscape was not drawn."""
    try:
        drawn = base64.b64encode((run.folder / PICTURE).read_bytes()).decode()
    except OSError:
        return None
    image = el("img", src=f"data:image/png;base64,{drawn}", alt="Contours of the loss around the trained network")
    intro = (
        "The loss around the trained network (+) along two directions. A wide basin forgives changes of the weights."
    )
    return section("Loss landscape", el("div", image, class_="full"), id="landscape", intro=intro)
