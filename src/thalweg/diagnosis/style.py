"""The house style of the pictures: one width, one type size, few lines, colors that everyone can tell apart.

The palette is that of Okabe and Ito, which stays distinct under the common kinds of color blindness. Pictures are drawn
without pyplot, so that a lesson neither opens windows nor changes a caller's settings.

Source: M. Okabe, K. Ito, *Color Universal Design* (2008).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from matplotlib import rc_context, rcdefaults, rcParams
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, PINK, SKY, YELLOW = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00"
INK, SOFT, PALE = "#15202B", "#66727E", "#DDE4EA"
CYCLE = (BLUE, ORANGE, GREEN, PINK, YELLOW, SKY)
"""Colors of series, in order."""

SEQUENTIAL = LinearSegmentedColormap.from_list("thalweg-blues", ["#FFFFFF", "#B9D9EC", "#5BA4D0"])
"""From nothing to much; lines in any of the colors stand out against it."""

WIDTH = 7.2
"""Inches: 1152 pixels at 160 a inch, the width of a docs page on a sharp screen."""

STYLE: Any = {
    "axes.edgecolor": SOFT,
    "axes.labelcolor": INK,
    "axes.labelsize": 9,
    "axes.linewidth": 0.8,
    "axes.prop_cycle": f"cycler('color', {list(CYCLE)})",
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlepad": 8,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "figure.constrained_layout.h_pad": 0.08,
    "figure.constrained_layout.w_pad": 0.08,
    "figure.dpi": 160,
    "figure.facecolor": "white",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: the same picture on every machine
    "font.size": 9,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
    "mathtext.fontset": "dejavusans",
    "savefig.dpi": 160,
    "svg.hashsalt": "thalweg",
    "text.color": INK,
    "xtick.color": SOFT,
    "xtick.labelsize": 8,
    "ytick.color": SOFT,
    "ytick.labelsize": 8,
}
"""Settings of matplotlib under which every picture is drawn and saved."""


@contextmanager
def house_style() -> Iterator[None]:
    """Draw in the house style, in place of the caller's settings; serves as a decorator too."""
    with rc_context():
        rcdefaults()
        rcParams.update(STYLE)
        yield


def figure(height: float) -> Figure:
    """Return an empty figure of the house's width.

    Args:
        height: inches.
    """
    return Figure((WIDTH, height), layout="constrained")


def label(axes: Axes, x: float, y: float, text: str, color: str = INK, **options: Any) -> None:
    """Write a series' name beside it, in its color, so that nobody has to look it up in a legend."""
    usual: dict[str, Any] = {"color": color, "fontsize": 8.5, "va": "center"}
    usual["bbox"] = {"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.75}
    axes.text(x, y, text, **usual | options)


def bare(axes: Axes) -> None:
    """Take ticks and frame from a picture that is an image."""
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
