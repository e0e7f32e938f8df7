"""The history of a fit as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from thalweg.core.errors import ArgumentError

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_history(history: Sequence[Mapping[str, Any]], quantity: str = "loss", ax: Axes | None = None) -> Axes:
    """Draw a quantity by epochs, a line each for training and validation rows.

    Args:
        history: a dictionary an epoch.
        quantity: such as ``"loss"``; every key ``PART_quantity`` gives a line, with gaps where epochs have no such key.
        ax: where to draw; by default a new figure.

    Raises:
        ArgumentError: the history has no such quantity.
    """
    # Where training went on, some lines may lack what others have.
    keys = dict.fromkeys(key for row in history for key in row)
    parts = {key.removesuffix(f"_{quantity}"): key for key in keys if key.endswith(f"_{quantity}")}
    if not parts:
        known = sorted({key.split("_", 1)[1] for key in keys if "_" in key and key != "learning_rate"})
        raise ArgumentError("quantity", f"one of {', '.join(known)}", repr(quantity))
    if ax is None:
        from matplotlib import pyplot as plt

        ax = plt.subplots()[1]
    for part, key in parts.items():
        values = np.array([row.get(key) for row in history], float)
        # A value between gaps has no line to its neighbors.
        marker = "." if np.isnan(values).any() else None
        ax.plot([row["epoch"] for row in history], values, marker=marker, label=part)
    ax.set_xlabel("epoch")
    ax.set_ylabel(quantity)
    ax.legend()
    return ax
