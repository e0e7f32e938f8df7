"""What every lesson leaves: two pictures that show something, and a text.

A lesson is run in one test alone, since each run costs the compilation of what it trains.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np

import thalweg as tw

TINY: dict[str, dict[str, Any]] = {
    "neuron": {"points": 61},
    "segmentation": {"images": 6, "size": 64, "epochs": 8},
    "noise-models": {"rows": 200, "epochs": 250},
    "universal-approximation": {"neurons": (1, 16), "epochs": 300, "starts": 3},
    "digits": {"hidden": 16, "epochs": 1},
}
"""Settings that keep a lesson's point and cost little."""


def run_lesson(name: str, folder: Path) -> Any:
    """Run a lesson with settings for tests, check its text and pictures, and return its numbers."""
    done = tw.lessons.run(name, folder, quick=True, **TINY.get(name, {}))
    assert len(done.text.split()) > 40
    assert max(map(len, done.text.splitlines())) <= 100
    check_pictures(done.files)
    return done.numbers


def check_pictures(files: tuple[Path, ...]) -> None:
    """A PNG of the width of a page and an SVG, both with something drawn on white."""
    png, svg = files
    assert (png.suffix, svg.suffix) == (".png", ".svg")
    pixels = matplotlib.image.imread(png)
    height, width = pixels.shape[:2]
    assert width == 1152
    assert 400 < height < 1400
    assert (pixels[[0, -1]] == 1).all()  # nothing runs over the edge, and the ground is white
    inked = (pixels[..., :3] < 0.9).any(axis=-1)
    assert 0.01 < inked.mean() < 0.9
    # Every quarter of the picture holds something.
    assert all(half.any() for part in np.array_split(inked, 2) for half in np.array_split(part, 2, axis=1))
    root = ET.parse(svg).getroot()
    assert root.tag.endswith("svg")
    assert len(list(root.iter("{http://www.w3.org/2000/svg}path"))) > 20
